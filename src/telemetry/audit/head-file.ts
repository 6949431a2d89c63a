import { closeSync, constants, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { handToOwner } from '../hand-to-owner.js';
import { asHead, type Head } from './chain.js';

/** What the head file said. `broken`: it is there and tells nothing. */
export type StoredHead = { kind: 'head'; head: Head } | { kind: 'missing' } | { kind: 'broken'; why: string };

/** Long enough for every head, so that each write replaces all of the one before. */
const LENGTH = 160;

/** Reads a head file. Throws where it is there and cannot be read. */
export function readHead(path: string): StoredHead {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { kind: 'missing' };
    throw error;
  }
  try {
    const head = asHead(JSON.parse(text));
    return head ? { kind: 'head', head } : { kind: 'broken', why: 'it holds no record number and hash' };
  } catch {
    return { kind: 'broken', why: 'it is not JSON' };
  }
}

/**
 * Overwrites the head in place: one small write within one disk sector, so that a power cut leaves the old head or the
 * new one, and no fsync of its own is needed. It is only ever behind the log, since the log is flushed before.
 */
export function writeHead(path: string, head: Head): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o640);
  try {
    handToOwner(fd, dirname(path));
    writeSync(fd, `${JSON.stringify(head).padEnd(LENGTH - 1)}\n`, 0);
  } finally {
    closeSync(fd);
  }
}
