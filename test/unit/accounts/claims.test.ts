import { truncateSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readClaims } from '../../../src/accounts/claims.js';
import { ALICE, BOB, createHost, type Host } from './host.js';

let host: Host;
beforeEach(() => {
  host = createHost();
});
afterEach(() => host.remove());

const read = (value: unknown) => readClaims(host.write('ledger.json', JSON.stringify(value)));
const ledger = (identities: unknown) => ({ version: 1, identities });
const entry = (change: object = {}) => ({ oid: ALICE, state: 'active', names: { linux: 'alice' }, ...change });
const invalid = (words: RegExp | string) =>
  expect.objectContaining({ code: 'invalid', message: expect.stringMatching(words) });

describe('claims', () => {
  it.each(['active', 'suspended', 'grace', 'deleted'])(
    'are those of accounts in %s, with or without a uid',
    (state) => {
      expect(read(ledger({ [ALICE]: entry({ state }) }))).toEqual([
        { oid: ALICE, name: 'alice', uid: undefined, state },
      ]);
      expect(read(ledger({ [ALICE]: entry({ state, uid: 1000 }) }))).toMatchObject([{ uid: 1000 }]);
    },
  );

  it('are one for each identity that has an account', () => {
    const bob = { oid: BOB, state: 'grace', names: { linux: 'bob', proxmox: 'bob@x' }, uid: 20_002 };
    const nobody = { oid: BOB, state: 'grace', names: { proxmox: 'bob@x' } };

    expect(read(ledger({ [ALICE]: entry(), [BOB]: bob })).map(({ name }) => name)).toEqual(['alice', 'bob']);
    expect(read(ledger({ [ALICE]: entry(), [BOB]: nobody })).map(({ name }) => name)).toEqual(['alice']);
  });

  it.each([[null], [[]], ['text'], [{}], [ledger(undefined)], [ledger([])], [ledger(null)], [{ identities: {} }]])(
    'are none of what is no ledger: %j',
    (value) => {
      expect(() => read(value)).toThrow(invalid(/ledger\.json is not a ledger of the reconciler, version 1$/));
    },
  );

  it.each([
    ['no entry', null],
    ['a list', []],
    ['no names', entry({ names: undefined })],
    ['a list of names', entry({ names: [] })],
    ['another id', entry({ oid: BOB })],
    ['no state', entry({ state: undefined })],
  ])('are none of a ledger with %s', (_, broken) => {
    expect(() => read(ledger({ [ALICE]: broken }))).toThrow(
      invalid(new RegExp(`ledger\\.json cannot be understood at identities\\.${ALICE}$`)),
    );
  });

  it('are none of an identity without an object id, which is not repeated in whole', () => {
    const oid = 'x'.repeat(100);

    expect(() => read(ledger({ [oid]: entry({ oid }) }))).toThrow(invalid(/at identities\.x{40}$/));
  });

  it.each([
    [{ names: { linux: 7 } }],
    [{ names: { linux: 'ALL' } }],
    [{ uid: 999 }],
    [{ uid: '20001' }],
    [{ uid: 20_001.5 }],
    [{ uid: null }],
  ])('are none of an account that cannot be: %j', (change) => {
    expect(() => read(ledger({ [ALICE]: entry(change) }))).toThrow(
      invalid(new RegExp(`ledger\\.json names no possible account at identities\\.${ALICE}$`)),
    );
  });

  it('are none of what is no file, or one without end, or not there', () => {
    const file = host.write('ledger.json', '{}');
    truncateSync(file, 256 * 1024 * 1024 + 1);

    expect(() => readClaims(file)).toThrow(invalid(/ledger\.json is no ledger file$/));
    expect(() => readClaims(host.root)).toThrow(invalid(/is no ledger file$/));
    expect(() => readClaims(`${file}.none`)).toThrow(invalid(/none cannot be read: ENOENT/));
  });

  it('are none of broken JSON, with what to do', () => {
    expect(() => readClaims(host.write('ledger.json', '{'))).toThrow(
      expect.objectContaining({
        code: 'invalid',
        message: expect.stringMatching(/ledger\.json is not JSON: ./),
        remedy: 'see what "entramox repair" makes of it first',
      }),
    );
  });
});
