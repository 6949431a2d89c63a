import type { StoredRecord, Story } from '../../telemetry/audit/story.js';
import type { Finding, Verification } from '../../telemetry/audit/verify.js';
import { colours, type Io } from '../io.js';

/** Above so many findings the rest is only counted. */
const SHOWN_FINDINGS = 50;

/** What `audit verify` says to a person. */
export function renderVerification(result: Verification, io: Io): string[] {
  const paint = colours(io);
  const { records, files, beforeTheChain, begins, ends, findings, notes } = result;
  const lines = [`${count(records, 'chained record')} in ${count(files.length, 'file')}`];
  if (beforeTheChain > 0)
    lines.push(`${count(beforeTheChain, 'record')} from before the chain, which nothing vouches for`);
  if (begins) {
    const gone = begins.seq > 1 ? `: what came before is in files that are gone` : '';
    lines.push(`the chain begins at record ${begins.seq}, ${instant(begins.at)}${gone}`);
  }
  if (ends) lines.push(`the chain ends at record ${ends.seq}, ${instant(ends.at)}`);
  for (const note of notes) lines.push(`note: ${place(note)}: ${note.what}`);
  for (const finding of findings.slice(0, SHOWN_FINDINGS)) {
    lines.push(`${paint.red('wrong')}: ${place(finding)}: ${finding.what}`);
  }
  if (findings.length > SHOWN_FINDINGS) lines.push(`and ${findings.length - SHOWN_FINDINGS} more of these`);
  lines.push(findings.length === 0 ? paint.green('the log is whole') : paint.red('the log is not whole'));
  return lines;
}

/** One person's story, a line for each record. */
export function renderStory({ oid, upns, records }: Story, io: Io): string[] {
  const paint = colours(io);
  const [latest, ...former] = [...upns].reverse();
  const earlier = former.length > 0 ? `, formerly ${former.join(', ')}` : '';
  return [paint.bold(`${latest ?? 'nobody knows the name'} (${oid})${earlier}`), ...records.map(renderRecord)];
}

function renderRecord(record: StoredRecord): string {
  const { at, target, action, name, outcome, before, after, error } = record;
  const what = [target, action, name].filter((part) => part !== undefined).join(' ');
  const change = [textOf(before), textOf(after)].filter(Boolean).join(' -> ');
  const why = error === undefined ? '' : `; ${String(error)}`;
  return `${instant(String(at))}  ${what}: ${String(outcome)}${change ? `; ${change}` : ''}${why}  [${origin(record)}]`;
}

function origin({ by, operator, claimedUser, plan, correlation }: StoredRecord): string {
  const who = operatorText(operator) ?? (claimedUser === undefined ? undefined : `claimed ${String(claimedUser)}`);
  return [
    who === undefined ? String(by) : `${String(by)} ${who}`,
    plan === undefined ? undefined : `plan ${String(plan)}`,
    correlation === undefined ? undefined : `pass ${String(correlation)}`,
  ]
    .filter((part) => part !== undefined)
    .join(', ');
}

function operatorText(operator: unknown): string | undefined {
  if (typeof operator !== 'object' || operator === null) return undefined;
  const { uid, name, proof, claimed } = operator as Record<string, unknown>;
  const word = claimed === undefined ? '' : `, claims to be ${String(claimed)}`;
  if (proof !== 'kernel') return `unproved${word}`;
  return `uid ${String(uid)}${name === undefined ? '' : ` (${String(name)})`}${word}`;
}

function textOf(value: unknown): string {
  if (value === undefined) return '';
  if (Array.isArray(value)) return `[${value.map(textOf).join(' ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([key, item]) => `${key} ${textOf(item)}`)
    .join(', ');
}

function place({ file, line }: Finding): string {
  return line === undefined ? file : `${file}, line ${line}`;
}

function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? '' : 's'}`;
}

/** `2026-11-21T09:00:00.000Z` as people read it. */
function instant(at: string): string {
  return at.replace('T', ' ').replace(/(\.\d+)?Z$/, ' UTC');
}
