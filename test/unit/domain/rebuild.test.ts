import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AgentRecord, compareRecords, type RecordedAccount } from '../../../src/domain/disagreement.js';
import type { LedgerEntry } from '../../../src/domain/ledger-entry.js';
import { judge } from '../../../src/domain/lifecycle.js';
import type { ProxmoxMark } from '../../../src/domain/proxmox-mark.js';
import { rebuildLedger } from '../../../src/domain/rebuild.js';
import { ALICE, BOB, entry, HOUR, NOW, outsider, policy } from './builders.js';

const OPTIONS = { now: NOW, deleteAfterMs: 24 * HOUR, realm: 'entra' };

function recorded(change: Partial<RecordedAccount> = {}): RecordedAccount {
  return { oid: ALICE, name: 'alice', uid: 20_001, state: 'whole', locked: false, adopted: false, ...change };
}

function agent(...accounts: RecordedAccount[]): AgentRecord {
  return { accounts, givenBack: new Set(), strangers: new Map() };
}

function mark(change: Partial<ProxmoxMark> = {}): ProxmoxMark {
  return { userid: 'alice@example.com@entra', oid: ALICE, enabled: true, state: 'active', ...change };
}

function rebuilt(accounts: RecordedAccount[], marks: ProxmoxMark[]): LedgerEntry | undefined {
  return rebuildLedger({ entries: [], agent: agent(...accounts), marks }, OPTIONS)[0]?.after;
}

