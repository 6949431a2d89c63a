import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readEtc } from '../../../src/accounts/etc.js';
import { DEFAULT_POLICY, type Policy } from '../../../src/accounts/policy.js';
import { alternativeUids } from '../../../src/accounts/uid.js';
import { pinRemedy, uidStanding } from '../../../src/accounts/uid-standing.js';
import { ALICE, BOB, createHost, type Host, made } from './host.js';

let host: Host;
beforeEach(() => {
  host = createHost();
  host.people([]);
});
afterEach(() => host.remove());

/** So narrow that everybody's own uid is 20000. */
const ONE: [number, number] = [20_000, 20_000];
const taken = (holder: string) => `uid 20000, which is that of ${ALICE} on every host, is taken here: ${holder}`;
const standing = (change: Partial<Policy>) =>
  uidStanding({ ledger: host.ledger, policy: { ...DEFAULT_POLICY, ...change }, etc: readEtc(host.paths.etc) }, ALICE);

describe('the uid of somebody without an account here', () => {
  it('is the former one, with nothing beside it', () => {
    host.ledger.put(made({ state: 'deleted', uid: 20_777 }));

    expect(standing({})).toEqual({ ok: true, uid: 20_777 });
  });

  it('is told with the first one that root could pin instead', () => {
    const [first] = alternativeUids(ALICE, DEFAULT_POLICY);
    const found = standing({});
    host.people([{ name: 'carol', uid: first ?? 0 }]);
    const [, second] = alternativeUids(ALICE, DEFAULT_POLICY);

    expect([found, standing({})]).toMatchObject([
      { ok: true, other: first },
      { ok: true, other: second },
    ]);
  });

  it.each<[string, () => unknown, Partial<Policy>, string]>([
    [
      'somebody of ours has it',
      () => host.ledger.put(made({ oid: BOB, uid: 20_000, name: 'bob' })),
      {},
      `it is that of bob (${BOB})`,
    ],
    ['it is pinned for somebody', () => undefined, { uids: { [BOB]: 20_000 } }, `the policy pins it for ${BOB}`],
    [
      'an account has it',
      () => host.people([{ name: 'carol', uid: 20_000, gid: 100 }]),
      {},
      'the account carol has it',
    ],
    ['a group has it', () => host.people([], { crew: [20_000] }), {}, 'the group crew has it as gid'],
  ])('is refused where %s', (_, prepare, change, holder) => {
    prepare();

    expect(standing({ uidRange: ONE, ...change })).toEqual({
      ok: false,
      uid: 20_000,
      why: taken(holder),
      remedy: `pin another one as root, the same in accounts.policy.json of every host: "uids": {"${ALICE}": UID}`,
    });
  });

  it.each([
    [20_999, true],
    [20_998, false],
    [21_001, false],
  ])('may be pinned within the range alone (%i: %s)', (uid, ok) => {
    const found = standing({ uidRange: [20_999, 21_000], uids: { [ALICE]: uid } });

    expect(found).toMatchObject({ ok, uid });
    if (!found.ok)
      expect(found).toEqual({
        ok,
        uid,
        why: `the policy pins uid ${uid} for ${ALICE}, outside uidRange 20999-21000`,
        remedy: 'correct uids in the policy of every host',
      });
  });

  it('may be the last of the range', () => {
    expect(standing({ uidRange: [20_999, 21_000], uids: { [ALICE]: 21_000 } }).ok).toBe(true);
  });

  it('is not in the way of itself where it is pinned', () => {
    expect(standing({ uidRange: ONE, uids: { [ALICE]: 20_000, [BOB]: 20_001 } })).toMatchObject({
      ok: true,
      uid: 20_000,
    });
  });
});

describe('what root writes into the policy', () => {
  it('names the identity and a number', () => {
    expect(pinRemedy(ALICE, 20_005)).toBe(
      `pin another one as root, the same in accounts.policy.json of every host: "uids": {"${ALICE}": 20005}`,
    );
  });
});
