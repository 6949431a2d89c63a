import { createHash } from 'node:crypto';

/** A place in the chain: the number of a record and the SHA-256 of its line, without the line end, as 64 hex digits. */
export interface Head {
  seq: number;
  hash: string;
}

/** What every chained line carries beside what it tells. */
export interface Link {
  seq: number;
  /** Hash of the line before; in the very first record, of every byte that stands before it in its file. */
  prev: string;
  /** The first chained record of its file: what comes before is in a file that was rotated away. */
  firstOfFile: boolean;
  at: string;
  action: string;
  /** In the record that closes off a torn line: the last whole record before that line. */
  after: Head | undefined;
  /** The whole record as it was written. */
  record: Readonly<Record<string, unknown>>;
}

/** The action of the record that closes off a line which a crash or a full disk left unfinished. */
export const TORN_LINE = 'torn-line';

const HASH = /^[0-9a-f]{64}$/;

/** SHA-256 as 64 hex digits. */
export function hashOf(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The line, without its end, that follows `prev` in the chain. */
export function linkedLine(seq: number, prev: string, firstOfFile: boolean, content: object): string {
  return JSON.stringify({ seq, prev, ...(firstOfFile ? { firstOfFile } : {}), ...content });
}

/** What a line says, if it is a chained record. Never throws, whatever the bytes are. */
export function parseLink(line: Uint8Array): Link | undefined {
  const record = parseObject(line);
  if (!record) return undefined;
  const { seq, prev, at, action, firstOfFile, after } = record;
  if (!isSeq(seq) || typeof prev !== 'string' || !HASH.test(prev)) return undefined;
  if (typeof at !== 'string' || typeof action !== 'string') return undefined;
  return { seq, prev, at, action, firstOfFile: firstOfFile === true, after: asHead(after), record };
}

/** A record of the format without a chain, as earlier releases wrote it. */
export function parseUnchained(line: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  const record = parseObject(line);
  if (!record || 'seq' in record || 'prev' in record) return undefined;
  return typeof record.at === 'string' && typeof record.action === 'string' ? record : undefined;
}

/** `seq` and `hash` of anything that was parsed; undefined where it is no place in a chain. */
export function asHead(value: unknown): Head | undefined {
  if (typeof value !== 'object' || value === null || !('seq' in value) || !('hash' in value)) return undefined;
  const { seq, hash } = value;
  return isSeq(seq) && typeof hash === 'string' && HASH.test(hash) ? { seq, hash } : undefined;
}

function isSeq(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}

function parseObject(line: Uint8Array): Record<string, unknown> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(line.buffer, line.byteOffset, line.byteLength).toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}
