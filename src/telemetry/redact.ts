const SECRET_KEY = /secret|password|token(?!id)|authorization|clientstate|assertion|cookie/i;
const BEARER = /\b(Bearer|P[VB][ES]APIToken[= ])\s*[^\s"']+/gi;
const JWT = /\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*/g;
/** Values of Entra's client secrets as they are made today. */
const ENTRA_SECRET = /(?<![\w.~-])[\w.~-]{3}\dQ~[\w.~-]{31,34}/g;
/** The secret of a Proxmox API token behind its id; Proxmox Backup Server has a colon between them. */
const PVE_TOKEN = /(![A-Za-z][\w.-]+[=:])[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/gi;
const FERNET_TOKEN = /\bgAAAAA[\w-]{70,}={0,2}/g;
const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g;
const MASK = '[redacted]';

/** Longest first, so that a secret which contains another one is masked whole. */
let known: readonly string[] = [];
/** Secrets that are replaced again and again; only the newest can still be met. */
let passing: readonly string[] = [];

const PASSING = 128;

/** Registers a secret's value; from now on it is masked wherever it appears in what is logged, audited or shown. */
export function registerSecret(value: string | undefined): void {
  if (!value || value.length < 4) return;
  known = longestFirst([...known, ...spellingsOf(value)]);
}

/** The same for a secret of which there is a new one every few days: the oldest of many are forgotten again. */
export function registerPassingSecret(value: string): void {
  if (value.length < 4 || passing.includes(value)) return;
  passing = [...passing, value].slice(-PASSING);
}

/** As it stands, and as a form body, a URL or a JSON text would quote it. */
function spellingsOf(value: string): string[] {
  const form = new URLSearchParams({ '': value }).toString().slice(1);
  return [value, encodeURIComponent(value.toWellFormed()), JSON.stringify(value).slice(1, -1), form];
}

function longestFirst(values: readonly string[]): string[] {
  return [...new Set(values)].sort((a, b) => b.length - a.length);
}

/** The text without any registered secret, and without what looks like one: see the patterns above. */
export function redactText(text: string): string {
  let clean = text;
  for (const secret of known) clean = clean.replaceAll(secret, MASK);
  for (const secret of passing) clean = clean.replaceAll(secret, MASK);
  return clean
    .replaceAll(PRIVATE_KEY, MASK)
    .replaceAll(BEARER, `$1 ${MASK}`)
    .replaceAll(JWT, MASK)
    .replaceAll(PVE_TOKEN, `$1${MASK}`)
    .replaceAll(ENTRA_SECRET, MASK)
    .replaceAll(FERNET_TOKEN, MASK);
}

/** For JSON.stringify: texts without secrets, everything else as it is. */
export function withoutSecrets(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? redactText(value) : value;
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
