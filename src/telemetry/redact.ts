const SECRET_KEY = /secret|password|token(?!id)|authorization|clientstate|assertion|cookie/i;
const BEARER = /\b(Bearer|PVEAPIToken[= ])\s*[^\s"']+/gi;
const JWT = /\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*/g;
const MASK = '[redacted]';

/** Longest first, so that a secret which contains another one is masked whole. */
let known: readonly string[] = [];

/** Registers a secret's value; from now on it is masked wherever it appears in what is logged, audited or shown. */
export function registerSecret(value: string | undefined): void {
  if (!value || value.length < 4) return;
  // As it stands, and as a form body, a URL or a JSON text would quote it.
  const spellings = [value, encodeURIComponent(value.toWellFormed()), JSON.stringify(value).slice(1, -1)];
  const all = new Set([...known, ...spellings, new URLSearchParams({ '': value }).toString().slice(1)]);
  known = [...all].sort((a, b) => b.length - a.length);
}

/** The text without any registered secret, bearer or JWT. */
export function redactText(text: string): string {
  let clean = text;
  for (const secret of known) clean = clean.replaceAll(secret, MASK);
  return clean.replaceAll(BEARER, `$1 ${MASK}`).replaceAll(JWT, MASK);
}

/** A copy of plain data without secrets, by value and by the names of keys; errors become name and message. */
export function redactDeep(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Error) return { name: value.name, message: redactText(value.message) };
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (depth > 6) return '[deep]';
  if (Array.isArray(value)) return value.map((item) => redactDeep(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      redactText(key),
      SECRET_KEY.test(key) && isText(item) ? MASK : redactDeep(item, depth + 1),
    ]),
  );
}

/** Counts and flags under such a key are no secrets. */
function isText(value: unknown): boolean {
  return typeof value === 'string' || (typeof value === 'object' && value !== null);
}
