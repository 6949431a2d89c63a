import { catchUpLateness } from '../../operator/catch-up.js';
import { lateness } from '../../operator/health.js';
import type { ReconcilerStatus } from '../../operator/status.js';
import type { ExpiryView } from '../../telemetry/expiry.js';
import { lakefsAlarms } from './lakefs.js';
import { ago, span } from './words.js';

/** What of the reconciler needs somebody, most urgent first. */
export function alarmsOf(status: ReconcilerStatus, now: number): string[] {
  const held = status.held;
  const late = lateness(status, now);
  const unasked = catchUpLateness(status.catchUp, now);
  return [
    ...(status.dryRun ? ['DRY_RUN is on: nothing is written'] : []),
    ...problemAlarms(status, now),
    ...(held
      ? [
          `HELD since ${ago(held.since, now)}: ${held.why}`,
          `  entramox approve ${held.hash}   after reading the list below`,
          ...(held.by === 'first-run' ? [] : [`  entramox reject ${held.hash}    to keep them all as they are`]),
        ]
      : []),
    ...(status.rejected ?? []).map(
      ({ removals, until }) => `${removals.length} kept by an operator's rejection until ${until}, see below`,
    ),
    // What a sweep held is told above for as long as it is held.
    ...(status.lastSweep && ['degraded', 'failed'].includes(status.lastSweep.result)
      ? [`last sweep ${status.lastSweep.result}: ${status.lastSweep.why ?? ''}`]
      : []),
    ...(late ? [`${late.detail}: see the journal of the reconciler`] : []),
    ...(unasked ? [unasked.detail] : []),
    ...status.queue.parked.map((item) => `parked ${item.key} after ${item.attempts} attempts: ${item.error}`),
    ...status.conflicts.map((item) => `conflict ${item.upn} on ${item.target}: ${item.what}. ${item.remedy}`),
    ...(status.lakefs ? lakefsAlarms(status.lakefs) : []),
    ...status.failing.map(
      ({ upn, problem, since }) =>
        `failing ${upn}: ${problem}${since ? ` (for ${span(now - Date.parse(since))})` : ''}`,
    ),
    ...(status.expiring ?? []).map(expiryAlarm),
    ...integrityAlarms(status),
  ];
}

/** Each with since when it lasts, and with what mends it below it where its words do not say so themselves. */
function problemAlarms({ problems, conditions }: ReconcilerStatus, now: number): string[] {
  if (!conditions) return problems;
  return conditions.flatMap(({ detail, since, mend }) => [
    `${detail} [since ${since.slice(0, 16).replace('T', ' ')} UTC, ${span(now - Date.parse(since))}]`,
    ...(mend && !detail.includes(mend) ? [`  ${mend}`] : []),
  ]);
}

function expiryAlarm({ credential, name, expiresAt, level, daysLeft, remedy }: ExpiryView): string {
  if (credential === 'proxmox-token-rotation') return `${name} was to be rotated or revoked by ${expiresAt}: ${remedy}`;
  const when = level === 'expired' ? `has ended (${expiresAt})` : `ends in ${daysLeft} d (${expiresAt})`;
  return `${name === undefined ? credential : `the token ${name}`} ${when}: ${remedy}`;
}

/** What is enforced cannot be wrong while something runs, other than by what was changed since. */
function integrityAlarms({ integrity }: ReconcilerStatus): string[] {
  if (!integrity) return [];
  const { enforced, distrusted, changed } = integrity;
  return [
    ...(enforced ? distrusted.map(({ why, mend }) => `${why}: the next start will be refused. ${mend}`) : []),
    ...changed.map((path) => `${path} was changed since it was sealed. If that was you: entramox integrity seal`),
  ];
}
