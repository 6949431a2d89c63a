import { redactText } from '../telemetry/redact.js';
import { type SettingName, schema } from './schema/index.js';

/** Stands for a secret wherever a value is shown. */
export const MASK = '[redacted]';

const LONGEST = 120;

/** A value for a person's eyes: secrets masked, passwords in URLs too, control characters escaped, never long. */
export function shown(name: SettingName | undefined, value: string): string {
  if (name !== undefined && schema[name].secret) return schema[name].parts?.shownAs(value) ?? MASK;
  const safe = redactText(value)
    .replaceAll(/\/\/[^/\s@]*@/g, `//${MASK}@`)
    // An address whose scheme was forgotten is none that a URL's pattern finds.
    .replace(/^[^/\s@]+:[^/\s@]+@/, isAddress(name) ? `${MASK}@` : '$&')
    .replaceAll(/\p{Cc}/gu, (char) => JSON.stringify(char).slice(1, -1));
  const short = safe.length > LONGEST ? `${safe.slice(0, LONGEST)}… (${safe.length} characters)` : safe;
  return short === '' ? '(empty)' : short;
}

function isAddress(name: SettingName | undefined): boolean {
  return name !== undefined && /(?:_URL|_ENDPOINT|_AUTHORITY|_PROXY)$/.test(name);
}
