import type { PlanAnswer } from '../../operator/plan.js';
import type { RejectedView } from '../../operator/views.js';
import { colours, type Io } from '../io.js';

/** A plan as a diff: who, and under each the steps; what takes away in red, what gives in green. */
export function renderPlan({ identities, held, rejected = [], record }: PlanAnswer, io: Io): string[] {
  const paint = colours(io);
  const lines = identities.flatMap(({ upn, oid, result, steps, why }) => {
    const note = result === 'applied' || result === 'planned' ? '' : ` (${result}${why ? `: ${why}` : ''})`;
    const who = upn === oid ? paint.bold(oid) : `${paint.bold(upn)} ${paint.dim(oid)}`;
    return [`${who}${note}`, ...steps.map((step) => paintStep(step, paint))];
  });
  const incomplete = record && record.result !== 'done';
  if (identities.length === 0 && !incomplete) lines.push('nothing to do: everything is as it should be');
  if (incomplete) lines.push(paint.red(`${record.result}${record.why ? `: ${record.why}` : ''}`));
  if (held) {
    lines.push('', paint.red(`held: plan ${held.hash}, ${held.why}`), ...held.removals.map(removalLine));
    lines.push(`  entramox approve ${held.hash}`);
    if (held.by !== 'first-run') lines.push(`  entramox reject ${held.hash}`);
  }
  lines.push(...rejected.flatMap((plan) => ['', ...renderRejected(plan)]));
  return lines;
}

/** Who of a held or rejected plan, and why. Whoever only loses rights has no reason to be locked: the steps say what. */
export function removalLine({ kind, upn, oid, reason, steps }: RejectedView['removals'][number]): string {
  return `  ${kind} ${upn ?? oid}${reason ? ` (${reason})` : `: ${steps.join('; ')}`}`;
}

/** People whom an operator's rejection keeps, until when, and how to have it otherwise. */
export function renderRejected({ hash, at, until, claimedUser, removals }: RejectedView): string[] {
  const minute = (instant: string) => `${instant.slice(0, 16).replace('T', ' ')} UTC`;
  const who = claimedUser ? ` by ${claimedUser}` : '';
  return [
    `Kept by an operator's rejection of ${minute(at)}${who}, until ${minute(until)}:`,
    ...removals.map(removalLine),
    `  To have it done after all: entramox approve ${hash}`,
  ];
}

function paintStep(step: string, paint: ReturnType<typeof colours>): string {
  if (/ (lock|delete) | revoke|enabled=false/.test(step)) return paint.red(`  - ${step}`);
  if (/ (create|unlock) | grant|enabled=true/.test(step)) return paint.green(`  + ${step}`);
  return paint.yellow(`  ~ ${step}`);
}
