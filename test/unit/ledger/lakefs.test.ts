import { describe, expect, it } from 'vitest';
import { emptyDocument, type LedgerDocument } from '../../../src/ledger/document.js';
import { parseLedger } from '../../../src/ledger/schema.js';
import { ALICE, LAB, NOW } from '../domain/builders.js';

const group = {
  ...{ groupId: LAB, displayName: 'Data', name: 'Data', id: 'g-1', origin: 'made' as const, since: NOW },
  ...{ policies: ['FSReadAll'], acl: 'Read' as const, members: { [ALICE]: `waad|${ALICE}` } },
  ...{ missingSince: NOW, graceSince: NOW, deleteAt: NOW, problem: 'refused' },
  conflict: { what: 'two are called Data', remedy: 'rename one', since: NOW },
  strangers: { users: ['guest'], count: 1 },
};
const lakefs: NonNullable<LedgerDocument['lakefs']> = {
  groups: { [LAB]: group },
  people: {
    [ALICE]: {
      ...{ oid: ALICE, upn: 'alice@example.com', mail: 'alice@example.com', pendingSince: NOW, problem: 'refused' },
      suspicion: { since: NOW, by: 'reading', doubted: true },
      conflict: { what: 'two users', remedy: 'delete one', since: NOW },
    },
  },
  conflicts: { [ALICE]: { what: 'taken', remedy: 'rename it', since: NOW, displayName: 'Ops' } },
};

describe('a ledger', () => {
  it('of a host without lakeFS is read as before', () => {
    expect(parseLedger(JSON.stringify(emptyDocument()))).toEqual(emptyDocument());
  });

  it('keeps everything that is known of lakeFS', () => {
    const document = { ...emptyDocument(), lakefs };

    expect(parseLedger(JSON.stringify(document))).toEqual(document);
  });

  it('with a group under the id of another one is broken', () => {
    const document = { ...emptyDocument(), lakefs: { ...lakefs, groups: { [ALICE]: group } } };

    expect(() => parseLedger(JSON.stringify(document))).toThrow(/lakefs\.groups/);
  });
});
