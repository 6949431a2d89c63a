import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf } from '../../domain/errors.js';
import type { Audit, AuditRecord } from '../audit.js';
import { redactDeep } from '../redact.js';
import { type Head, TORN_LINE } from './chain.js';
import { readHead, type StoredHead, writeHead } from './head-file.js';
import { type RotatedTail, rotatedTail, type Tail, tailOf } from './tail.js';
import { type ChainStart, type ChainWriter, openWriter } from './writer.js';

export interface AuditOptions {
  /** Where the head of the chain is kept; better not in the folder of the log. Default: `.head` beside the log. */
  headPath?: string | undefined;
  /** Called with the head when the log is closed, and at most once an hour when it is flushed. */
  onHead?: ((head: Head) => void) | undefined;
  /** Called where something about the log itself could not be written when it was opened; the next record tries again. */
  complain?: ((error: string) => void) | undefined;
}

/** Something about the log itself that is to be told in it. */
type Remark = Pick<AuditRecord, 'action' | 'before' | 'after' | 'error'>;

const NOTHING: Tail = { head: undefined, rest: Buffer.alloc(0), ended: true };
const HEAD_EVERY_MS = 3_600_000;

/**
 * Opens (or makes) the file with mode 0640, and goes on with the chain where it ends: in this file, in the one that was
 * rotated away, or at the stored head where records are missing. `now` gives epoch ms.
 */
export function openAudit(path: string, now: () => number, options: AuditOptions = {}): Audit {
  const headPath = options.headPath ?? `${path}.head`;
  mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
  const { start, remarks } = startOf(path, readHead(headPath));
  const writer = openWriter(path, start);
  let dirty = false;
  let headToldAt = Number.NEGATIVE_INFINITY;

  const write = (record: AuditRecord): void => {
    const told = redactDeep({ kind: 'decision', ...record }) as object;
    writer.write({ at: new Date(now()).toISOString(), ...told });
    dirty = true;
  };
  const append = (record?: AuditRecord): void => {
    if (writer.tornBytes() > 0) write(aboutTheLog(tornRemark(writer)));
    for (let remark = remarks[0]; remark; remark = remarks[0]) {
      write(aboutTheLog(remark));
      remarks.shift();
    }
    if (record) write(record);
  };
  const keepHead = (): void => {
    writer.sync();
    const head = writer.head();
    if (head) writeHead(headPath, head);
    dirty = false;
  };
  const tellHead = (): void => {
    const head = writer.head();
    if (!head) return;
    headToldAt = now();
    options.onHead?.(head);
  };

  try {
    append();
  } catch (error) {
    options.complain?.(messageOf(error));
  }
  return {
    append,
    flush() {
      if (!dirty) return;
      keepHead();
      writer.reopen();
      if (now() - headToldAt >= HEAD_EVERY_MS) tellHead();
    },
    close() {
      if (dirty) keepHead();
      tellHead();
      writer.close();
    },
  };
}

function aboutTheLog(remark: Remark): AuditRecord {
  return { kind: 'log', by: 'audit', outcome: 'noticed', ...remark };
}

function tornRemark(writer: ChainWriter): Remark {
  return { action: TORN_LINE, before: { bytes: writer.tornBytes() }, after: writer.head() };
}

function startOf(path: string, stored: StoredHead): { start: ChainStart; remarks: Remark[] } {
  const here = statSync(path, { throwIfNoEntry: false }) ? tailOf(path) : NOTHING;
  if (here.head) {
    const { head, remarks } = compare(here.head, stored);
    return { start: { head, tail: here, fresh: false }, remarks };
  }
  const { tail: earlier, unreadable } = rotatedTail(path);
  const { head, remarks } = compare(earlier?.head, stored, unreadable);
  // What stands in a file without a chained record belongs behind the chain as soon as there is one.
  const tail = earlier && here.rest.length === 0 ? { ...earlier, ended: true } : here;
  return { start: { head, tail, fresh: true }, remarks };
}

/** The stored head is written behind every flush, so the log is never behind it unless somebody cut it. */
function compare(
  found: Head | undefined,
  stored: StoredHead,
  unreadable: RotatedTail['unreadable'] = [],
): { head: Head | undefined; remarks: Remark[] } {
  switch (stored.kind) {
    case 'missing':
      return { head: found, remarks: found ? [{ action: 'head-missing' }] : [] };
    case 'broken':
      return { head: found, remarks: [{ action: 'head-broken', error: stored.why }] };
    case 'head': {
      const { head } = stored;
      if (!found || found.seq < head.seq) {
        // The records up to the head may well be in the file that cannot be read.
        if (unreadable.length > 0) return { head, remarks: [{ action: 'file-unreadable', before: unreadable }] };
        return { head, remarks: [{ action: 'records-missing', before: head, after: found }] };
      }
      if (found.seq > head.seq || found.hash === head.hash) return { head: found, remarks: [] };
      return { head, remarks: [{ action: 'record-changed', before: head, after: found }] };
    }
    default:
      return stored satisfies never;
  }
}
