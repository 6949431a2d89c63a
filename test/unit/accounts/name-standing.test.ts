import { describe, expect, it } from 'vitest';
import type { Etc } from '../../../src/accounts/etc.js';
import type { Entry, Ledger } from '../../../src/accounts/ledger.js';
import { nameStanding } from '../../../src/accounts/name-standing.js';
import { DEFAULT_POLICY } from '../../../src/accounts/policy.js';

const OURS = '11111111-1111-4111-8111-111111111111';
const OTHER = '22222222-2222-4222-8222-222222222222';

function etcWith({
  users = {},
  groups = {},
}: {
  users?: Record<string, number>;
  groups?: Record<string, string[]>;
}): Etc {
  const passwd = Object.entries(users).map(([name, uid]) => ({ name, uid, gid: uid, gecos: '', home: '', shell: '' }));
  const group = Object.entries(groups).map(([name, members], n) => ({ name, gid: 100 + n, members }));
  return {
    passwd: new Map(passwd.map((line) => [line.name, line])),
    shadow: new Map(),
    group: new Map(group.map((line) => [line.name, line])),
    gshadow: new Map(),
    nameOfUid: new Map(passwd.map((line) => [line.uid, line.name])),
    groupOfGid: new Map(group.map((line) => [line.gid, line.name])),
  };
}

function ledgerWith(...entries: Entry[]): Ledger {
  const fail = () => {
    throw new Error('nothing may be written');
  };
  return {
    entries: () => entries,
    get: (oid) => entries.find((entry) => entry.oid === oid),
    ownerOfName: (name) => entries.find((entry) => entry.name === name || entry.formerNames.includes(name)),
    ownerOfUid: (uid) => entries.find((entry) => entry.uid === uid),
    recent: () => [],
    put: fail,
    putCounted: fail,
    keepUnwritten: fail,
  };
}

const made: Entry = { oid: OURS, name: 'alice', uid: 20001, state: 'made', adopted: false, formerNames: ['alison'] };

describe('the standing of a name', () => {
  const nobody = etcWith({});
  it.each([
    ['free when nobody has it', 'bob', OTHER, ledgerWith(), nobody, 'free'],
    ['ours when the identity has it', 'alice', OURS, ledgerWith(made), etcWith({ users: { alice: 20001 } }), 'ours'],
    [
      'ours when the identity had it before its deletion',
      'alice',
      OURS,
      ledgerWith({ ...made, state: 'deleted' }),
      nobody,
      'ours',
    ],
    [
      'foreign, as root took it back, whichever name is asked for',
      'other',
      OURS,
      ledgerWith({ ...made, state: 'released', releasedAt: 0 }),
      nobody,
      'foreign',
    ],
    [
      'foreign when it is that of an account which root took back from somebody else',
      'alice',
      OTHER,
      ledgerWith({ ...made, state: 'released' }),
      nobody,
      'foreign',
    ],
    ['foreign when another identity has it', 'alice', OTHER, ledgerWith(made), nobody, 'foreign'],
    [
      'tombstoned when a deleted identity had it',
      'alice',
      OTHER,
      ledgerWith({ ...made, state: 'deleted' }),
      nobody,
      'tombstoned',
    ],
    [
      'tombstoned when another identity had it in a former life',
      'alison',
      OTHER,
      ledgerWith(made),
      nobody,
      'tombstoned',
    ],
    ['foreign when an account has it', 'bob', OTHER, ledgerWith(), etcWith({ users: { bob: 1000 } }), 'foreign'],
    [
      'foreign when the account of that name came back by other hands',
      'alice',
      OURS,
      ledgerWith({ ...made, state: 'deleted' }),
      etcWith({ users: { alice: 1000 } }),
      'foreign',
    ],
    [
      'foreign when our account has got another uid',
      'alice',
      OURS,
      ledgerWith(made),
      etcWith({ users: { alice: 1000 } }),
      'foreign',
    ],
    ['foreign when a group has it', 'bob', OTHER, ledgerWith(), etcWith({ groups: { bob: [] } }), 'foreign'],
    [
      'foreign when it is still a member of a group',
      'bob',
      OTHER,
      ledgerWith(),
      etcWith({ groups: { sudo: ['bob'] } }),
      'foreign',
    ],
    ['reserved when it belongs to the system, there or not', 'tcpdump', OTHER, ledgerWith(), nobody, 'reserved'],
    ['invalid when it is no name', 'ALL', OTHER, ledgerWith(), nobody, 'invalid'],
  ] as const)('is %s', (_, name, oid, ledger, etc, state) => {
    const standing = nameStanding({ ledger, policy: DEFAULT_POLICY, etc }, { oid, name });

    expect(standing.state).toBe(state);
    expect(standing.why === undefined).toBe(state === 'free' || state === 'ours');
  });
});
