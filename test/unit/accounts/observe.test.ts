import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toolProblems } from '../../../src/accounts/exec.js';
import { observe } from '../../../src/accounts/observe.js';
import { DEFAULT_POLICY, type Policy } from '../../../src/accounts/policy.js';
import type { NameQuestion } from '../../../src/accounts/protocol.js';
import { uidOf } from '../../../src/accounts/uid.js';
import type { Workshop } from '../../../src/accounts/workshop.js';
import { ALICE, BOB, createHost, type Host, LOCK, made, SHUT } from './host.js';

let host: Host;
beforeEach(() => {
  host = createHost();
  host.people([]);
});
afterEach(() => host.remove());

function look(oids?: string[], questions?: NameQuestion[], change: Partial<Policy> = {}) {
  const policy = { ...DEFAULT_POLICY, homeBase: join(host.root, 'home'), allowedGroups: ['lab', 'docker'], ...change };
  return observe({ ledger: host.ledger, paths: host.paths, policy } as unknown as Workshop, oids, questions);
}
const home = (name: string) => join(host.root, 'home', name);
const alice = () => ({ name: 'alice', uid: 20_001, gecos: 'Alice A', home: home('alice') });
const nameOf = (oid: string, name: string, change: Partial<Policy> = {}) =>
  look([], [{ oid, name }], change).names[oid];

describe('an account of ours', () => {
  beforeEach(() => {
    host.ledger.put(made());
    host.people([alice()]);
    mkdirSync(home('alice'));
  });
  const seen = () => look().accounts[0];

  it('is shown as it is', () => {
    expect(look().accounts).toEqual([
      {
        oid: ALICE,
        name: 'alice',
        uid: 20_001,
        gecos: 'Alice A',
        state: 'whole',
        locked: false,
        groups: [],
        sudo: false,
      },
    ]);
  });

  it('is shown with its rule, and with those of its groups that are managed, in either file', () => {
    host.write('sudoers/entramox-20001', '');
    host.people([alice()], { lab: [300, 'alice'], audio: [301, 'alice'], docker: [302, 'bob', 'alice'] });
    host.write('etc/gshadow', 'alice:!::\nlab:!::\ndocker:!::alice\n');

    expect(seen()).toMatchObject({ sudo: true, groups: ['docker', 'lab'], state: 'whole' });
    host.write('etc/group', 'alice:x:20001:\nlab:x:300:\ndocker:x:302:\n');
    expect(seen()).toMatchObject({ groups: ['docker'] });
  });

  it('keeps a group that was taken away while processes may still hold it, once', () => {
    host.ledger.put(made({ lostGroups: ['docker', 'lab'] }));
    host.people([alice()], { lab: [300, 'alice'] });

    expect(seen()?.groups).toEqual(['lab', 'docker']);
  });

  it('is locked where our lock holds, and half locked where it does not', () => {
    host.ledger.put(made({ lock: LOCK }));
    const opened = seen();
    host.people([{ ...alice(), ...SHUT }]);
    const shut = seen();
    host.ledger.put(made());
    const byHand = seen();

    expect([opened?.locked, opened?.halfLocked, opened?.lockedSince]).toEqual([false, true, undefined]);
    expect([shut?.locked, shut?.lockedSince]).toEqual([true, 5]);
    expect(Object.keys(opened ?? {})).not.toContain('lockedSince');
    expect(Object.keys(shut ?? {})).not.toContain('halfLocked');
    expect([byHand?.locked, 'halfLocked' in (byHand ?? {}), 'lockedSince' in (byHand ?? {})]).toEqual([
      false,
      false,
      false,
    ]);
  });

  it('is adopted where root handed it over, and is whole with another primary group then', () => {
    host.ledger.put(made({ adopted: true }));
    host.people([{ ...alice(), gid: 100 }]);

    expect(seen()).toMatchObject({ adopted: true, state: 'whole' });
  });

  it.each<[string, () => void]>([
    ['its home is missing', () => rmSync(home('alice'), { recursive: true })],
    ['its home elsewhere is missing', () => host.people([{ ...alice(), home: join(host.root, 'nowhere') }])],
    ['a line is missing', () => host.people([{ ...alice(), half: true }])],
    ['it was never finished', () => host.ledger.put(made({ state: 'creating' }))],
    ['it is gone from the files', () => host.people([])],
  ])('is partial where %s', (_, damage) => {
    damage();

    expect(seen()).toMatchObject({ state: 'partial' });
  });

  it('is whole with a home at another place', () => {
    mkdirSync(join(host.root, 'srv'));
    host.people([{ ...alice(), home: join(host.root, 'srv') }]);

    expect(seen()).toMatchObject({ state: 'whole' });
  });

  it('has no full name where it is gone from the files', () => {
    host.people([]);

    expect(seen()).toMatchObject({ gecos: '' });
  });

  it('that was deleted is a tombstone, whoever has the name now', () => {
    host.ledger.put(made({ state: 'deleted', lock: LOCK }));
    host.people([{ ...alice(), uid: 1000 }], { lab: [300, 'alice'] });
    host.write('sudoers/entramox-20001', '');

    expect(look().accounts).toEqual([
      { oid: ALICE, name: 'alice', uid: 20_001, gecos: '', state: 'deleted', locked: false, groups: [], sudo: false },
    ]);
  });

  it('is not shown where root took it back, or somebody else has its name', () => {
    host.people([{ ...alice(), uid: 20_002 }]);
    const taken = look().accounts;
    host.people([alice()]);
    host.ledger.put(made({ state: 'released' }));

    expect([taken, look().accounts]).toEqual([[], []]);
  });

  it('is shown to whoever asks for it, or for all', () => {
    host.ledger.put(made({ oid: BOB, name: 'bob', uid: 20_002 }));

    const names = (oids?: string[]) => look(oids).accounts.map(({ name }) => name);

    expect([names(), names([BOB]), names([]), names([ALICE, '33333333-3333-4333-8333-333333333333'])]).toEqual([
      ['alice', 'bob'],
      ['bob'],
      [],
      ['alice'],
    ]);
  });
});

