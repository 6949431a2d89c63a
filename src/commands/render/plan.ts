import type { PlanAnswer } from '../../operator/plan.js';
import { colours, type Io } from '../io.js';

/** A plan as a diff: who, and under each the steps; what takes away in red, what gives in green. */
export function renderPlan({ identities, held, record }: PlanAnswer, io: Io): string[] {
  const paint = colours(io);
  const lines = identities.flatMap(({ upn, oid, result, steps, why }) => {
    const note = result === 'applied' || result === 'planned' ? '' : ` (${result}${why ? `: ${why}` : ''})`;
    const who = upn === oid ? paint.bold(oid) : `${paint.bold(upn)} ${paint.dim(oid)}`;
    return [`${who}${note}`, ...steps.map((step) => paintStep(step, paint))];
  });
  const incomplete = record && record.result !== 'done';
  if (identities.length === 0 && !incomplete) lines.push('nothing to do: everything is as it should be');
  if (incomplete) lines.push(paint.red(`${record.result}${record.why ? `: ${record.why}` : ''}`));
  if (held) lines.push('', paint.red(`held: plan ${held.hash}, ${held.why}`), `  entramox approve ${held.hash}`);
  return lines;
}

function paintStep(step: string, paint: ReturnType<typeof colours>): string {
  if (/ (lock|delete) | revoke|enabled=false/.test(step)) return paint.red(`  - ${step}`);
  if (/ (create|unlock) | grant|enabled=true/.test(step)) return paint.green(`  + ${step}`);
  return paint.yellow(`  ~ ${step}`);
}
