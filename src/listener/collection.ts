/** Real bodies nest seven deep; what is deeper is not from Graph. */
const MAX_DEPTH = 32;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

export type CollectionReading = { ok: true; items: unknown[] } | { ok: false; why: string };

/**
 * Reads a `{"value": [...]}` body. Says only that it is JSON in UTF-8 of bounded depth with a list in it;
 * nothing about the items.
 */
export function readCollection(body: Buffer): CollectionReading {
  if (deeperThan(body, MAX_DEPTH)) return { ok: false, why: `nested deeper than ${MAX_DEPTH}` };
  let value: unknown;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body);
    if (/"__proto__"\s*:/.test(text)) return { ok: false, why: 'a __proto__ key' };
    value = JSON.parse(text);
  } catch {
    return { ok: false, why: 'not JSON in UTF-8' };
  }
  if (!isRecord(value) || !Array.isArray(value.value)) return { ok: false, why: 'no list named "value"' };
  return { ok: true, items: value.value };
}

/** A JSON object, as opposed to null, a list or a plain value. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Counts brackets outside strings. Bytes will do: no byte of a multi-byte character looks like one of them. */
function deeperThan(body: Buffer, limit: number): boolean {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < body.length; at += 1) {
    const byte = body[at];
    if (inString) {
      if (byte === BACKSLASH) at += 1;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (byte === 0x5b || byte === 0x7b) {
      depth += 1;
      if (depth > limit) return true;
    } else if (byte === 0x5d || byte === 0x7d) depth -= 1;
  }
  return false;
}
