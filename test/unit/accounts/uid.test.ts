import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseUid } from '../../../src/accounts/uid.js';

const RANGE = [20000, 59999] as const;

describe('the uid of an identity', () => {
  it('is the same wherever it is computed', async () => {
    const oid = '11111111-1111-4111-8111-111111111111';

    const uids = [await chooseUid(oid, RANGE, () => false), await chooseUid(oid, RANGE, async () => false)];

    // A fixed number: a change here would give people another uid on a new host.
    expect(uids).toEqual([52308, 52308]);
  });

  it('is never one that was given out, and lies in the range', async () => {
    const taken = new Set<number>();

    for (let n = 0; n < 5000; n += 1) {
      const uid = await chooseUid(randomUUID(), RANGE, (candidate) => taken.has(candidate));
      expect(taken.has(uid)).toBe(false);
      expect(uid).toBeGreaterThanOrEqual(RANGE[0]);
      expect(uid).toBeLessThanOrEqual(RANGE[1]);
      taken.add(uid);
    }
  });

  it('uses the last free number and then says that the range is full', async () => {
    const oid = randomUUID();

    expect(await chooseUid(oid, [30000, 30009], (uid) => uid !== 30007)).toBe(30007);
    await expect(chooseUid(oid, [30000, 30009], () => true)).rejects.toThrow(/every uid from 30000 to 30009/);
  });

  it('never gives one uid to two identities, and stays in its range, whoever comes in whatever order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.uuid(), { minLength: 1, maxLength: 40 }), fc.nat(20), async (oids, spare) => {
        const range = [20_000, 20_000 + oids.length - 1 + spare] as const;
        const given = new Set<number>();
        for (const oid of oids) given.add(await chooseUid(oid, range, (uid) => given.has(uid)));

        expect(given.size).toBe(oids.length);
        expect([...given].every((uid) => uid >= range[0] && uid <= range[1])).toBe(true);
      }),
    );
  });
});
