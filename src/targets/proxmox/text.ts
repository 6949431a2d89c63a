export { excerpt } from '../../http/excerpt.js';

/** Quoted for a POSIX shell, so that a remedy can be pasted. */
export function shellQuote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
