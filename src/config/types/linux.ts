import { type ValueType, valueType } from '../value-type.js';
import { absolutePath } from './scalars.js';

/** First and last uid, both included. */
export type UidRange = readonly [first: number, last: number];

/**
 * Where uids of people may lie: below 1000 are system accounts, from 60001 systemd-homed, services and containers; far
 * above is a span that nobody else uses (Debian policy 9.2.2; systemd, UIDS-GIDS).
 */
const SPANS = [
  [1000, 60_000],
  [1_879_048_192, 2_147_352_575],
] as const;

/** `20000-59999`: a range that touches none of the ranges that others use. */
export function uidRange(): ValueType<UidRange> {
  const spans = SPANS.map(([from, to]) => `from ${from} to ${to}`).join(', or ');
  const expected = `first and last uid as 20000-59999, the first below the last, both ${spans}`;
  return valueType(expected, (text, wrong) => {
    const match = /^(\d{1,10})\s*-\s*(\d{1,10})$/.exec(text);
    if (!match) return wrong();
    const [first, last] = [Number(match[1]), Number(match[2])];
    return first < last && SPANS.some(([from, to]) => first >= from && last <= to) ? [first, last] : wrong();
  });
}

/** A program and its arguments: words, quoted where they hold spaces, or a JSON array. No shell reads it. */
export function commandLine(): ValueType<readonly string[]> {
  const expected = 'a program by its absolute path, with its arguments; quotes around arguments with spaces';
  return valueType(expected, (text, wrong) => {
    const words = text.startsWith('[') ? jsonWords(text) : splitWords(text);
    return words?.[0]?.startsWith('/') ? words : wrong();
  });
}

/** A path that goes into the policy of the account agent, which takes plain characters only. */
export function plainPath(what: string): ValueType<string> {
  const expected = `the absolute path of ${what}, of letters, digits, dots, dashes and underscores`;
  const path = absolutePath(what);
  return valueType(expected, (text, wrong) => {
    const parsed = path.schema.safeParse(text);
    return parsed.success && /^(\/[A-Za-z0-9._-]+)+$/.test(parsed.data) ? parsed.data : wrong();
  });
}

function jsonWords(text: string): string[] | undefined {
  try {
    const json: unknown = JSON.parse(text);
    return Array.isArray(json) && json.every((item) => typeof item === 'string') ? json : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function splitWords(text: string): string[] | undefined {
  const WORD = /\s*((?:"[^"]*"|'[^']*'|[^\s"'])+)/y;
  const words: string[] = [];
  while (WORD.lastIndex < text.length) {
    const match = WORD.exec(text);
    if (!match) return undefined;
    words.push((match[1] ?? '').replaceAll(/"([^"]*)"|'([^']*)'/g, '$1$2'));
  }
  return words;
}
