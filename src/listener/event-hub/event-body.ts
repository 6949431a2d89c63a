import { isRecord, readCollection } from '../collection.js';
import type { IntakeOutcome } from '../outcome.js';

/** As large as a notification by webhook may be; the standard tier takes no larger event at all. */
const MAX_BODY_BYTES = 1024 * 1024;

export type EventBodyReading =
  | { kind: 'items'; items: readonly unknown[]; probes: number }
  /** Nothing that Graph sends: to be counted and left behind. */
  | { kind: 'poison'; outcome: Extract<IntakeOutcome, 'too-large' | 'malformed'>; why: string };

/**
 * Reads the body of an event, which is what a webhook gets: `{"value":[…]}` in JSON (Graph: delivery by event hubs).
 * The items by which Graph tries the way when a subscription is made are taken out, and counted as probes.
 */
export function readEventBody(body: unknown): EventBodyReading {
  const bytes = bytesOf(body);
  if (!bytes) return { kind: 'poison', outcome: 'malformed', why: 'no bytes: it was sent as a value, not as data' };
  if (bytes.length > MAX_BODY_BYTES) {
    return { kind: 'poison', outcome: 'too-large', why: `${bytes.length} bytes, more than ${MAX_BODY_BYTES}` };
  }
  const reading = readCollection(bytes);
  if (!reading.ok) return { kind: 'poison', outcome: 'malformed', why: describe(bytes, reading.why) };
  const items = reading.items.filter((item) => !isProbe(item));
  return { kind: 'items', items, probes: reading.items.length - items.length };
}

/** `NA` in every field, sent while a subscription is made (Graph: delivery by event hubs). */
function isProbe(item: unknown): boolean {
  return (
    isRecord(item) &&
    item.subscriptionId === 'NA' &&
    item.clientState === 'NA' &&
    typeof item.changeType === 'string' &&
    item.changeType.startsWith('Validation:')
  );
}

function bytesOf(body: unknown): Buffer | undefined {
  if (Buffer.isBuffer(body)) return body;
  if (body instanceof Uint8Array) return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return typeof body === 'string' ? Buffer.from(body) : undefined;
}

function describe(bytes: Buffer, why: string): string {
  if (bytes.length === 0) return 'empty';
  return bytes[0] === 0x1f && bytes[1] === 0x8b ? `${why}: it is compressed` : why;
}
