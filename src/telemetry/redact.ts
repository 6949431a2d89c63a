const SECRET_KEY = /secret|password|token(?!id)|authorization|clientstate|assertion|cookie/i;
const BEARER = /\b(Bearer|PVEAPIToken[= ])\s*[^\s"']+/gi;
const JWT = /\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*/g;
const MASK = '[redacted]';

const known = new Set<string>();

/** Registers a secret's value; from now on it is masked wherever it appears in what is logged, audited or shown. */
export function registerSecret(value: string | undefined): void {
  if (value && value.length >= 4) known.add(value);
}

/** The text without any registered secret, bearer or JWT. */
export function redactText(text: string): string {
  let clean = text.replaceAll(BEARER, `$1 ${MASK}`).replaceAll(JWT, MASK);
  for (const secret of known) clean = clean.replaceAll(secret, MASK);
  return clean;
}

/** A copy of plain data without secrets, by value and by the names of keys; errors become name and message. */
export function redactDeep(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value);
  if (value instanceof Error) return { name: value.name, message: redactText(value.message) };
  if (typeof value !== 'object' || value === null) return value;
  if (depth > 6) return '[deep]';
  if (Array.isArray(value)) return value.map((item) => redactDeep(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      SECRET_KEY.test(key) && typeof item === 'string' ? MASK : redactDeep(item, depth + 1),
    ]),
  );
}
