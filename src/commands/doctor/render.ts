import type { colours } from '../io.js';
import { CATALOGUE, type CheckName, PARTS } from './catalogue.js';
import { type Check, type CheckState, isOk } from './check.js';

type Paint = ReturnType<typeof colours>;

const COLUMNS = 80;
const INDENT = 6;

const LABELS: Readonly<Record<CheckState, string>> = {
  fine: 'ok',
  remark: 'ok',
  wrong: 'NO',
  unreachable: '??',
  skipped: '--',
};

/** The checks of one command: under which heading each is shown, and what follows where it is not well. */
export interface Catalogue<Name extends string> {
  parts: readonly string[];
  checks: Readonly<Record<Name, { part: string; why: string }>>;
}

const DOCTOR: Catalogue<CheckName> = { parts: PARTS, checks: CATALOGUE };

/** What `--json` prints: exactly these fields; `why` and `mend` are null where there is nothing to say or do. */
export interface ShownCheck {
  name: string;
  ok: boolean;
  saw: string;
  why: string | null;
  mend: string | null;
}

export function shownCheck(check: Check): ShownCheck {
  return shownBy(DOCTOR, check);
}

/** The same for the checks of another command. */
export function shownBy<Name extends string>({ checks }: Catalogue<Name>, check: Check<Name>): ShownCheck {
  const why = isOk(check) ? null : checks[check.name].why;
  return { name: check.name, ok: isOk(check), saw: check.saw, why, mend: check.mend ?? null };
}

/** The checks by part, with why and what to do where one is not well, and the sum of it at the end. */
export function renderChecks(checks: readonly Check[], paint: Paint): string[] {
  return renderBy(DOCTOR, checks, paint);
}

/** The same for the checks of another command. */
export function renderBy<Name extends string>(
  catalogue: Catalogue<Name>,
  checks: readonly Check<Name>[],
  paint: Paint,
): string[] {
  const lines = catalogue.parts.flatMap((part) => {
    const own = checks.filter(({ name }) => catalogue.checks[name].part === part);
    if (own.length === 0) return [];
    return [
      paint.bold(part),
      ...own.flatMap((check) => renderCheck(check, catalogue.checks[check.name].why, paint)),
      '',
    ];
  });
  return [...lines, summary(checks, paint)];
}

function renderCheck(check: Check<string>, why: string, paint: Paint): string[] {
  const { name, state, saw, mend } = check;
  const label = paintOf(state, paint)(LABELS[state]);
  const [first = '', ...rest] = wrap(`${name}: ${saw}`);
  return [
    `  ${label}  ${first}`,
    ...indented(rest),
    ...(isOk(check) ? [] : indented(wrap(`why: ${why}`))),
    ...(mend ? indented(wrap(`${isOk(check) ? 'note' : 'mend'}: ${mend}`)) : []),
  ];
}

function paintOf(state: CheckState, paint: Paint): (text: string) => string {
  switch (state) {
    case 'fine':
      return paint.green;
    case 'wrong':
      return paint.red;
    case 'remark':
    case 'unreachable':
    case 'skipped':
      return paint.yellow;
    default:
      return state satisfies never;
  }
}

function summary(checks: readonly Pick<Check, 'state'>[], paint: Paint): string {
  const count = (...states: CheckState[]) => checks.filter(({ state }) => states.includes(state)).length;
  const wrongs = count('wrong');
  const blind = count('unreachable', 'skipped');
  if (wrongs > 0) return paint.red(`${wrongs} of ${checks.length} checks found something wrong.`);
  if (blind > 0)
    return paint.yellow(`Nothing is known to be wrong; ${blind} of ${checks.length} checks could not be made.`);
  return paint.green(`All ${checks.length} checks are fine.`);
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `${' '.repeat(INDENT)}${line}`);
}

/** Lines of at most 80 columns once they are indented; a word that is longer, such as a command's path, stays whole. */
function wrap(text: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length > COLUMNS - INDENT) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
