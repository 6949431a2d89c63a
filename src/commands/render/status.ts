import Table from 'cli-table3';
import type { IntegrityView } from '../../integrity/view.js';
import type { ShownSubscription } from '../../listener/subscriptions/routes.js';
import { minutesBehind } from '../../operator/health.js';
import type { ReconcilerStatus } from '../../operator/status.js';
import type { HeldView } from '../../operator/views.js';
import type { ExpiryView } from '../../telemetry/expiry.js';
import { colours, type Io } from '../io.js';
import { removalLine, renderRejected } from './plan.js';

export interface StatusView {
  reconciler?: ReconcilerStatus | undefined;
  subscriptions?: readonly ShownSubscription[] | undefined;
  /** Why a part is missing here, in words. */
  missing: readonly string[];
}

/** The screen that a tired person reads at once: what needs a decision first, then the rest. */
export function renderStatus({ reconciler, subscriptions, missing }: StatusView, io: Io, now: number): string[] {
  const paint = colours(io);
  const alarms = [
    ...missing,
    ...(reconciler ? alarmsOf(reconciler, now) : []),
    ...(subscriptions ?? []).flatMap(subscriptionAlarms),
  ];
  const lines = alarms.length === 0 ? [paint.green('All is well.')] : alarms.map((alarm) => paint.red(`! ${alarm}`));
  if (reconciler) lines.push('', ...renderReconciler(reconciler, now));
  if (subscriptions) lines.push('', ...renderSubscriptions(subscriptions, now));
  return lines;
}

function alarmsOf(status: ReconcilerStatus, now: number): string[] {
  const held = status.held;
  const minutes = minutesBehind(status, now);
  return [
    ...(status.dryRun ? ['DRY_RUN is on: nothing is written'] : []),
    ...status.problems,
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
    ...(minutes === undefined ? [] : [`due work has waited for ${minutes} minutes: see the journal of the reconciler`]),
    ...status.queue.parked.map((item) => `parked ${item.key} after ${item.attempts} attempts: ${item.error}`),
    ...status.conflicts.map((item) => `conflict ${item.upn} on ${item.target}: ${item.what}. ${item.remedy}`),
    ...status.failing.map((item) => `failing ${item.upn}: ${item.problem}`),
    ...(status.expiring ?? []).map(expiryAlarm),
    ...integrityAlarms(status),
  ];
}

function renderReconciler(status: ReconcilerStatus, now: number): string[] {
  const { identities, queue, lastSweep } = status;
  const sweepText = lastSweep
    ? `${lastSweep.result} ${ago(lastSweep.finishedAt, now)}, ${lastSweep.identities} identities, ${lastSweep.applied} ${status.dryRun ? 'would be changed' : 'changed'}`
    : 'none yet';
  const oldest = queue.oldestDueAt === undefined ? '' : `, oldest due ${ago(queue.oldestDueAt, now)}`;
  const table = plainTable();
  table.push(
    [
      'identities',
      `${identities.active} active, ${identities.suspended} suspended, ${identities.grace} in grace, ${identities.deleted} deleted`,
    ],
    [
      'queue',
      `${queue.pending} pending (${queue.deferred} waiting for their time), ${queue.processing} in work, ${queue.parked.length} parked${oldest}`,
    ],
    ['last sweep', status.busy.sweep ? `running; before: ${sweepText}` : sweepText],
    ['targets', status.targets.join(', ')],
    ...(status.integrity ? [['integrity', integrityLine(status.integrity)]] : []),
  );
  const lines = [table.toString()];
  // A single one is told among the alarms.
  const { disagreements = [] } = status;
  if (disagreements.length > 1) {
    lines.push('', 'Records that disagree:');
    for (const { what } of disagreements) lines.push(`  ${what}`);
  }
  if (status.grace.length > 0) {
    lines.push('', 'Will be deleted:');
    for (const item of status.grace) lines.push(`  ${due(item, now)}  ${item.upn}  (${item.reason})`);
  }
  if (status.released.length > 0) {
    lines.push('', 'Given back, and left alone ("entramox adopt" takes them back):');
    for (const { upn, target, name, since } of status.released) {
      lines.push(`  ${upn} on ${target}${name ? ` (${name})` : ''}, ${ago(since, now)}`);
    }
  }
  if (status.suspended.length > 0) {
    lines.push('', `Suspended: ${status.suspended.map((item) => item.upn).join(', ')}`);
  }
  if (status.held) lines.push('', ...renderHeld(status.held));
  for (const plan of status.rejected ?? []) lines.push('', ...renderRejected(plan));
  return lines;
}

