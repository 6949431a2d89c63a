import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Etc, readEtc } from '../../../src/accounts/etc.js';
import { type Entry, type Ledger, openLedger } from '../../../src/accounts/ledger.js';
import { DEFAULT_POLICY } from '../../../src/accounts/policy.js';
import { alternativeUids, uidOf } from '../../../src/accounts/uid.js';
import { uidStanding } from '../../../src/accounts/uid-standing.js';

const OID = '11111111-1111-4111-8111-111111111111';
const rules = { uidRange: [20_000, 59_999] as [number, number], uids: {} };

/** Two identities that a narrow range gives one number. */
function colliding(range: [number, number]): [string, string] {
  const seen = new Map<number, string>();
  for (let n = 0; ; n += 1) {
    const oid = `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
    const uid = uidOf(oid, { uidRange: range, uids: {} });
    const other = seen.get(uid);
    if (other) return [other, oid];
    seen.set(uid, oid);
  }
}

describe('the uid of an identity', () => {
  it('comes from the object id alone, and is the same wherever it is computed', () => {
    // A fixed number: a change here would give people another uid on a new host.
    expect(uidOf(OID, rules)).toBe(52_308);
  });

  it('lies in the range, whatever the object id', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.integer({ min: 1000, max: 50_000 }), fc.nat(10_000), (oid, first, size) => {
        const uidRange: [number, number] = [first, first + size];
        const uids = [uidOf(oid, { uidRange, uids: {} }), ...alternativeUids(oid, { uidRange })];

        expect(uids.every((uid) => uid >= first && uid <= first + size)).toBe(true);
      }),
    );
  });

  it('is what root pinned', () => {
    expect(uidOf(OID, { ...rules, uids: { [OID]: 31_000 } })).toBe(31_000);
  });
});

describe('the uid that somebody gets on a host', () => {
  let directory: string;
  let ledger: Ledger;
  let etc: Etc;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'uid-'));
    ledger = openLedger(join(directory, 'accounts.json'));
    etc = readEtc(directory);
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const narrow: [number, number] = [20_000, 20_099];
  const policy = { ...DEFAULT_POLICY, uidRange: narrow };
  const standing = (oid: string, change = {}) => uidStanding({ ledger, policy: { ...policy, ...change }, etc }, oid);
  function give(oid: string, name: string, change: Partial<Entry> = {}): void {
    const found = standing(oid);
    if (found.ok) ledger.put({ oid, name, uid: found.uid, state: 'made', adopted: false, formerNames: [], ...change });
  }

  it('is refused to the second of two with one number, in either order, rather than another one', () => {
    for (const [first, second] of [colliding(narrow), colliding(narrow).reverse()] as [string, string][]) {
      ledger = openLedger(join(mkdtempSync(join(directory, 'x-')), 'accounts.json'));
      give(first, 'first');

      const refused = standing(second);

      expect(refused).toMatchObject({ ok: false, uid: uidOf(second, policy), why: expect.stringContaining(first) });
    }
  });

  it.each(['deleted', 'released'] as const)('stays that of somebody whose account is %s', (state) => {
    const [first, second] = colliding(narrow);
    give(first, 'first', { state });

    expect(standing(second)).toMatchObject({ ok: false });
    expect(standing(first)).toMatchObject({ ok: true, uid: uidOf(first, policy) });
  });

  it('says what to pin, and with that pin everybody has a number of their own', () => {
    const [first, second] = colliding(narrow);
    give(first, 'first');
    const refused = standing(second);
    const pin = JSON.parse(`{${/"uids": \{.*\}/.exec(refused.ok ? '' : refused.remedy)?.[0]}}`) as {
      uids: Record<string, number>;
    };

    const pinned = standing(second, pin);

    expect(Object.keys(pin.uids)).toEqual([second]);
    expect(pinned).toMatchObject({ ok: true, uid: pin.uids[second] });
    expect(pin.uids[second]).not.toBe(uidOf(first, policy));
  });

  it('keeps a pinned number for the one it is pinned for', () => {
    const [first, second] = colliding(narrow);

    expect(standing(second, { uids: { [first]: uidOf(second, policy) } })).toMatchObject({ ok: false });
  });

  it('is refused where the pin lies outside the range', () => {
    expect(standing(OID, { uids: { [OID]: 30_000 } })).toMatchObject({
      ok: false,
      why: expect.stringContaining('outside uidRange'),
    });
  });

  it('is refused where an account of somebody else, or a group, has it already', () => {
    const uid = uidOf(OID, policy);
    etc = { ...etc, nameOfUid: new Map([[uid, 'oldhand']]) };
    const byAccount = standing(OID);
    etc = { ...etc, nameOfUid: new Map(), groupOfGid: new Map([[uid, 'staff']]) };
    const byGroup = standing(OID);

    expect(byAccount).toMatchObject({ ok: false, why: expect.stringContaining('oldhand') });
    expect(byGroup).toMatchObject({ ok: false, why: expect.stringContaining('staff') });
  });

  it('is the same on two hosts for whoever has one on both, whoever came in whatever order', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.uuid(), { minLength: 2, maxLength: 30 }),
        fc.infiniteStream(fc.nat()),
        (oids, dice) => {
          const hosts = [oids, shuffled(oids, dice)].map((order) => {
            const given = new Map<string, number>();
            ledger = memoryOf(given);
            for (const oid of order) {
              const found = standing(oid);
              if (found.ok) given.set(oid, found.uid);
            }
            return given;
          });
          const [one, two] = hosts as [Map<string, number>, Map<string, number>];

          for (const [oid, uid] of one) if (two.has(oid)) expect(two.get(oid)).toBe(uid);
          for (const given of hosts) expect(new Set(given.values()).size).toBe(given.size);
        },
      ),
    );
  });

  function memoryOf(given: ReadonlyMap<string, number>): Ledger {
    const owner = (uid: number) => [...given].find(([, number]) => number === uid)?.[0];
    const made = (oid: string | undefined) => (oid ? ({ oid, name: oid, uid: given.get(oid) } as Entry) : undefined);
    return { ...ledger, get: (oid) => (given.has(oid) ? made(oid) : undefined), ownerOfUid: (uid) => made(owner(uid)) };
  }
});

function shuffled(oids: readonly string[], dice: Iterable<number>): string[] {
  const rolls = dice[Symbol.iterator]();
  return oids
    .map((oid) => ({ oid, key: rolls.next().value ?? 0 }))
    .sort((a, b) => a.key - b.key)
    .map(({ oid }) => oid);
}

it('has room for a whole company in the far range without one collision', () => {
  const uidRange: [number, number] = [1_900_000_000, 2_099_999_999];
  const uids = new Set(Array.from({ length: 500 }, () => uidOf(randomUUID(), { uidRange, uids: {} })));

  // Two that meet by chance are possible, two such pairs are not worth a thought.
  expect(uids.size).toBeGreaterThanOrEqual(499);
});
