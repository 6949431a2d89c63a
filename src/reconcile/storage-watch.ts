import { messageOf } from '../domain/errors.js';
import type { Ledger } from '../ledger/ledger.js';
import type { Audit } from '../telemetry/audit.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';

/** What the reconciler stores. */
export type Stored = 'ledger' | 'audit' | 'spool';

/** Tells status, health, log and metrics once that something cannot be written, and once that it can be again. */
export interface StorageWatch {
  fails(what: Stored, why: string): void;
  works(what: Stored): void;
  /** What cannot be written now. */
  failing(): readonly Stored[];
}

/** `problems`: those of the context. */
export function createStorageWatch({
  problems,
  log,
  metrics,
}: {
  problems: Map<string, string>;
  log: Log;
  metrics: Metrics;
}): StorageWatch {
  const failing = new Set<Stored>();
  return {
    fails(what, why) {
      problems.set(`storage:${what}`, why);
      metrics.storageUnwritable.set({ what }, 1);
      if (failing.has(what)) return;
      failing.add(what);
      log('reconcile.storage.unwritable', { what, error: why });
    },
    works(what) {
      if (!failing.delete(what)) return;
      problems.delete(`storage:${what}`);
      metrics.storageUnwritable.set({ what }, 0);
      log('reconcile.storage.writable', { what });
    },
    failing: () => [...failing],
  };
}

/** The same ledger; each save tells whether it could be written. */
export function watchedLedger(ledger: Ledger, storage: StorageWatch): Ledger {
  return {
    ...ledger,
    get data() {
      return ledger.data;
    },
    async save() {
      try {
        await ledger.save();
      } catch (error) {
        storage.fails('ledger', messageOf(error));
        throw error;
      }
      storage.works('ledger');
    },
  };
}

/** The same audit log; each record and each flush tells whether it could be written. */
export function watchedAudit(audit: Audit, storage: StorageWatch): Audit {
  /** A record got lost: where nothing was appended since, a flush succeeds without having written anything. */
  let refused = false;
  const watched = (write: () => void, isRecord: boolean): void => {
    try {
      write();
    } catch (error) {
      refused ||= isRecord;
      storage.fails('audit', `the audit log cannot be written: ${messageOf(error)}`);
      throw error;
    }
    if (isRecord) refused = false;
    if (!refused) storage.works('audit');
  };
  return {
    ...audit,
    append: (record) => watched(() => audit.append(record), true),
    flush: () => watched(() => audit.flush(), false),
  };
}
