/** What a stranger's server sent, fit for a message: one line, printable, bounded, without these secrets. */
export function excerpt(text: string, secrets: string | readonly string[], limit = 300): string {
  // First, so that no cut leaves a part of one.
  const line = [secrets]
    .flat()
    .filter((secret) => secret !== '')
    .reduce((clean, secret) => clean.replaceAll(secret, '[redacted]'), text)
    .slice(0, limit * 8)
    .replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim();
  return line.length > limit ? `${line.slice(0, limit)}…` : line;
}
