import type { ObjectId } from '../../../../src/domain/identity.js';
import type { LedgerEntry } from '../../../../src/domain/ledger-entry.js';
import { emptyDocument, type LedgerDocument } from '../../../../src/ledger/document.js';
import type { Ledger } from '../../../../src/ledger/ledger.js';

/** A ledger whose disk is a string, for runs with thousands of saves. `restarted` opens what was saved last. */
export interface MemoryLedger extends Ledger {
  saved: string;
}

export function createMemoryLedger(saved = JSON.stringify(emptyDocument())): MemoryLedger {
  const data = JSON.parse(saved) as LedgerDocument;
  const all = (): LedgerEntry[] => Object.values(data.identities);
  const ledger: MemoryLedger = {
    saved,
    path: '/var/lib/entramox/ledger.json',
    data,
    entry: (oid) => data.identities[oid],
    entries: all,
    put(entry) {
      data.identities[entry.oid] = entry;
    },
    drop(oid) {
      delete data.identities[oid];
    },
    holderOf: (name): ObjectId | undefined => all().find((entry) => entry.names.linux === name)?.oid,
    findByUpn: (upn) => all().find((entry) => entry.upn.toLowerCase() === upn.toLowerCase()),
    changed: () => undefined,
    async save() {
      ledger.saved = JSON.stringify(data);
    },
  };
  return ledger;
}
