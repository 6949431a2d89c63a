const HYPHEN = 0x2d;

/** One part of a shell pattern. */
type Part =
  | { kind: 'any-text' }
  | { kind: 'any-character' }
  | { kind: 'character'; character: string }
  | { kind: 'set'; negated: boolean; ranges: readonly (readonly [first: number, last: number])[] };

/**
 * Whether a name matches a shell pattern as Python's fnmatch has it on POSIX: `*`, `?`, `[abc]`, `[a-z]`, `[!a]`;
 * upper and lower case differ; a `[` that is never closed is itself; an empty pattern matches the empty name alone.
 * Works on code points, as Python does, in a time that grows with pattern × name at most.
 */
export function fnmatch(name: string, pattern: string): boolean {
  return matcherOf(pattern)(name);
}

/** The same for many names. */
export function matcherOf(pattern: string): (name: string) => boolean {
  const parts = parse(Array.from(pattern));
  return (name) => matchAll(Array.from(name), parts);
}

/** What every match begins with, up to the first character that is none of its own. */
export function literalPrefix(pattern: string): string {
  let prefix = '';
  for (const part of parse(Array.from(pattern))) {
    if (part.kind !== 'character') break;
    prefix += part.character;
  }
  return prefix;
}

function matchAll(name: readonly string[], parts: readonly Part[]): boolean {
  let at = 0;
  let part = 0;
  let star = -1;
  let resumeAt = 0;
  while (at < name.length) {
    const current = parts[part];
    if (current?.kind === 'any-text') {
      star = part;
      resumeAt = at;
      part += 1;
    } else if (current && takes(current, name[at] ?? '')) {
      at += 1;
      part += 1;
    } else if (star >= 0) {
      // The last star takes one character more; earlier ones need not, since it could take what they would.
      resumeAt += 1;
      at = resumeAt;
      part = star + 1;
    } else {
      return false;
    }
  }
  return parts.slice(part).every(({ kind }) => kind === 'any-text');
}

function takes(part: Part, character: string): boolean {
  if (part.kind === 'any-character') return true;
  if (part.kind === 'character') return part.character === character;
  if (part.kind === 'any-text') return false;
  const code = codeOf(character);
  return part.ranges.some(([first, last]) => first <= code && code <= last) !== part.negated;
}

function parse(pattern: readonly string[]): Part[] {
  const parts: Part[] = [];
  let at = 0;
  while (at < pattern.length) {
    const character = pattern[at] ?? '';
    at += 1;
    if (character === '*') parts.push({ kind: 'any-text' });
    else if (character === '?') parts.push({ kind: 'any-character' });
    else {
      const end = character === '[' ? endOfSet(pattern, at) : undefined;
      if (end === undefined) {
        parts.push({ kind: 'character', character });
      } else {
        parts.push(setOf(pattern.slice(at, end)));
        at = end + 1;
      }
    }
  }
  return parts;
}

/** Where the set that begins here is closed; a `]` that comes first, also behind `!`, belongs to it. */
function endOfSet(pattern: readonly string[], start: number): number | undefined {
  let at = start;
  if (pattern[at] === '!') at += 1;
  if (pattern[at] === ']') at += 1;
  const end = pattern.indexOf(']', at);
  return end === -1 ? undefined : end;
}

function setOf(content: readonly string[]): Part {
  const chunks = withoutEmptyRanges(chunksOf(content));
  // Whether it begins with ! is seen only now: what stood before it may have gone with an empty range.
  const negated = chunks[0]?.[0] === '!';
  if (negated) chunks[0] = chunks[0]?.slice(1) ?? [];
  // `[!]` cannot be written; where it comes about, it takes anything.
  const ranges: [number, number][] = [];
  for (const [index, chunk] of chunks.entries()) {
    for (const character of chunk) ranges.push([codeOf(character), codeOf(character)]);
    const next = chunks[index + 1];
    if (!next) continue;
    const last = chunk.at(-1);
    // A hyphen with nothing before it is itself.
    ranges.push(last === undefined ? [HYPHEN, HYPHEN] : [codeOf(last), codeOf(next[0])]);
  }
  return { kind: 'set', negated, ranges };
}

/**
 * Splits at the hyphens that mean a range: one that comes first or last is itself, and so is one within the two
 * characters behind another. The last of one chunk and the first of the next are the ends of a range.
 */
function chunksOf(content: readonly string[]): string[][] {
  const chunks: string[][] = [];
  let start = 0;
  let hyphen = content.indexOf('-', content[0] === '!' ? 2 : 1);
  while (hyphen !== -1) {
    chunks.push(content.slice(start, hyphen));
    start = hyphen + 1;
    hyphen = content.indexOf('-', hyphen + 3);
  }
  const rest = content.slice(start);
  if (rest.length > 0 || chunks.length === 0) chunks.push(rest);
  else chunks.at(-1)?.push('-');
  return chunks;
}

/** A range whose ends are the wrong way round holds nothing, and both ends go with it. */
function withoutEmptyRanges(chunks: string[][]): string[][] {
  const kept = [...chunks];
  for (let index = kept.length - 1; index > 0; index -= 1) {
    const before = kept[index - 1] ?? [];
    const chunk = kept[index] ?? [];
    if (codeOf(before.at(-1)) > codeOf(chunk[0]))
      kept.splice(index - 1, 2, [...before.slice(0, -1), ...chunk.slice(1)]);
  }
  return kept;
}

function codeOf(character = ''): number {
  return character.codePointAt(0) ?? -1;
}
