import type { ObjectId } from '../../domain/identity.js';
import { peopleInLakefs } from '../../domain/plan-lakefs-record.js';
import type { Ledger } from '../../ledger/ledger.js';
import { lakefsRecord } from '../lakefs-port.js';
import type { Outcome } from '../settle.js';

/**
 * Everybody whose changes matter: those in the ledger, those configured by their object id, and those in a configured
 * group for whom nothing was made (yet), such as somebody who was disabled from the start.
 */
export interface KnownPeople {
  /** undefined: not known yet, since no sweep has finished in this process. */
  list(): readonly ObjectId[] | undefined;
  /** A sweep read everything. */
  swept(outcomes: readonly Outcome[]): void;
  settled(outcome: Outcome): void;
}

export function createKnownPeople(
  ledger: Pick<Ledger, 'entries' | 'data'>,
  configured: readonly ObjectId[],
): KnownPeople {
  const seen = new Set<ObjectId>();
  let complete = false;
  const note = ({ oid, prepared }: Outcome) => {
    const { reading } = prepared.assessment;
    if (reading.certainty === 'present' && reading.groups.length > 0) seen.add(oid);
  };
  return {
    list() {
      if (!complete) return undefined;
      const inLakefs = peopleInLakefs(lakefsRecord(ledger));
      return [...new Set([...configured, ...seen, ...inLakefs, ...ledger.entries().map(({ oid }) => oid)])];
    },
    swept(outcomes) {
      seen.clear();
      for (const outcome of outcomes) note(outcome);
      complete = true;
    },
    settled: note,
  };
}