/** So many people of a first run are named; the plan names all. */
const FIRST_SHOWN = 20;

function renderHeld({ hash, removals, changes }: HeldView): string[] {
  if (!changes) return [`Held plan ${hash}:`, ...removals.map(removalLine), '  Every step of it: entramox plan'];
  const more = changes.length - FIRST_SHOWN;
  return [
    `Plan ${hash} of the first run on this host, where nothing is written yet:`,
    ...changes.slice(0, FIRST_SHOWN).map(({ upn, steps }) => `  ${upn}: ${steps.join('; ')}`),
    ...(more > 0 ? [`  and ${more} more`] : []),
    '  Every step of it: entramox plan',
  ];
}

function expiryAlarm({ credential, expiresAt, level, daysLeft, remedy }: ExpiryView): string {
  const when = level === 'expired' ? `has ended (${expiresAt})` : `ends in ${daysLeft} d (${expiresAt})`;
  return `${credential} ${when}: ${remedy}`;
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

function integrityLine({ enforced, why, distrusted, sealedAt }: IntegrityView): string {
  const sealed = sealedAt === undefined ? 'contents not sealed' : `contents sealed ${sealedAt}`;
  const found = distrusted.length === 0 ? '' : `, ${distrusted.length} could be changed by others`;
  return `${enforced ? 'owners and modes enforced' : `owners and modes not enforced (${why})${found}`}; ${sealed}`;
}

function renderSubscriptions(subscriptions: readonly ShownSubscription[], now: number): string[] {
  if (subscriptions.length === 0) return ['Subscriptions: none'];
  const table = plainTable();
  for (const item of subscriptions) {
    const left = item.expiresAt === undefined ? 0 : Date.parse(item.expiresAt) - now;
    const expires = item.state === 'live' ? `expires in ${span(left)}` : item.state;
    table.push([item.resource, expires, item.problem ?? '']);
  }
  return ['Subscriptions:', table.toString()];
}

function subscriptionAlarms({ resource, state, problem }: ShownSubscription): string[] {
  if (problem) return [`subscription ${resource}: ${problem}`];
  switch (state) {
    case 'live':
      return [];
    case 'expired':
      return [`subscription ${resource} has expired: its changes are seen by sweeps alone`];
    case 'missing':
      return [`subscription ${resource} is missing: its changes are seen by sweeps alone`];
    default:
      return state satisfies never;
  }
}

/** A sweep deletes; until it comes, a time that is past says nothing. */
function due({ deleteAt, waits }: ReconcilerStatus['grace'][number], now: number): string {
  if (Date.parse(deleteAt) <= now) return `due, ${waits ?? 'at the next sweep'}`;
  return `${deleteAt.slice(0, 16).replace('T', ' ')} UTC`;
}

function plainTable(): Table.Table {
  const none = '';
  const chars = Object.fromEntries(
    [
      'top',
      'top-mid',
      'top-left',
      'top-right',
      'bottom',
      'bottom-mid',
      'bottom-left',
      'bottom-right',
      'left',
      'left-mid',
      'mid',
      'mid-mid',
      'right',
      'right-mid',
      'middle',
    ].map((name) => [name, none]),
  );
  return new Table({
    chars: { ...chars, middle: '  ' },
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
  });
}

function ago(at: string, now: number): string {
  return `${span(now - Date.parse(at))} ago`;
}

function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}
