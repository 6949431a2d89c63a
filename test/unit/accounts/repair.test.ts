import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseStart } from '../../../src/accounts/arguments.js';
import { type Claim, readClaims } from '../../../src/accounts/claims.js';
import { readEtc } from '../../../src/accounts/etc.js';
import { openLedger } from '../../../src/accounts/ledger.js';
import { DEFAULT_POLICY } from '../../../src/accounts/policy.js';
import { examineForRepair } from '../../../src/accounts/repair.js';
import { uidOf } from '../../../src/accounts/uid.js';

const ALICE = '11111111-1111-4111-8111-111111111111';
const BOB = '22222222-2222-4222-8222-222222222222';
const RULED = uidOf(ALICE, DEFAULT_POLICY);
const NOW = 1_790_000_000_000;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'entramox-repair-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const write = (name: string, text: string) => {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
};

/** An account as the agent makes one, unless told otherwise. */
function account(name: string, uid: number, { home = `/home/${name}`, password = '$y$x', expiry = '' } = {}): void {
  write('passwd', `root:x:0:0:root:/root:/bin/sh\n${name}:x:${uid}:${uid}:${name}:${home}:/bin/bash\n`);
  write('shadow', `root:*:1::::::\n${name}:${password}:0:::::${expiry}:\n`);
  write('group', `root:x:0:\n${name}:x:${uid}:\n`);
  write('gshadow', `root:*::\n${name}:!::\n`);
}

const clock = { now: () => NOW, bootId: () => 'boot', uptimeMs: () => 5000 };
const record = () => openLedger(join(dir, 'accounts.json'));
const examine = (claims: Claim[], ledger = record()) =>
  examineForRepair({ ledger, policy: DEFAULT_POLICY, etc: readEtc(dir), clock }, claims);
const alice = (change: Partial<Claim> = {}): Claim => ({
  oid: ALICE,
  name: 'alice',
  uid: RULED,
  state: 'active',
  ...change,
});

describe('what root takes into the record again', () => {
  it('is an account with the uid that it was seen with', () => {
    account('alice', 23_456);

    const { entries, lines } = examine([alice({ uid: 23_456 })]);

    expect(entries).toEqual([
      { oid: ALICE, name: 'alice', uid: 23_456, state: 'made', adopted: false, formerNames: [] },
    ]);
    expect(lines).toEqual([`take over  alice, uid 23456, of ${ALICE}`]);
  });

  it('is, where nobody wrote the uid down, only one with the uid that comes from the object id', () => {
    account('alice', RULED);
    const { uid: _, ...claim } = alice();

    expect(examine([claim]).entries).toMatchObject([{ uid: RULED }]);
    account('alice', 23_456);
    expect(examine([claim])).toMatchObject({ entries: [], refused: 1 });
    expect(examine([claim]).lines[0]).toContain(`accounts adopt --oid ${ALICE} --name alice`);
  });

  it('counts as adopted where the agent would not have made it so', () => {
    account('alice', RULED, { home: '/srv/alice' });

    expect(examine([alice()]).entries).toMatchObject([{ adopted: true }]);
  });

  it("keeps our lock, with its time begun anew; one of an administrator's is not ours", () => {
    account('alice', RULED, { password: '!$y$x', expiry: '1' });
    const since = { since: NOW, bootId: 'boot', uptimeMs: 5000 };

    expect(examine([alice({ state: 'grace' })]).entries[0]?.lock).toEqual({
      previousExpiry: '',
      passwordWasLocked: false,
      ...since,
    });
    expect(examine([alice({ state: 'suspended' })]).entries[0]?.lock?.since).toBe(NOW);
    expect(examine([alice()]).entries[0]?.lock).toBeUndefined();
    account('alice', RULED);
    expect(examine([alice({ state: 'grace' })]).entries[0]?.lock).toBeUndefined();
  });

  it('is a tombstone for what was deleted or is not here, so that name and uid are never handed on', () => {
    write('passwd', 'root:x:0:0:root:/root:/bin/sh\n');
    const { uid: _, ...unseen } = alice({ state: 'deleted' });

    expect(examine([alice({ state: 'deleted', uid: 23_456 })]).entries).toEqual([
      { oid: ALICE, name: 'alice', uid: 23_456, state: 'deleted', adopted: false, formerNames: [] },
    ]);
    expect(examine([alice({ uid: 23_456 })]).entries).toMatchObject([{ state: 'deleted', uid: 23_456 }]);
    expect(examine([unseen]).entries).toMatchObject([{ state: 'deleted', uid: RULED }]);
  });

  it('is nothing for an account that was written down and never made', () => {
    write('passwd', '');
    const { uid: _, ...claim } = alice();

    expect(examine([claim])).toEqual({ entries: [], lines: [], refused: 0 });
  });

  it('is nothing where the record knows it already, and a word where it knows it otherwise', () => {
    account('alice', RULED);
    const ledger = record();
    ledger.put({ oid: ALICE, name: 'alice', uid: RULED, state: 'made', adopted: false, formerNames: [] });

    expect(examine([alice()], ledger).lines).toEqual([]);
    expect(examine([alice({ uid: 23_456 })], ledger)).toMatchObject({ entries: [], refused: 1 });
    expect(examine([alice({ name: 'alison' })], ledger).lines[0]).toContain('the record has alice');
  });
});

