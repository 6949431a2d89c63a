/** What a stranger's server sent, fit for a message: one line, printable, bounded, without this secret. */
export function excerpt(text: string, secret: string, limit = 300): string {
  const line = text
    // First, so that no cut leaves a part of it.
    .replaceAll(secret, '[redacted]')
    .slice(0, limit * 8)
    .replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim();
  return line.length > limit ? `${line.slice(0, limit)}…` : line;
}

/** Quoted for a POSIX shell, so that a remedy can be pasted. */
export function shellQuote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