describe('a name that somebody asks for', () => {
  it('is free together with the uid, and with one that root may pin', () => {
    const uid = uidOf(ALICE, DEFAULT_POLICY);

    expect(nameOf(ALICE, 'alice')).toEqual({ name: 'alice', state: 'free', uid, otherUid: expect.any(Number) });
    expect(nameOf(ALICE, 'alice', { uidRange: [20_000, 20_000] })).toEqual({
      name: 'alice',
      state: 'free',
      uid: 20_000,
      otherUid: 20_000,
    });
  });

  it('has no second uid for somebody who had one here before', () => {
    host.ledger.put(made({ state: 'deleted' }));

    expect(nameOf(ALICE, 'alison')).toEqual({ name: 'alison', state: 'free', uid: 20_001 });
  });

  it('is of no use where the uid is taken', () => {
    host.people([{ name: 'carol', uid: 20_000 }]);

    expect(nameOf(ALICE, 'alice', { uidRange: [20_000, 20_000] })).toEqual({
      name: 'alice',
      state: 'foreign',
      why: `uid 20000, which is that of ${ALICE} on every host, is taken here: the account carol has it`,
      remedy: expect.stringContaining('pin another one as root'),
    });
  });

  it('that an account of nobody has is shown with that account', () => {
    const groups: Record<string, [number, ...string[]]> = { lab: [300, 'carol'], audio: [301, 'carol'] };
    host.people([{ name: 'carol', uid: 20_005, gecos: 'C', home: '/srv/carol', ...SHUT }], groups);
    host.write('sudoers/entramox-20005', '');

    expect(nameOf(BOB, 'carol')).toEqual({
      name: 'carol',
      state: 'foreign',
      why: 'an account carol (uid 20005) exists that entramox did not make',
      remedy: expect.stringContaining(`"entramox adopt ${BOB}"`),
      account: {
        name: 'carol',
        uid: 20_005,
        gecos: 'C',
        home: '/srv/carol',
        shell: '/bin/bash',
        groups: ['lab'],
        allGroups: ['audio', 'lab'],
        locked: true,
        sudo: true,
      },
    });
  });

  it('is shown with why root could not hand the account over', () => {
    host.people([{ name: 'carol', uid: 1000 }]);

    const account = nameOf(BOB, 'carol')?.account;

    expect(account).toMatchObject({ locked: false, sudo: false, groups: [], allGroups: [] });
    expect(account?.obstacle).toMatch(/^carol keeps its uid 1000/);
  });

  it.each<[string, () => void, string]>([
    ['is one of ours', () => host.ledger.put(made()), 'foreign'],
    ['is one that root took back', () => host.ledger.put(made({ oid: BOB, state: 'released' })), 'foreign'],
    ['was one of ours', () => host.ledger.put(made({ state: 'deleted' })), 'tombstoned'],
  ])('is shown without the account where that %s', (_, remember, state) => {
    remember();
    host.people([{ name: 'alice', uid: 20_001 }]);

    expect(nameOf(BOB, 'alice')).toMatchObject({ state });
    expect('account' in (nameOf(BOB, 'alice') ?? {})).toBe(false);
  });

  it('is reserved or ours without an account beside it', () => {
    host.ledger.put(made());
    host.people([{ name: 'sshd', uid: 101 }, alice()]);

    expect(nameOf(BOB, 'sshd')).toMatchObject({ state: 'reserved' });
    expect('account' in (nameOf(BOB, 'sshd') ?? {})).toBe(false);
    expect(nameOf(ALICE, 'alice')).toEqual({ name: 'alice', state: 'ours' });
  });

  it('has no account where only a group has it', () => {
    host.people([], { crew: [300] });

    expect(nameOf(BOB, 'crew')).toMatchObject({ state: 'foreign' });
    expect('account' in (nameOf(BOB, 'crew') ?? {})).toBe(false);
  });
});

describe('troubles of a host', () => {
  it('are those of its programs, and the lock files that nobody may remove', () => {
    mkdirSync(join(host.paths.etc, 'passwd.lock'));

    const { troubles, tools } = look();

    expect(tools).toEqual(toolProblems());
    expect(troubles).toEqual([...toolProblems(), expect.stringContaining('passwd.lock is no plain file')]);
  });

  it('are those of its disk, with what to do', () => {
    rmSync(host.paths.etc, { recursive: true });

    expect(look().troubles).toEqual([
      ...toolProblems(),
      `${host.paths.etc} cannot be written: ENOENT: look at ${host.paths.etc}`,
    ]);
  });

  it('are none where nothing is the matter', () => {
    expect(look().troubles).toEqual(toolProblems());
  });
});
