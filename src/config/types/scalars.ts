import { isAbsolute, normalize } from 'node:path';
import { parseGuid } from '../../domain/identity.js';
import { type ValueType, valueType } from '../value-type.js';

const TRUE = new Set(['true', 'yes', 'y', 'on', '1']);
const FALSE = new Set(['false', 'no', 'n', 'off', '0']);

export function boolean(): ValueType<boolean> {
  return valueType('true or false (also yes/no, on/off, 1/0)', (text, wrong) => {
    const lower = text.toLowerCase();
    if (TRUE.has(lower)) return true;
    return FALSE.has(lower) ? false : wrong();
  });
}

/** A whole number from `min` to `max`, both included. */
export function integer(min: number, max: number): ValueType<number> {
  return valueType(`a whole number from ${min} to ${max}`, (text, wrong) => {
    if (!/^\d{1,15}$/.test(text)) return wrong();
    const number = Number(text);
    return number >= min && number <= max ? number : wrong();
  });
}

/** A share in percent, with or without the sign. */
export function percent(): ValueType<number> {
  return valueType('a percentage from 0 to 100', (text, wrong) => {
    const digits = /^(\d{1,3}(?:\.\d{1,3})?)\s*%?$/.exec(text)?.[1];
    const number = Number(digits);
    return digits !== undefined && number <= 100 ? number : wrong();
  });
}

export function choice<const T extends string>(...choices: readonly T[]): ValueType<T> {
  return valueType(`one of ${choices.join(', ')}`, (text, wrong) => {
    const lower = text.toLowerCase();
    return choices.find((candidate) => candidate === lower) ?? wrong();
  });
}

/** Text on one line. */
export function line(expected: string): ValueType<string> {
  return pattern(/^[^\n\r]{1,4096}$/, expected);
}

export function pattern(shape: RegExp, expected: string): ValueType<string> {
  return valueType(expected, (text, wrong) => (shape.test(text) ? text : wrong()));
}

/** An object id, tenant id or application id: a GUID, given back in lower case. */
export function guid(what: string): ValueType<string> {
  return valueType(`${what}, a GUID`, (text, wrong) => parseGuid(text) ?? wrong());
}

/** An absolute path, normalised, without a trailing slash. */
export function absolutePath(what: string): ValueType<string> {
  return valueType(`the absolute path of ${what}`, (text, wrong) => {
    if (!isAbsolute(text) || text.includes('\0')) return wrong();
    const normal = normalize(text);
    return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
  });
}

/** A Unix socket's path; Linux takes at most 107 bytes (unix(7), sun_path). */
export function socketPath(): ValueType<string> {
  const path = absolutePath('a Unix socket, at most 107 bytes long');
  return valueType(path.expected, (text, wrong) => {
    const parsed = path.schema.safeParse(text);
    return parsed.success && Buffer.byteLength(parsed.data) <= 107 ? parsed.data : wrong();
  });
}
