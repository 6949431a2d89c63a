import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { adoptionObstacle, examineForAdoption } from '../../../src/accounts/adopt.js';
import { readEtc } from '../../../src/accounts/etc.js';
import { DEFAULT_POLICY, type Policy } from '../../../src/accounts/policy.js';
import { ALICE, BOB, createHost, type Host, LOCK, made, SHUT } from './host.js';

let host: Host;
beforeEach(() => {
  host = createHost();
});
afterEach(() => host.remove());

const POLICY: Policy = { ...DEFAULT_POLICY, allowedGroups: ['lab', 'docker'] };
const alice = { name: 'alice', uid: 20_001 };
const examine = (wish = { oid: ALICE, name: 'alice' }, policy = POLICY) =>
  examineForAdoption({ ledger: host.ledger, policy, etcDirectory: host.paths.etc }, wish);
const obstacle = (change: Partial<Policy> = {}, wish = { oid: ALICE, name: 'alice' }) =>
  adoptionObstacle({ ledger: host.ledger, policy: { ...POLICY, ...change }, etc: readEtc(host.paths.etc) }, wish);

describe('an account that root hands over', () => {
  it('is shown with all that it has, and with what is managed from then on', () => {
    host.people([{ ...alice, gid: 100, gecos: 'Alice A', home: '/srv/alice' }], {
      lab: [300, 'alice'],
      docker: [301, 'alice'],
      audio: [302, 'alice'],
    });

    expect(examine()).toEqual({
      entry: made({ adopted: true }),
      lines: [
        'account  alice, uid 20001, gid 100',
        'name     Alice A',
        'home     /srv/alice',
        'shell    /bin/bash',
        'groups   audio docker lab (managed from then on: docker lab)',
        `becomes  the account of ${ALICE}; from then on it is locked and deleted with that identity`,
      ],
    });
  });

  it.each<[string, [string, ...string[]] | [], string]>([
    ['none', [], 'groups   none'],
    ['only such as are not managed', ['audio'], 'groups   audio'],
  ])('is shown with %s of its groups', (_, groups, line) => {
    host.people([alice], Object.fromEntries(groups.map((group) => [group, [300, 'alice'] as [number, string]])));

    expect(examine().lines).toContain(line);
  });

  it('is not ours to open when it is locked, since we did not lock it', () => {
    host.people([{ ...alice, ...SHUT }]);

    expect(examine().entry).toEqual(made({ adopted: true }));
  });
});

describe('an account that root hands over again', () => {
  const released = made({ state: 'released', releasedAt: 7, formerNames: ['alison'], archives: ['/a.tar'] });

  it('keeps what is known of it, and our lock as long as it holds, but not its time, which nobody watched', () => {
    host.ledger.put({ ...released, lock: LOCK });
    host.people([{ ...alice, ...SHUT }]);
    const shut = examine().entry;
    host.people([alice]);
    const open = examine().entry;

    const kept = made({ adopted: true, formerNames: ['alison'], archives: ['/a.tar'] });
    expect(shut).toEqual({ ...kept, lock: { previousExpiry: '', passwordWasLocked: false } });
    expect(open).toEqual(kept);
  });

  it('has no archives where it had none, and no lock that we had not set', () => {
    const { archives: _, ...without } = released;
    host.ledger.put(without);
    host.people([{ ...alice, ...SHUT }]);

    expect(examine().entry).toEqual(made({ adopted: true, formerNames: ['alison'] }));
  });

  it('is made anew with its uid where it is gone by now', () => {
    host.ledger.put({ ...released, lock: LOCK });
    host.people([]);

    expect(examine()).toEqual({
      entry: made({ state: 'deleted', formerNames: ['alison'], archives: ['/a.tar'] }),
      lines: ['account  alice is gone from this host; the next reconcile makes it anew, with its uid 20001'],
    });
  });

  it.each([
    ['another name', { name: 'bob', uid: 20_001 }, 'bob'],
    ['another uid', { name: 'alice', uid: 20_002 }, 'alice'],
  ])('is refused with %s', (_, person, name) => {
    host.ledger.put(released);
    host.people([{ name: 'alice', uid: 20_003 }, person].slice(name === 'alice' ? 1 : 0));

    expect(obstacle({}, { oid: ALICE, name })).toBe(`${ALICE} has, or had, the account alice with uid 20001`);
  });
});

