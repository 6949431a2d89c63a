import { type ValueType, valueType } from '../value-type.js';
import { words } from './lists.js';

/** An https URL kept as it is written: an issuer is compared byte for byte, a slash at its end included. */
export function exactHttpsUrl(what: string): ValueType<string> {
  const expected = `${what}: https://…, without query, fragment and credentials`;
  return valueType(expected, (text, wrong) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url?.protocol !== 'https:' || url.username || url.password) return wrong();
    return /[?#\s]/.test(text) || text.length > 256 ? wrong() : text;
  });
}

/** Words of printable ASCII, in the order given, without repeats. */
export function wordList(what: string): ValueType<readonly string[]> {
  const expected = `${what}, separated by commas or spaces`;
  return valueType(expected, (text, wrong) => {
    const entries = words(text);
    return entries.every((word) => /^[\x21-\x7e]{1,256}$/.test(word)) ? [...new Set(entries)] : wrong();
  });
}

/** Addresses as browsers have them in `location.origin`: scheme, host and port. */
export function originList(what: string): ValueType<readonly string[]> {
  const expected = `${what}: https://pve1.example.com:8006 and the like, separated by commas or spaces, without a path`;
  return valueType(expected, (text, wrong) => {
    const origins = words(text).map(originOf);
    return origins.some((origin) => origin === undefined) ? wrong() : [...new Set(origins as string[])];
  });
}

function originOf(word: string): string | undefined {
  const url = URL.canParse(word) ? new URL(word) : undefined;
  const isOrigin = url?.protocol === 'https:' && url.pathname === '/' && !url.username && !url.password;
  return isOrigin && !/[?#]/.test(word) ? url.origin : undefined;
}
