import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Entry, openLedger } from '../../../src/accounts/ledger.js';
import { openUnwrittenLocks } from '../../../src/accounts/unwritten-locks.js';

const HOUR_MS = 3_600_000;

describe('the account ledger', () => {
  let directory: string;
  let file: string;
  const entry: Entry = {
    oid: '11111111-1111-4111-8111-111111111111',
    name: 'alice',
    uid: 20001,
    state: 'made',
    adopted: false,
    formerNames: ['alison'],
    lock: { previousExpiry: '', passwordWasLocked: false, since: 5, bootId: 'b', uptimeMs: 1 },
  };
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'ledger-'));
    file = join(directory, 'accounts.json');
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('keeps an entry over a new start, private to its owner', () => {
    openLedger(file).put(entry);

    const again = openLedger(file);

    expect(again.get(entry.oid)).toEqual(entry);
    expect(again.ownerOfUid(20001)).toEqual(entry);
    expect([again.ownerOfName('alice'), again.ownerOfName('alison'), again.ownerOfName('bob')]).toEqual([
      entry,
      entry,
      undefined,
    ]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('keeps which lost groups processes may still hold, and needs no such list', () => {
    openLedger(file).put({ ...entry, lostGroups: ['docker'] });

    const again = openLedger(file);

    expect(again.get(entry.oid)?.lostGroups).toEqual(['docker']);
    expect(() => again.put({ ...entry, lostGroups: [1] as unknown as string[] })).toThrow(/lostGroups/);
  });

  it('keeps an account that root took back, and the archives of former lives', () => {
    const released: Entry = { ...entry, state: 'released', releasedAt: 7, archives: ['/archive/alice-20001.tar'] };
    openLedger(file).put(released);

    expect(openLedger(file).get(entry.oid)).toEqual(released);
  });

  it.each([
    ['archives that are no paths', { archives: [1] }],
    ['a release at no time', { releasedAt: 'yesterday' }],
  ])('refuses %s', (_, change) => {
    openLedger(file).put(entry);
    const record = JSON.parse(readFileSync(file, 'utf8'));
    Object.assign(record.accounts[0], change);
    writeFileSync(file, JSON.stringify(record));

    expect(() => openLedger(file)).toThrow(/cannot be used/);
  });

  it('keeps the former copy beside the file', () => {
    const ledger = openLedger(file);
    ledger.put(entry);
    const first = readFileSync(file, 'utf8');

    ledger.put({ ...entry, state: 'deleted' });

    expect(readFileSync(`${file}.prev`, 'utf8')).toBe(first);
    expect(readFileSync(file, 'utf8')).toContain('deleted');
  });

  it('counts locks and deletions of the last hour, each by itself and over a new start', () => {
    const ledger = openLedger(file);
    ledger.putCounted(entry, 'locks', 0);
    ledger.putCounted(entry, 'locks', HOUR_MS);
    ledger.putCounted(entry, 'deletes', HOUR_MS);

    const again = openLedger(file);

    expect(again.recent('locks', HOUR_MS + 1)).toEqual([HOUR_MS]);
    expect(again.recent('deletes', HOUR_MS + 1)).toEqual([HOUR_MS]);
    expect(again.recent('locks', 2 * HOUR_MS + 1)).toEqual([]);
  });

  it('goes on counting when the clock was set back', () => {
    const ledger = openLedger(file);
    ledger.putCounted(entry, 'locks', 10 * HOUR_MS);

    expect(ledger.recent('locks', 0)).toEqual([10 * HOUR_MS]);
  });

  it.each([
    ['is no JSON', '{"version":1,'],
    ['is of a newer version', '{"version":2,"accounts":[],"locks":[],"deletes":[]}'],
    ['lacks a part', '{"version":1,"accounts":[],"locks":[]}'],
    [
      'holds a name that is none',
      JSON.stringify({ version: 1, accounts: [{ ...entry, name: 'ALL' }], locks: [], deletes: [] }),
    ],
    ['holds a system uid', JSON.stringify({ version: 1, accounts: [{ ...entry, uid: 0 }], locks: [], deletes: [] })],
    ['holds an account twice', JSON.stringify({ version: 1, accounts: [entry, entry], locks: [], deletes: [] })],
    [
      'holds an expiry that is an option',
      JSON.stringify({
        version: 1,
        accounts: [{ ...entry, lock: { previousExpiry: '-x', passwordWasLocked: false } }],
        locks: [],
        deletes: [],
      }),
    ],
  ])('is refused and left alone when it %s', (_, text) => {
    writeFileSync(file, text);

    expect(() => openLedger(file)).toThrow(/the account ledger .* cannot be used/);

    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  it('does not write what it could not read again', () => {
    const ledger = openLedger(file);
    ledger.put(entry);

    const write = () => ledger.put({ ...entry, lock: { previousExpiry: '-1', passwordWasLocked: false } });

    expect(write).toThrow(
      expect.objectContaining({
        code: 'failed',
        message: expect.stringMatching(/alice is not written: lock.previousExpiry/),
      }),
    );
    expect(openLedger(file).get(entry.oid)).toEqual(entry);
  });

  const stored = (change: object) =>
    JSON.stringify({ version: 1, accounts: [entry], locks: [], deletes: [], ...change });
  const account = (change: object) => stored({ accounts: [{ ...entry, ...change }] });
  const lock = (change: object) => account({ lock: { previousExpiry: '', passwordWasLocked: false, ...change } });
  const other = { ...entry, oid: '22222222-2222-4222-8222-222222222222', name: 'bob', uid: 20002, formerNames: [] };
  const twins = (change: object) => stored({ accounts: [entry, { ...other, ...change }] });

  it.each<[string, string]>([
    ['7', 'it is not a JSON object'],
    ['null', 'it is not a JSON object'],
    ['[]', 'it is not a JSON object'],
    [stored({ version: '1' }), 'its version is "1", this program knows 1'],
    [stored({ accounts: {} }), 'accounts is not a list'],
    [stored({ locks: {} }), 'locks is not a list of times'],
    [stored({ locks: ['1'] }), 'locks is not a list of times'],
    [stored({ deletes: [1, null] }), 'deletes is not a list of times'],
    [stored({ accounts: [entry, null] }), 'account 1: not an object'],
    [stored({ accounts: [[]] }), 'account 0: not an object'],
    [account({ oid: 7 }), 'account 0: oid is not a GUID'],
    [account({ oid: 'alice' }), 'account 0: oid is not a GUID'],
    [account({ name: 7 }), 'account 0: name is not a Unix name'],
    [account({ name: 'al ice' }), 'account 0: name is not a Unix name'],
    [account({ uid: 999 }), 'account 0: uid is not from 1000 up'],
    [account({ uid: '20001' }), 'account 0: uid is not from 1000 up'],
    [account({ state: 'asleep' }), 'account 0: state is unknown'],
    [account({ adopted: 'no' }), 'account 0: adopted is not true or false'],
    [account({ formerNames: 'alison' }), 'account 0: formerNames is not a list of names'],
    [account({ formerNames: [7] }), 'account 0: formerNames is not a list of names'],
    [account({ formerNames: ['alison', 'ALL'] }), 'account 0: formerNames is not a list of names'],
    [account({ archive: 7 }), 'account 0: archive is not a path'],
    [account({ lostGroups: 'docker' }), 'account 0: lostGroups is not a list of groups'],
    [account({ lostGroups: ['lab', 7] }), 'account 0: lostGroups is not a list of groups'],
    [account({ archives: '/a.tar' }), 'account 0: archives is not a list'],
    [account({ archives: ['/a.tar', 7] }), 'account 0: archives is not a list'],
    [account({ releasedAt: '7' }), 'account 0: releasedAt is not a time'],
    [account({ lock: null }), 'account 0: lock is not an object'],
    [lock({ previousExpiry: 7 }), 'account 0: lock.previousExpiry is not a number of days'],
    [lock({ previousExpiry: '1234567890' }), 'account 0: lock.previousExpiry is not a number of days'],
    [lock({ previousExpiry: '1 ' }), 'account 0: lock.previousExpiry is not a number of days'],
    [lock({ previousExpiry: ' 1' }), 'account 0: lock.previousExpiry is not a number of days'],
    [lock({ passwordWasLocked: 1 }), 'account 0: lock.passwordWasLocked is not true or false'],
    [lock({ since: '1' }), 'account 0: lock.since is not a time'],
    [lock({ uptimeMs: null }), 'account 0: lock.uptimeMs is not a time'],
    [twins({ oid: entry.oid }), `account 1: ${entry.oid} is there twice`],
    [twins({ uid: 20001 }), 'account 1: 20001 is there twice'],
    [twins({ name: 'alice' }), 'account 1: alice is there twice'],
    [twins({ formerNames: ['alison'] }), 'account 1: alison is there twice'],
  ])('is refused as %s, since %s', (text, why) => {
    writeFileSync(file, text);

    expect(() => openLedger(file)).toThrow(
      expect.objectContaining({
        code: 'failed',
        message: `the account ledger ${file} cannot be used: ${why}`,
        remedy: `nothing is written until it is repaired; the last good copy is ${file}.prev`,
      }),
    );
  });

  it.each([
    account({ uid: 1000 }),
    account({ archive: null, archives: [], lostGroups: [], releasedAt: 7 }),
    account({ archive: '/a.tar', archives: ['/a.tar'], lostGroups: ['lab'] }),
    account({ lock: undefined }),
    account({ formerNames: ['alice', 'alison', 'alison'] }),
    lock({ previousExpiry: '123456789', passwordWasLocked: true }),
    lock({ since: 1, uptimeMs: 2, bootId: 'b' }),
    ...['creating', 'made', 'deleting', 'deleted', 'released'].map((state) => account({ state })),
    twins({}),
    stored({ locks: [1], deletes: [2, 3] }),
  ])('is taken as %s', (text) => {
    writeFileSync(file, text);

    expect(openLedger(file).entries()).toEqual(JSON.parse(text).accounts);
  });

  it('is refused where it is no JSON, with the reason', () => {
    writeFileSync(file, '{"version":1,');

    expect(() => openLedger(file)).toThrow(/cannot be used: .*JSON/);
  });

  it('is refused where it cannot be read, with the reason', () => {
    mkdirSync(file);

    expect(() => openLedger(file)).toThrow(/cannot be used: EISDIR/);
  });

  it('knows nobody before it has seen anybody', () => {
    const ledger = openLedger(file);

    expect([ledger.entries(), ledger.get(entry.oid), ledger.ownerOfUid(20001), ledger.ownerOfName('alice')]).toEqual([
      [],
      undefined,
      undefined,
      undefined,
    ]);
    expect([ledger.recent('locks', 0), ledger.recent('deletes', 0)]).toEqual([[], []]);
  });

  it('forgets what no longer counts as it counts anew, of that kind alone', () => {
    writeFileSync(file, stored({ locks: [0, HOUR_MS], deletes: [0] }));

    openLedger(file).putCounted(entry, 'locks', HOUR_MS + 1);

    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ locks: [HOUR_MS, HOUR_MS + 1], deletes: [0] });
  });

  it('counts a lock for a whole hour and no longer', () => {
    const ledger = openLedger(file);
    ledger.putCounted(entry, 'locks', 0);

    expect([ledger.recent('locks', HOUR_MS - 1), ledger.recent('locks', HOUR_MS)]).toEqual([[0], []]);
  });

  it('replaces an entry in its place, and leaves the others', () => {
    const ledger = openLedger(file);
    ledger.put(entry);
    ledger.put(other);

    ledger.put({ ...entry, state: 'deleted' });

    expect(openLedger(file).entries()).toEqual([{ ...entry, state: 'deleted' }, other]);
    expect(ledger.entries()).toEqual([{ ...entry, state: 'deleted' }, other]);
  });

  it('is not begun anew when only the former copy is there', () => {
    writeFileSync(`${file}.prev`, '{}');

    expect(() => openLedger(file)).toThrow(/former copy is there/);
  });

  describe('that could not write a lock down', () => {
    const open: Entry = { oid: entry.oid, name: 'alice', uid: 20001, state: 'made', adopted: false, formerNames: [] };
    const begun = { ...open, lock: { previousExpiry: '25000', passwordWasLocked: true } };
    const volatile = () => join(directory, 'unwritten');

    it('shows it to everybody, and to the next agent, until something is put for that identity', () => {
      const ledger = openLedger(file, openUnwrittenLocks(volatile()));
      ledger.put(open);
      ledger.keepUnwritten(begun, 7);

      const next = openLedger(file, openUnwrittenLocks(volatile()));
      const seen = [next.get(open.oid), next.ownerOfUid(20001), next.ownerOfName('alice'), ...next.entries()];
      next.put(open);
      const later = openLedger(file, openUnwrittenLocks(volatile()));

      expect(seen).toEqual([begun, begun, begun, begun]);
      expect([next.get(open.oid), later.get(open.oid)]).toEqual([open, open]);
    });

    it('counts it once, at its own time, before and after it is written', () => {
      const ledger = openLedger(file, openUnwrittenLocks(volatile()));
      ledger.put(open);
      ledger.keepUnwritten(begun, 7);
      ledger.keepUnwritten(begun, 9);

      const before = ledger.recent('locks', 10);
      ledger.put(begun);

      expect([before, ledger.recent('locks', 10), ledger.recent('deletes', 10)]).toEqual([[7], [7], []]);
      expect(openLedger(file).recent('locks', 10)).toEqual([7]);
    });

    it('has nothing to remember of an entry without a lock', () => {
      const ledger = openLedger(file, openUnwrittenLocks(volatile()));
      ledger.put(open);

      ledger.keepUnwritten(open, 7);

      expect([ledger.get(open.oid), ledger.recent('locks', 10)]).toEqual([open, []]);
    });

    it('shows and counts it beside what is written, and leaves it to whom it belongs', () => {
      const bob: Entry = { ...open, oid: '22222222-2222-4222-8222-222222222222', name: 'bob', uid: 20002 };
      const ledger = openLedger(file, openUnwrittenLocks(volatile()));
      ledger.put(open);
      ledger.putCounted(bob, 'locks', 5);
      ledger.keepUnwritten(begun, 7);

      ledger.put(bob);

      expect(ledger.entries()).toEqual([begun, bob]);
      expect([ledger.recent('locks', 10), ledger.recent('deletes', 10)]).toEqual([[5, 7], []]);
      ledger.putCounted(begun, 'deletes', 9);
      expect([ledger.recent('locks', 10), ledger.recent('deletes', 10)]).toEqual([[5, 7], [9]]);
    });

    it.each([
      ['no JSON', '{"'],
      ['a list', '[1]'],
      ['null', 'null'],
      ['a lock that is none', JSON.stringify({ [entry.oid]: { lock: { previousExpiry: '-x' }, at: 1 } })],
      ['a lock without its time', JSON.stringify({ [entry.oid]: { lock: begun.lock } })],
    ])('takes nothing from a memory that holds %s', (_, text) => {
      openLedger(file).put(open);
      writeFileSync(volatile(), text);

      const ledger = openLedger(file, openUnwrittenLocks(volatile()));

      expect([ledger.get(open.oid), ledger.recent('locks', 2)]).toEqual([open, []]);
    });
  });
});
