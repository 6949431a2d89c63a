import type { EnvFile } from './env-file.js';
import type { Environment } from './environment.js';

/**
 * Reads text as python-dotenv (1.x) reads a `.env` file: `export` before a name, `#` comments also behind a value,
 * quotes with escapes, `${NAME}` and `${NAME:-default}` filled in from the environment first and from earlier lines
 * after that. A name without `=` is nothing, as there. A line that cannot be read is a problem, where python-dotenv
 * only warns. Total: it never throws.
 */
export function parseDotenv(text: string, environment: Environment = {}): EnvFile {
  const reader = createReader(text);
  const file: EnvFile = { assignments: [], problems: [] };
  const known = new Map<string, string>();
  const lookUp = (name: string): string | undefined => environment[name] ?? known.get(name);
  while (reader.skipBlank()) {
    const line = reader.line();
    const binding = readBinding(reader);
    if (binding === 'unreadable') {
      reader.take(REST_OF_LINE);
      file.problems.push({ line, name: undefined, expected: 'NAME=value as python-dotenv reads it, or a comment' });
    } else if (binding.name !== undefined && binding.value === undefined) {
      // A name alone takes back what an earlier line gave it.
      known.set(binding.name, '');
      file.assignments = file.assignments.filter(({ name }) => name !== binding.name);
    } else if (binding.name !== undefined && binding.value !== undefined) {
      const value = fillIn(binding.value, lookUp);
      known.set(binding.name, value);
      file.assignments.push({ name: binding.name, value, line });
    }
  }
  return file;
}

/** Whether a file of this name is one for dotenv: `.env`, `.env.local`. */
export function isDotenvName(fileName: string): boolean {
  return /^\.env(?:\..+)?$/.test(fileName);
}

const BLANK = /\s*/y;
const EXPORT = /(?:export[^\S\r\n]+)?/y;
const QUOTED_KEY = /'([^']+)'/y;
const KEY = /([^=#\s]+)/y;
const SPACES = /[^\S\r\n]*/y;
const EQUALS = /=[^\S\r\n]*/y;
const SINGLE_QUOTED = /'((?:\\'|[^'])*)'/y;
const DOUBLE_QUOTED = /"((?:\\"|[^"])*)"/y;
const BARE = /([^\r\n]*)/y;
const COMMENT = /(?:[^\S\r\n]*#[^\r\n]*)?/y;
const END_OF_LINE = /[^\S\r\n]*(?:\r\n|\n|\r|$)/y;
const REST_OF_LINE = /[^\r\n]*(?:\r\n|\n|\r|$)/y;

interface Reader {
  /** Past white space and empty lines; false at the end of the text. */
  skipBlank(): boolean;
  /** Of what comes next, counted from 1. */
  line(): number;
  peek(): string;
  /** What the pattern takes here, its group or all of it; undefined where it does not fit. */
  take(pattern: RegExp): string | undefined;
}

function createReader(text: string): Reader {
  const source = text.replace(/^\uFEFF/, '');
  let position = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = position;
    const match = pattern.exec(source);
    if (match === null) return undefined;
    position += match[0].length;
    return match[1] ?? match[0];
  };
  return {
    take,
    peek: () => source.charAt(position),
    line: () => source.slice(0, position).split(/\r\n|\n|\r/).length,
    skipBlank() {
      take(BLANK);
      return position < source.length;
    },
  };
}

interface Binding {
  /** undefined: a comment. */
  name: string | undefined;
  value: string | undefined;
}

function readBinding(reader: Reader): Binding | 'unreadable' {
  reader.take(EXPORT);
  let name: string | undefined;
  if (reader.peek() !== '#') {
    name = reader.take(reader.peek() === "'" ? QUOTED_KEY : KEY);
    if (name === undefined) return 'unreadable';
  }
  reader.take(SPACES);
  let value: string | undefined;
  if (reader.take(EQUALS) !== undefined) {
    value = readValue(reader);
    if (value === undefined) return 'unreadable';
  }
  reader.take(COMMENT);
  return reader.take(END_OF_LINE) === undefined ? 'unreadable' : { name, value };
}

function readValue(reader: Reader): string | undefined {
  switch (reader.peek()) {
    case "'":
      return reader.take(SINGLE_QUOTED)?.replaceAll(/\\([\\'])/g, '$1');
    case '"':
      return reader.take(DOUBLE_QUOTED)?.replaceAll(/\\([\\'"abfnrtv])/g, (_, letter: string) => escaped(letter));
    default:
      return reader
        .take(BARE)
        ?.replace(/\s+#.*/s, '')
        .trimEnd();
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

function escaped(letter: string): string {
  return ESCAPES[letter] ?? letter;
}

function fillIn(value: string, lookUp: (name: string) => string | undefined): string {
  return value.replaceAll(
    /\$\{([^}:]*)(?::-([^}]*))?\}/g,
    (_, name: string, otherwise = '') => lookUp(name) ?? otherwise,
  );
}