describe('what root cannot hand over', () => {
  it('is refused without an object id', () => {
    host.people([alice]);

    expect(() => examine({ oid: 'alice', name: 'alice' })).toThrow(
      expect.objectContaining({ code: 'invalid', message: '--oid alice is not a GUID in lower case' }),
    );
  });

  it('is invalid for what is no name, and refused for all else', () => {
    host.people([alice]);

    expect(() => examine({ oid: ALICE, name: 'ALL' })).toThrow(
      expect.objectContaining({ code: 'invalid', message: expect.stringMatching(/^"ALL" is no Unix name/) }),
    );
    expect(() => examine({ oid: ALICE, name: 'bob' })).toThrow(
      expect.objectContaining({ code: 'refused', message: 'there is no complete account bob here' }),
    );
  });

  it('is one of ours that vanished: only one that was given back is made anew so', () => {
    host.ledger.put(made());
    host.people([]);

    expect(examine).toThrow(expect.objectContaining({ code: 'refused' }));
  });

  it('is an account of the system', () => {
    host.people([{ name: 'sshd', uid: 20_001 }]);

    expect(obstacle({}, { oid: ALICE, name: 'sshd' })).toBe('sshd is reserved for the system or by the policy');
  });

  it('is half an account', () => {
    host.people([{ ...alice, half: true }]);

    expect(obstacle()).toBe('there is no complete account alice here');
  });

  it.each([
    [19_999, true],
    [20_000, false],
    [20_010, false],
    [20_011, true],
  ])('is one with a uid outside the range (%i: %s)', (uid, refused) => {
    host.people([{ name: 'alice', uid }]);

    const why = obstacle({ uidRange: [20_000, 20_010] });

    if (refused)
      expect(why).toBe(
        `alice keeps its uid ${uid}, which is outside uidRange 20000-20010: give it one inside (usermod -u, and chown its files), or widen UID_RANGE and the policy`,
      );
    else expect(why).toBeUndefined();
  });

  it('is one that shares its uid', () => {
    host.people([{ name: 'twin', uid: 20_001 }, alice, { name: 'other', uid: 20_002 }]);

    expect(obstacle()).toBe('uid 20001 belongs to twin too');
  });

  it.each([
    ['the identity has an account', made({ name: 'alison', uid: 20_005 })],
    ['the name is given out', made({ oid: BOB, uid: 20_005 })],
    ['the uid is given out', made({ oid: BOB, name: 'bob' })],
    ['the name and uid are a tombstone', made({ oid: BOB, state: 'deleted' })],
    ['it is managed already', made()],
    ['root took it back from somebody else', made({ oid: BOB, state: 'released' })],
  ])('is one of which %s', (_, entry) => {
    host.ledger.put(entry);
    host.people([alice]);

    expect(obstacle()).toBe(`${entry.oid} has, or had, the account ${entry.name} with uid ${entry.uid}`);
  });

  it('is one whose uid root keeps for somebody else, or that has another one than root pinned', () => {
    host.people([alice]);

    expect(obstacle({ uids: { [BOB]: 20_001 } })).toBe(`the policy pins uid 20001 for ${BOB}`);
    expect(obstacle({ uids: { [ALICE]: 20_009 } })).toBe(
      `the policy pins uid 20009 for ${ALICE}, the account has 20001`,
    );
    expect(obstacle({ uids: { [ALICE]: 20_001, [BOB]: 20_009 } })).toBeUndefined();
  });
});
