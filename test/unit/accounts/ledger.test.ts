import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Entry, openLedger } from '../../../src/accounts/ledger.js';

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

    expect(write).toThrow(/alice is not written: lock.previousExpiry/);
    expect(openLedger(file).get(entry.oid)).toEqual(entry);
  });

  it('is not begun anew when only the former copy is there', () => {
    writeFileSync(`${file}.prev`, '{}');

    expect(() => openLedger(file)).toThrow(/former copy is there/);
  });
});
