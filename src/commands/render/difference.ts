import type { ApprovalAnswer } from '../../operator/views.js';
import type { PlanLine } from '../../reconcile/difference.js';
import { colours, type Io } from '../io.js';

/** What sets the fresh plan apart from the approved one, and what may be approved instead. */
export function renderDifference(answer: Extract<ApprovalAnswer, { approved: false }>, io: Io): string[] {
  const paint = colours(io);
  const { came, went, changed } = answer.difference;
  const lines = [
    paint.red(`nothing was approved: the plan is not ${answer.hash} any more`),
    ...came.flatMap((line) => lineOf(line, 'came', paint.red)),
    ...went.flatMap((line) => lineOf({ ...line, steps: [] }, 'went', paint.green)),
    ...changed.flatMap((line) => lineOf(line, 'changed', paint.yellow)),
  ];
  if (answer.instead === undefined) lines.push('nothing of it is due any more');
  else lines.push('', `the plan is ${answer.instead} now`, `  entramox approve ${answer.instead}`);
  return lines;
}

function lineOf({ what, upn, reason, steps }: PlanLine, word: string, paint: (text: string) => string): string[] {
  const kind = what === 'change' ? '' : ` ${what}`;
  return [paint(`  ${word}:${kind} ${upn}${reason ? ` (${reason})` : ''}`), ...steps.map((step) => `      ${step}`)];
}
