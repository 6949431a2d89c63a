import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { messageOf } from '../../domain/errors.js';
import { type Head, hashOf, parseLink } from './chain.js';
import { auditFiles } from './files.js';

/** How a file ends. */
export interface Tail {
  /** The last chained record; undefined where the file has none. */
  head: Head | undefined;
  /** Everything behind that record, without a last line end: a line that a crash left unfinished. */
  rest: Buffer;
  /** Whether the last line has its end; true for an empty file. */
  ended: boolean;
}

const CHUNK_BYTES = 64 * 1024;
const LINE_END = 0x0a;

/** Reads the end of a file that is not packed: no more of it than the way back to the last chained record. */
export function tailOf(path: string): Tail {
  const fd = openSync(path, 'r');
  try {
    let start = fstatSync(fd).size;
    let bytes: Buffer = Buffer.alloc(0);
    for (;;) {
      const length = Math.min(Math.max(CHUNK_BYTES, bytes.length), start);
      start -= length;
      bytes = Buffer.concat([readAt(fd, start, length), bytes]);
      const tail = tailIn(bytes, start === 0);
      if (tail.head || start === 0) return tail;
    }
  } finally {
    closeSync(fd);
  }
}

/** The end of the newest of the files that were rotated away, with those behind it that cannot be read. */
export interface RotatedTail {
  tail: Tail | undefined;
  unreadable: { file: string; why: string }[];
}

/** Looks through the rotated files, the newest first, until one holds chained records. */
export function rotatedTail(path: string): RotatedTail {
  const unreadable: RotatedTail['unreadable'] = [];
  const rotated = auditFiles(path).filter((file) => file !== path);
  for (const file of rotated.reverse()) {
    try {
      const tail = file.endsWith('.gz') ? tailIn(gunzipSync(readFileSync(file)), true) : tailOf(file);
      if (tail.head) return { tail, unreadable };
    } catch (error) {
      unreadable.push({ file, why: messageOf(error) });
    }
  }
  return { tail: undefined, unreadable };
}

/** `complete`: the bytes begin where the file begins, so that their first line is whole. */
function tailIn(bytes: Buffer, complete: boolean): Tail {
  const ended = bytes.length === 0 || bytes[bytes.length - 1] === LINE_END;
  const content = ended ? bytes.subarray(0, Math.max(0, bytes.length - 1)) : bytes;
  let lineEnd = content.length;
  while (lineEnd >= 0) {
    const before = lineEnd === 0 ? -1 : content.lastIndexOf(LINE_END, lineEnd - 1);
    if (before === -1 && !complete) break;
    const line = content.subarray(before + 1, lineEnd);
    const link = parseLink(line);
    if (link) return { head: { seq: link.seq, hash: hashOf(line) }, rest: content.subarray(lineEnd + 1), ended };
    lineEnd = before;
  }
  return { head: undefined, rest: content, ended };
}

function readAt(fd: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const count = readSync(fd, bytes, done, length - done, position + done);
    if (count === 0) throw new Error('the file became shorter while it was read');
    done += count;
  }
  return bytes;
}
