import { createHash } from 'node:crypto';
import { closeSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { handToOwner } from '../hand-to-owner.js';
import { type Head, hashOf, linkedLine } from './chain.js';
import type { Tail } from './tail.js';

/** The open file at the end of the chain. */
export interface ChainWriter {
  head(): Head | undefined;
  /** How many bytes an unfinished write left behind the last record; the next line has to say so. */
  tornBytes(): number;
  /** Writes one record as the next line. Throws where it cannot; what got out of it until then counts as torn. */
  write(content: object): void;
  sync(): void;
  /** Lets a rotated file go, and goes on in the new one. */
  reopen(): void;
  close(): void;
}

export interface ChainStart {
  /** What the next record links to. */
  head: Head | undefined;
  /** How the file ends, or the one before it where this one is `fresh`. */
  tail: Tail;
  /** No chained record is in this file yet. */
  fresh: boolean;
}

const EMPTY = Buffer.alloc(0);
const LINE_END = 0x0a;
const END = Buffer.of(LINE_END);
const CHUNK_BYTES = 1024 * 1024;

/** Opens (or makes) the file, mode 0640, for more records. */
export function openWriter(path: string, { head, tail, fresh }: ChainStart): ChainWriter {
  let fd = openLog(path);
  let at = head;
  let firstOfFile = fresh;
  /** Every byte behind the line end of the last record. */
  let torn = at && tail.rest.length > 0 ? Buffer.concat([tail.rest, tail.ended ? END : EMPTY]) : EMPTY;
  /** The last line is whole and lacks its end only. */
  let unended = !tail.ended && torn.length === 0;

  const lead = (): Buffer => (unended || (torn.length > 0 && torn.at(-1) !== LINE_END) ? END : EMPTY);

  return {
    head: () => at,
    tornBytes: () => torn.length,
    write(content) {
      const before = lead();
      const seq = (at?.seq ?? 0) + 1;
      const line = Buffer.from(linkedLine(seq, previousHash(fd, at, torn, before), firstOfFile, content));
      const bytes = Buffer.concat([before, line, END]);
      const { written, error } = writeAll(fd, bytes);
      if (written >= bytes.length - 1) {
        at = { seq, hash: hashOf(line) };
        firstOfFile = false;
        torn = EMPTY;
        unended = written < bytes.length;
      } else if (written > 0) {
        torn = Buffer.concat([torn, bytes.subarray(unended ? 1 : 0, written)]);
        unended = false;
      }
      if (error !== undefined) throw error;
    },
    sync: () => fsyncSync(fd),
    reopen() {
      const next = openLog(path);
      const [there, old] = [fstatSync(next), fstatSync(fd)];
      closeSync(fd);
      fd = next;
      if (there.ino === old.ino && there.dev === old.dev && there.size > 0) return;
      firstOfFile = true;
      unended = false;
      if (torn.length > 0 && torn.at(-1) !== LINE_END) torn = Buffer.concat([torn, END]);
    },
    close: () => closeSync(fd),
  };
}

/** Readable too, since the very first record vouches for what an earlier release left in its file. */
function openLog(path: string): number {
  const fd = openSync(path, 'a+', 0o640);
  handToOwner(fd, dirname(path));
  return fd;
}

/** The hash that the next line carries: of the last record, of what was torn behind it, or of all there is. */
function previousHash(fd: number, at: Head | undefined, torn: Buffer, lead: Buffer): string {
  if (!at) return hashOfFile(fd, lead);
  if (torn.length === 0) return at.hash;
  return hashOf(torn.at(-1) === LINE_END ? torn.subarray(0, -1) : torn);
}

function hashOfFile(fd: number, lead: Buffer): string {
  const hash = createHash('sha256');
  const chunk = Buffer.alloc(CHUNK_BYTES);
  let position = 0;
  for (let count = readSync(fd, chunk, 0, CHUNK_BYTES, 0); count > 0; ) {
    hash.update(chunk.subarray(0, count));
    position += count;
    count = readSync(fd, chunk, 0, CHUNK_BYTES, position);
  }
  return hash.update(lead).digest('hex');
}

/** Writes all of it, or as much as goes: a full disk takes part of a line. */
function writeAll(fd: number, bytes: Buffer): { written: number; error?: unknown } {
  let written = 0;
  try {
    while (written < bytes.length) written += writeSync(fd, bytes, written);
    return { written };
  } catch (error) {
    return { written, error };
  }
}
