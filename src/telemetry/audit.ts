import { closeSync, fchownSync, fstatSync, fsyncSync, mkdirSync, openSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { redactDeep } from './redact.js';

/** One line of the audit log: one applied or refused step, or one decision of an operator. */
export interface AuditRecord {
  /** What asked: `notification`, `sweep`, `resync`, `operator`. */
  by: string;
  /** Who the operator says to be: the command line's word, proved by nobody. */
  claimedUser?: string | undefined;
  action: string;
  oid?: string;
  upn?: string;
  target?: string;
  name?: string;
  before?: unknown;
  after?: unknown;
  outcome: 'done' | 'failed';
  error?: string;
}

/** Append-only NDJSON. A record that cannot be written is thrown: nothing is done that cannot be told later. */
export interface Audit {
  append(record: AuditRecord): void;
  /** Forces what was appended to disk. */
  flush(): void;
  close(): void;
}

/** Opens (or makes) the file with mode 0640. `now` gives epoch ms. */
export function openAudit(path: string, now: () => number): Audit {
  mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
  let fd = openSync(path, 'a', 0o640);
  handToOwner(fd, dirname(path));
  let dirty = false;
  return {
    append(record) {
      const line = { at: new Date(now()).toISOString(), ...(redactDeep(record) as object) };
      writeSync(fd, `${JSON.stringify(line)}\n`);
      dirty = true;
    },
    flush() {
      if (!dirty) return;
      fsyncSync(fd);
      dirty = false;
      // Opened anew, so that a rotated file is let go.
      const next = openSync(path, 'a', 0o640);
      closeSync(fd);
      fd = next;
    },
    close() {
      if (dirty) fsyncSync(fd);
      closeSync(fd);
    },
  };
}

/** A pass that root ran by hand must not leave a file behind that the service cannot append to. */
function handToOwner(fd: number, directory: string): void {
  if (process.getuid?.() !== 0 || fstatSync(fd).size > 0) return;
  const { uid, gid } = statSync(directory);
  if (uid !== 0) fchownSync(fd, uid, gid);
}

/** Writes nothing: for plans and dry runs. */
export const noAudit: Audit = { append: () => undefined, flush: () => undefined, close: () => undefined };
