/**
 * A text that may hold words of others (a ledger file, a full name, the name of a process), for root's terminal: what a
 * terminal would obey, and what would look like a line of ours, is written as `\u{1b}`.
 */
export function plain(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (sign) => `\\u{${sign.codePointAt(0)?.toString(16)}}`);
}
