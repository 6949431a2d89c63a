/** One assignment of an environment file. `line` is where its name stands, counted from 1. */
export interface Assignment {
  name: string;
  value: string;
  line: number;
}

/** A line that cannot be used. Never holds a value: it could be a secret. `name` where one could be read. */
export interface EnvFileProblem {
  line: number;
  name: string | undefined;
  expected: string;
}

export interface EnvFile {
  /** In the order of the file; of several with one name the last counts. */
  assignments: Assignment[];
  problems: EnvFileProblem[];
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const EXPORT = /^export[ \t]+([A-Za-z_][A-Za-z0-9_]*)$/;
const NEWLINE = '\n\r';
const BLANK = ' \t\n\r';
/** What a backslash takes its meaning from between double quotes (systemd: SHELL_NEED_ESCAPE). */
const ESCAPABLE = '"\\`$';

/**
 * Reads text as systemd reads an EnvironmentFile (systemd.exec, EnvironmentFile=): `#` and `;` comments only at the
 * start of a line, single and double quotes, backslash-newline continuation, no expansion of any kind.
 * Stricter in three places where systemd silently drops or swallows lines: a line without `=`, a name that is none,
 * and a quote that is never closed are problems. Total: it never throws.
 */
export function parseEnvFile(text: string): EnvFile {
  const source = text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n');
  const file: EnvFile = { assignments: [], problems: [] };
  let position = 0;
  let line = 1;

  while (position < source.length) {
    const char = source.charAt(position);
    if (NEWLINE.includes(char)) line += 1;
    if (BLANK.includes(char)) {
      position += 1;
      continue;
    }
    const lineEnd = endOfLine(source, position);
    if (char === '#' || char === ';') {
      position = lineEnd;
      continue;
    }
    const equals = source.indexOf('=', position);
    if (equals === -1 || equals > lineEnd) {
      file.problems.push({ line, name: undefined, expected: 'NAME=value, a comment or an empty line' });
      position = lineEnd;
      continue;
    }
    const value = readValue(source, equals + 1);
    addAssignment(file, source.slice(position, equals).trim(), value, line);
    line += countNewlines(source.slice(position, value.end));
    position = value.end;
  }
  return file;
}

/** Writes a value so that it is read back unchanged: bare where that is safe, else in double quotes. */
export function quoteEnvValue(value: string): string {
  if (/^[\w.,:;@%+=/~*-]*$/.test(value)) return value;
  return `"${value.replaceAll(/["\\`$]/g, '\\$&')}"`;
}

interface ReadValue {
  value: string;
  /** Where the newline that ends the value stands, or the end of the text. */
  end: number;
  closed: boolean;
}

function addAssignment(file: EnvFile, name: string, read: ReadValue, line: number): void {
  const exported = EXPORT.exec(name)?.[1];
  if (exported !== undefined) {
    file.problems.push({ line, name: exported, expected: 'the name alone, without "export" before it' });
  } else if (!NAME.test(name)) {
    file.problems.push({ line, name: undefined, expected: 'a name of letters, digits and _ before the =' });
  } else if (!read.closed) {
    file.problems.push({ line, name, expected: 'a closing quote: it is missing up to the end of the file' });
  } else if (read.value.includes('\0')) {
    file.problems.push({ line, name, expected: 'text without NUL characters' });
  } else {
    file.assignments.push({ name, value: read.value, line });
  }
}

/** After a closing quote systemd reads on as at the start of a value, so `"a" "b"` is `ab`. */
function readValue(source: string, start: number): ReadValue {
  let value = '';
  /** Length of `value` up to its last character that is not trailing white space. */
  let kept = 0;
  let bare = false;
  let position = start;

  while (position < source.length) {
    const char = source.charAt(position);
    if (NEWLINE.includes(char)) break;
    if (char === '\\') {
      const next = source.charAt(position + 1);
      if (!NEWLINE.includes(next)) value += next;
      kept = value.length;
      bare = true;
      position += 2;
    } else if (!bare && (char === '"' || char === "'")) {
      const quoted = char === '"' ? readDoubleQuoted(source, position + 1) : readSingleQuoted(source, position + 1);
      if (!quoted.closed) return { value: '', end: source.length, closed: false };
      value += quoted.value;
      kept = value.length;
      position = quoted.end;
    } else {
      const blank = BLANK.includes(char);
      if (bare || !blank) value += char;
      if (!blank) {
        kept = value.length;
        bare = true;
      }
      position += 1;
    }
  }
  return { value: value.slice(0, kept), end: Math.min(position, source.length), closed: true };
}

function readSingleQuoted(source: string, start: number): ReadValue {
  const close = source.indexOf("'", start);
  if (close === -1) return { value: '', end: source.length, closed: false };
  return { value: source.slice(start, close), end: close + 1, closed: true };
}

function readDoubleQuoted(source: string, start: number): ReadValue {
  let value = '';
  for (let position = start; position < source.length; position += 1) {
    const char = source.charAt(position);
    if (char === '"') return { value, end: position + 1, closed: true };
    if (char !== '\\') {
      value += char;
      continue;
    }
    position += 1;
    const next = source.charAt(position);
    if (next === '\n') continue;
    value += ESCAPABLE.includes(next) ? next : `\\${next}`;
  }
  return { value: '', end: source.length, closed: false };
}

function endOfLine(source: string, from: number): number {
  for (let position = from; position < source.length; position += 1) {
    if (NEWLINE.includes(source.charAt(position))) return position;
  }
  return source.length;
}

function countNewlines(text: string): number {
  return text.split(/[\n\r]/).length - 1;
}
