import type { HeldPlan } from '../../ledger/document.js';
import type { PlannedIdentity } from '../../operator/reconciler-routes.js';
import { colours, type Io } from '../io.js';

export interface PlanView {
  identities: readonly PlannedIdentity[];
  held?: HeldPlan | undefined;
}

/** A plan as a diff: who, and under each the steps; what takes away in red, what gives in green. */
export function renderPlan({ identities, held }: PlanView, io: Io): string[] {
  const paint = colours(io);
  const lines: string[] = [];
  for (const { upn, oid, result, steps, why } of identities) {
    const note = result === 'applied' ? '' : ` (${result}${why ? `: ${why}` : ''})`;
    lines.push(`${paint.bold(upn)} ${paint.dim(oid)}${note}`);
    for (const step of steps) lines.push(paintStep(step, paint));
  }
  if (identities.length === 0) lines.push('nothing to do: everything is as it should be');
  if (held) lines.push('', paint.red(`held: plan ${held.hash}, ${held.why}`), `  entramox approve ${held.hash}`);
  return lines;
}

function paintStep(step: string, paint: ReturnType<typeof colours>): string {
  if (/ (lock|delete) | revoke|enabled=false/.test(step)) return paint.red(`  - ${step}`);
  if (/ (create|unlock) | grant|enabled=true/.test(step)) return paint.green(`  + ${step}`);
  return paint.yellow(`  ~ ${step}`);
}