describe('a rebuilt entry', () => {
  it('holds every name and the uid, and says that its groups are not known', () => {
    const former = mark({ userid: 'old@example.com@entra', state: 'retired', enabled: false });

    expect(rebuilt([recorded()], [former, mark()])).toEqual({
      oid: ALICE,
      upn: 'alice@example.com',
      displayName: '',
      state: 'active',
      since: NOW,
      groups: [],
      groupsUnknown: true,
      names: { linux: 'alice', proxmox: 'alice@example.com@entra' },
      uid: 20_001,
      retired: ['old@example.com@entra'],
      conflicts: [],
    });
  });

  it.each<[string, RecordedAccount[], ProxmoxMark[], Partial<LedgerEntry>]>([
    [
      'the countdown that Proxmox shows',
      [recorded({ locked: true })],
      [mark({ state: 'grace', deleteAt: NOW + HOUR, reason: 'left' })],
      { state: 'grace', deleteAt: NOW + HOUR, reason: 'left' },
    ],
    [
      'a new countdown where that cannot be read',
      [],
      [mark({ state: 'grace' })],
      { state: 'grace', deleteAt: NOW + 24 * HOUR },
    ],
    [
      'a new countdown where only the lock is known',
      [recorded({ locked: true })],
      [],
      { state: 'grace', deleteAt: NOW + 24 * HOUR },
    ],
    [
      'no countdown for somebody suspended',
      [recorded({ locked: true })],
      [mark({ state: 'suspended' })],
      { state: 'suspended' },
    ],
    ['a tombstone', [recorded({ state: 'deleted' })], [mark({ state: 'deleted' })], { state: 'deleted' }],
    ['a tombstone of the host alone', [recorded({ state: 'deleted' })], [], { state: 'deleted' }],
    ['a tombstone of Proxmox alone', [], [mark({ state: 'deleted' })], { state: 'deleted' }],
    [
      'a new countdown where only half was deleted',
      [recorded({ locked: true })],
      [mark({ state: 'deleted' })],
      { state: 'grace', deleteAt: NOW + 24 * HOUR },
    ],
    ['a tombstone in the middle of a comeback', [recorded({ state: 'deleted' })], [mark()], { state: 'deleted' }],
    ['nothing but the account', [recorded()], [], { state: 'active', upn: 'alice', names: { linux: 'alice' } }],
  ])('is what the marks prove: %s', (_what, accounts, marks, expected) => {
    const after = rebuilt(accounts, marks);

    expect(after).toMatchObject(expected);
    expect(after?.deleteAt).toBe(expected.deleteAt);
  });

  it('takes the enabled one of two users as the current one, and forgets neither', () => {
    const other = mark({ userid: 'alice2@example.com@entra', enabled: false, state: 'grace', deleteAt: NOW });

    expect(rebuilt([], [other, mark()])).toMatchObject({
      names: { proxmox: 'alice@example.com@entra' },
      retired: ['alice2@example.com@entra'],
      state: 'active',
    });
  });

  it('takes the first of two users that are both open, or both shut, and forgets neither', () => {
    const other = mark({ userid: 'alice2@example.com@entra' });
    const shut = [mark({ enabled: false }), { ...other, enabled: false }];

    for (const marks of [[mark(), other], shut, [mark(), { ...other, enabled: false }]]) {
      expect(rebuilt([], marks)).toMatchObject({
        names: { proxmox: 'alice@example.com@entra' },
        retired: ['alice2@example.com@entra'],
      });
    }
  });

  it('is named by the best that is known', () => {
    const former = mark({ userid: 'old@example.com@entra', state: 'retired', enabled: false });
    const elsewhere = mark({ userid: 'alice@example.com@other' });

    expect(rebuilt([], [former])).toMatchObject({ upn: 'old@example.com', names: {}, state: 'active' });
    expect(rebuilt([recorded()], [former])?.upn).toBe('alice');
    expect(rebuilt([], [elsewhere])?.upn).toBe('alice@example.com@other');
  });

  it('has its former userids sorted, each as often as it is there', () => {
    const former = (userid: string) => mark({ userid, state: 'retired', enabled: false });

    expect(rebuilt([], [former('b@entra'), former('a@entra'), mark()])?.retired).toEqual(['a@entra', 'b@entra']);
  });

  it('says why it is as it is, and of a deleted one that nothing more has to be read', () => {
    const reason = 'rebuilt from the records of the targets';
    const deleted = rebuilt([recorded({ state: 'deleted' })], []);

    expect(rebuilt([recorded({ locked: true })], [])?.reason).toBe(reason);
    expect(rebuilt([], [mark({ state: 'grace' })])?.reason).toBe(reason);
    expect(rebuilt([], [mark({ state: 'suspended' })])?.reason).toBe(reason);
    expect(rebuilt([], [mark({ state: 'deleted' })])?.reason).toBe(reason);
    expect(deleted?.reason).toBe(reason);
    expect(deleted && 'groupsUnknown' in deleted).toBe(false);
    expect('reason' in (rebuilt([recorded()], []) ?? {})).toBe(false);
  });

  it('has no mark, or no record of the agent, to go by where that side is not in use', () => {
    const ofAgent = rebuildLedger({ entries: [], agent: agent(recorded()) }, OPTIONS);
    const ofProxmox = rebuildLedger({ entries: [], marks: [mark()] }, OPTIONS);

    expect(ofAgent).toMatchObject([{ oid: ALICE, after: { names: { linux: 'alice' }, uid: 20_001 } }]);
    expect(ofProxmox).toMatchObject([{ oid: ALICE, after: { names: { proxmox: 'alice@example.com@entra' } } }]);
    expect(Object.keys(ofAgent[0]?.after.names ?? {})).toEqual(['linux']);
    expect(Object.keys(ofProxmox[0]?.after.names ?? {})).toEqual(['proxmox']);
    expect('uid' in (ofProxmox[0]?.after ?? {})).toBe(false);
    expect('before' in (ofAgent[0] ?? {})).toBe(false);
  });

  it('is not made for an account that root has just adopted beside a ledger that is there', () => {
    const adopted = recorded({ oid: BOB, name: 'bob', uid: 20_002, adopted: true });

    const changes = rebuildLedger({ entries: [entry({ uid: 20_001 })], agent: agent(recorded(), adopted) }, OPTIONS);

    expect(changes).toEqual([]);
  });

  it('never grants: nobody who was locked, suspended or deleted is active afterwards', () => {
    fc.assert(
      fc.property(anyAccount, anyMark, (account, found) => {
        const after = rebuilt(account ? [account] : [], found ? [found] : []);
        const isOut = found ? found.state !== 'active' && found.state !== 'retired' : account?.locked;

        if (isOut || (account?.state === 'deleted' && after)) expect(after?.state).not.toBe('active');
      }),
    );
  });

  it('never makes a countdown shorter than the mark says or the rule gives', () => {
    fc.assert(
      fc.property(anyAccount, anyMark, (account, found) => {
        const after = rebuilt(account ? [account] : [], found ? [found] : []);
        const least = found?.state === 'grace' ? (found.deleteAt ?? NOW + 24 * HOUR) : NOW + 24 * HOUR;

        if (after?.state === 'grace') expect(after.deleteAt).toBeGreaterThanOrEqual(least);
      }),
    );
  });

  it('agrees with the marks that it was made of', () => {
    fc.assert(
      fc.property(anyAccount, anyMark, (account, found) => {
        const sides = { agent: agent(...(account ? [account] : [])), marks: found ? [found] : [] };
        const entries = rebuildLedger({ entries: [], ...sides }, OPTIONS).map(({ after }) => after);

        expect(compareRecords({ entries, ...sides })).toEqual({ lost: undefined, items: [] });
      }),
    );
  });

  it('makes a leaver of somebody who left meanwhile, after two readings as ever', () => {
    const entryOfAlice = rebuilt([recorded()], [mark()]);

    const verdict = judge(ALICE, entryOfAlice, outsider(), policy(), { now: NOW, sweep: true });

    expect(verdict.kind).toBe('confirm');
  });
});

