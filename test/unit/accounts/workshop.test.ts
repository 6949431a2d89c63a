import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readEtc } from '../../../src/accounts/etc.js';
import { DEFAULT_POLICY } from '../../../src/accounts/policy.js';
import {
  HOST_PATHS,
  identityProblem,
  isExpiredByUs,
  isLockedByUs,
  isShadowLocked,
  openOwn,
  type Workshop,
} from '../../../src/accounts/workshop.js';
import { ALICE, createHost, type Host, LOCK, made, SHUT } from './host.js';

let host: Host;
beforeEach(() => {
  host = createHost();
});
afterEach(() => host.remove());

const alice = { name: 'alice', uid: 20_001 };
const etc = () => readEtc(host.paths.etc);
const open = (purpose?: 'lock', uidRange: [number, number] = [20_000, 20_010]) => {
  const workshop = { ledger: host.ledger, paths: host.paths, policy: { ...DEFAULT_POLICY, uidRange } };
  return openOwn(workshop as unknown as Workshop, ALICE, purpose);
};
const refused = (message: string, code = 'refused', remedy?: string) =>
  expect.objectContaining({ code, message, ...(remedy === undefined ? {} : { remedy }) });

describe('an account of ours', () => {
  it('is what the files show of it, half made or whole', () => {
    host.ledger.put(made());
    host.people([alice]);
    const whole = open();
    host.people([{ ...alice, half: true }]);
    const half = open();

    expect(whole).toMatchObject({ entry: made(), passwd: { uid: 20_001 }, shadow: { password: '$y$x' } });
    expect([half.passwd?.uid, half.shadow]).toEqual([20_001, undefined]);
  });

  it('is one that the record has, neither deleted nor taken back', () => {
    expect(open).toThrow(refused(`no account of ours belongs to ${ALICE}`, 'refused', 'create or adopt it first'));
    host.ledger.put(made({ state: 'deleted' }));
    expect(open).toThrow(refused('the account alice was deleted'));
    host.ledger.put(made({ state: 'released' }));
    expect(open).toThrow(refused('root took the account alice back'));
  });

  it.each<[number, number]>([
    [20_002, 20_010],
    [19_000, 20_000],
  ])('outside the range of uids (%i-%i) is only locked', (first, last) => {
    host.ledger.put(made());
    host.people([alice]);

    expect(() => open(undefined, [first, last])).toThrow(
      refused(`uid 20001 of alice is outside uidRange ${first}-${last}`),
    );
    expect(open('lock', [first, last]).entry).toEqual(made());
    expect([open(undefined, [20_001, 20_002]), open(undefined, [20_000, 20_001])]).toHaveLength(2);
  });

  it('is nobody who has its name with another uid, or its uid with another name', () => {
    host.ledger.put(made());
    host.people([{ name: 'alice', uid: 20_002 }]);
    const remedy = 'give the account back its uid, or remove it by hand';
    expect(open).toThrow(refused('alice has uid 20002 in /etc/passwd, our account has 20001', 'conflict', remedy));
    host.people([{ name: 'bob', uid: 20_001 }]);
    expect(open).toThrow(refused('uid 20001 of our account alice belongs to bob', 'conflict'));
  });

  it('meets no problem of identity where it is not there at all', () => {
    host.people([{ name: 'bob', uid: 20_002 }]);

    expect(identityProblem(etc(), alice)).toBeUndefined();
  });
});

describe('a lock', () => {
  const shadow = (password: string, expiry: string) => ({ name: 'alice', changed: '', password, expiry });

  it('is complete with a locked password and an expired account', () => {
    expect(
      [shadow('!$y$x', '1'), shadow('!', '0'), shadow('$y$x', '1'), shadow('!$y$x', '')].map(isShadowLocked),
    ).toEqual([true, true, false, false]);
    expect(isShadowLocked(undefined)).toBe(false);
  });

  it('is no expiry on a day of an administrator', () => {
    expect(['0', '1', '', '20000', '10'].map((expiry) => isExpiredByUs(shadow('x', expiry)))).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  it('is ours when we completed it, and holds while shadow shows it or nobody can log in at all', () => {
    const { since: _, ...begun } = LOCK;
    host.people([{ ...alice, ...SHUT }]);
    const shut = etc();
    host.people([alice]);
    const opened = etc();
    host.people([]);
    const gone = etc();

    expect(isLockedByUs(made({ lock: LOCK }), shut)).toBe(true);
    expect(isLockedByUs(made({ lock: LOCK }), opened)).toBe(false);
    expect(isLockedByUs(made({ lock: LOCK }), gone)).toBe(true);
    expect(isLockedByUs(made({ lock: begun }), shut)).toBe(false);
    expect(isLockedByUs(made(), shut)).toBe(false);
  });
});

describe('the places on a host', () => {
  it('are those of Debian, so that nothing keyed by name or uid is left for the next owner', () => {
    expect(HOST_PATHS).toEqual({
      etc: '/etc',
      sudoers: '/etc/sudoers.d',
      proc: '/proc',
      linger: '/var/lib/systemd/linger',
      sudoTimestamps: '/run/sudo/ts',
      crontabs: '/var/spool/cron/crontabs',
      atJobs: '/var/spool/cron/atjobs',
      mail: '/var/mail',
      skeleton: '/etc/skel',
    });
  });
});