describe('what root is shown of a repair', () => {
  it('is each account and each tombstone in words', () => {
    account('alice', RULED, { password: '!$y$x', expiry: '1' });
    const bob = { oid: BOB, name: 'bob', uid: 23_456, state: 'active' as const };

    expect(examine([alice({ state: 'grace' }), bob]).lines).toEqual([
      `take over  alice, uid ${RULED}, of ${ALICE}; locked by us, to be opened wholly if they come back`,
      `tombstone  bob, uid 23456, of ${BOB}: there is no such account, name and uid stay theirs`,
    ]);
  });

  it('is what root has to judge by of an account that the agent did not make, whose lock is left to root', () => {
    account('alice', RULED, { password: '!$y$x', expiry: '1', home: '/srv/alice' });

    const { entries, lines } = examine([alice({ state: 'grace' })]);

    expect(entries).toMatchObject([{ adopted: true }]);
    expect(entries[0]?.lock).toBeUndefined();
    expect(lines).toEqual([
      `take over  alice, uid ${RULED}, of ${ALICE} (as adopted: home /srv/alice, shell /bin/bash, groups none)`,
    ]);
  });

  it('is what the record has where the ledger says otherwise', () => {
    const ledger = record();
    ledger.put({ oid: ALICE, name: 'alice', uid: 20_001, state: 'made', adopted: false, formerNames: [] });
    const refusal = (change: Partial<Claim>) => examine([alice(change)], ledger).lines;

    expect(refusal({ name: 'ann', uid: 20_009 })).toEqual([
      `refused    ann of ${ALICE}: the record has alice with uid 20001, the ledger another name with uid 20009: entramox repair`,
    ]);
    expect(refusal({ name: 'ann', uid: undefined })).toEqual([
      `refused    ann of ${ALICE}: the record has alice with uid 20001, the ledger another name for it: entramox repair`,
    ]);
    expect(refusal({ uid: undefined })).toEqual([]);
  });

  it('is who is in the way of a tombstone, or of a second one', () => {
    write('passwd', '');
    const twin = { oid: BOB, name: 'ann', uid: 23_456, state: 'deleted' as const };
    const beside = (change: Partial<Claim>) => examine([alice({ uid: 23_456 }), { ...twin, ...change }]);
    const [sameUid, sameName, neither] = [beside({}), beside({ name: 'alice', uid: 23_457 }), beside({ uid: 23_457 })];
    const ledger = record();
    ledger.put({ oid: BOB, name: 'bob', uid: 23_456, state: 'made', adopted: false, formerNames: ['bobby'] });
    const gone = (change: Partial<Claim>) => examine([alice({ state: 'deleted', ...change })], ledger).lines[0];

    expect(gone({ name: 'bobby', uid: 23_457 })).toContain(`: ${BOB} has, or had, the account bob with uid 23456`);
    expect(gone({ uid: 23_456 })).toContain(`: ${BOB} has, or had, the account bob with uid 23456`);
    expect(sameUid.lines[1]).toBe(`refused    ann of ${BOB}: the ledger gives its name or uid to ${ALICE} too`);
    expect([sameUid.refused, sameName.refused, neither.refused]).toEqual([1, 1, 0]);
  });

  it('counts as adopted where group or home are not as the agent makes them', () => {
    const adopted = () => examine([alice()]).entries[0]?.adopted;
    account('alice', RULED);
    const own = adopted();
    write('group', `alice:x:${RULED + 1}:\n`);
    const otherGroup = adopted();
    account('alice', RULED);
    write('passwd', `alice:x:${RULED}:100::/home/alice:/bin/bash\n`);
    const otherMainGroup = adopted();
    account('alice', RULED);
    write('group', 'root:x:0:\n');

    expect([own, otherGroup, otherMainGroup, adopted()]).toEqual([false, true, true, true]);
  });
});