describe('an entry that is there', () => {
  const known = entry({ uid: 20_001, state: 'grace', deleteAt: NOW });
  const corrected = (accounts: RecordedAccount[], marks: ProxmoxMark[]) =>
    rebuildLedger({ entries: [known], agent: agent(...accounts), marks }, OPTIONS);

  it('is left alone where nothing contradicts it', () => {
    expect(corrected([recorded({ locked: true })], [mark({ state: 'grace', deleteAt: NOW + 60_000 })])).toEqual([]);
  });

  it("gets the agent's name and uid, and the later end of its countdown", () => {
    const [change] = corrected(
      [recorded({ name: 'alice2', uid: 20_007 })],
      [mark({ state: 'grace', deleteAt: NOW + HOUR })],
    );

    expect(change?.before).toBe(known);
    expect(change?.after).toEqual({
      ...known,
      names: { ...known.names, linux: 'alice2' },
      uid: 20_007,
      deleteAt: NOW + HOUR,
    });
  });

  it('gets the uid alone where only that differs, and none where it had none', () => {
    const [other] = corrected([recorded({ uid: 20_007 })], []);
    const unseen = entry({ names: {} });

    expect(other?.after).toEqual({ ...known, uid: 20_007 });
    expect(rebuildLedger({ entries: [unseen], agent: agent(recorded()) }, OPTIONS)).toEqual([]);
  });

  it('gets no end of its countdown that a wrong clock wrote', () => {
    const late = mark({ state: 'grace', deleteAt: NOW + 24 * HOUR + 60_001 });
    const last = mark({ state: 'grace', deleteAt: NOW + 24 * HOUR + 60_000 });

    expect(corrected([], [late])).toEqual([]);
    expect(corrected([], [last])).toMatchObject([{ after: { deleteAt: NOW + 24 * HOUR + 60_000 } }]);
  });

  it('does not keep a missing one from being made', () => {
    const changes = corrected([recorded(), recorded({ oid: BOB, name: 'bob', uid: 20_002 })], []);

    expect(changes.map(({ oid }) => oid)).toEqual([BOB]);
  });
});

const anyAccount = fc.option(
  fc
    .record({ state: fc.constantFrom('whole' as const, 'partial' as const, 'deleted' as const), locked: fc.boolean() })
    .map((change) => recorded(change)),
  { nil: undefined },
);

const anyMark = fc.option(
  fc
    .record({
      state: fc.constantFrom(
        'active' as const,
        'suspended' as const,
        'grace' as const,
        'deleted' as const,
        'retired' as const,
      ),
      enabled: fc.boolean(),
      deleteAt: fc.option(fc.integer({ min: NOW - 48 * HOUR, max: NOW + 48 * HOUR }), { nil: undefined }),
    })
    .map(({ deleteAt, ...change }) => mark({ ...change, ...(change.state === 'grace' ? { deleteAt } : {}) })),
  { nil: undefined },
);