describe('the command', () => {
  it('names a ledger, and only shows unless it is confirmed', () => {
    const { mode } = parseStart(['repair', '--ledger', '/var/lib/entramox/ledger.json']);

    expect(mode).toEqual({ kind: 'repair', ledger: '/var/lib/entramox/ledger.json', confirmed: false });
    expect(parseStart(['repair', '--ledger', 'x', '--yes']).mode).toMatchObject({ confirmed: true });
    expect(() => parseStart(['repair'])).toThrow(/--ledger/);
  });
});

describe('what root is warned of', () => {
  it.each<[string, () => void, Claim, RegExp]>([
    ['a system account', () => account('daemon', 1), alice({ name: 'daemon', uid: 1000 }), /reserved/],
    ['a uid outside the range', () => account('alice', 1001), alice({ uid: 1001 }), /outside uidRange/],
    [
      'another uid than was seen',
      () => account('alice', 23_457),
      alice({ uid: 23_456 }),
      /it has uid 23457, not 23456/,
    ],
    [
      'an account of somebody who was deleted',
      () => account('alice', RULED),
      alice({ state: 'deleted' }),
      /was deleted, yet/,
    ],
    [
      'a tombstone on a uid in use',
      () => account('other', 23_456),
      alice({ state: 'deleted', uid: 23_456 }),
      /belongs to the account other/,
    ],
  ])('is refused: %s', (_what, prepare, claim, words) => {
    prepare();

    const { entries, lines, refused } = examine([claim]);

    expect([entries, refused]).toEqual([[], 1]);
    expect(lines[0]).toMatch(words);
  });

  it('is refused: two people with one account, and one of somebody else', () => {
    account('alice', RULED);
    const ledger = record();
    const twins = examine([alice(), alice({ oid: BOB })]);
    ledger.put({ oid: BOB, name: 'alice', uid: RULED, state: 'deleted', adopted: false, formerNames: [] });

    expect(twins).toMatchObject({ entries: [{ oid: ALICE }], refused: 1 });
    expect(examine([alice()], ledger)).toMatchObject({ entries: [], refused: 1 });
  });
});

describe("the reconciler's ledger, as root reads it", () => {
  const ledgerOf = (entry: object) => JSON.stringify({ version: 1, identities: { [ALICE]: { oid: ALICE, ...entry } } });

  it('gives the accounts that it names', () => {
    const file = write('ledger.json', ledgerOf({ state: 'grace', names: { linux: 'alice' }, uid: 23_456, upn: 'x' }));

    expect(readClaims(file)).toEqual([{ oid: ALICE, name: 'alice', uid: 23_456, state: 'grace' }]);
    expect(readClaims(write('none.json', ledgerOf({ state: 'active', names: {} })))).toEqual([]);
  });

  it.each([
    ['broken', '{"version":1,', /is not JSON/],
    ['of another version', '{"version":2,"identities":{}}', /version 1/],
    ['with a path for a name', ledgerOf({ state: 'active', names: { linux: '../root' } }), /no possible account/],
    [
      'with a name that sudo reads otherwise',
      ledgerOf({ state: 'active', names: { linux: '#1000' } }),
      /no possible account/,
    ],
    ['with the uid of root', ledgerOf({ state: 'active', names: { linux: 'alice' }, uid: 0 }), /no possible account/],
    ['with an unknown state', ledgerOf({ state: 'emperor', names: { linux: 'alice' } }), /identities/],
    ['with an entry under another id', ledgerOf({ oid: BOB, state: 'active', names: {} }), /identities/],
  ])('is refused where it is %s', (_what, text, words) => {
    expect(() => readClaims(write('ledger.json', text))).toThrow(words);
  });

  it('is refused where it is a link, a directory or not there', () => {
    symlinkSync(write('real.json', '{"version":1,"identities":{}}'), join(dir, 'link.json'));

    expect(() => readClaims(join(dir, 'link.json'))).toThrow(/cannot be read/);
    expect(() => readClaims(dir)).toThrow(/no ledger file/);
    expect(() => readClaims(join(dir, 'missing.json'))).toThrow(/cannot be read/);
  });
});
