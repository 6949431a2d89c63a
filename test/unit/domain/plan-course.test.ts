import { describe, expect, it } from 'vitest';
import type { LedgerEntry } from '../../../src/domain/ledger-entry.js';
import type { Wanted } from '../../../src/domain/lifecycle.js';
import { namesFor, type Observed, planIdentity } from '../../../src/domain/plan.js';
import type { Policy } from '../../../src/domain/policy.js';
import type { ProxmoxUser, Sight } from '../../../src/domain/sight.js';
import { describeStep } from '../../../src/domain/step.js';
import { ALICE, account, BOB, entry, HOUR, NOW, policy, user } from './builders.js';

const nothing = { sudo: false, linuxGroups: [], pveGroups: ['PVEAuditor-entra', 'entramox-entra'] };
const active: Wanted = { presence: 'active', entitlement: nothing };
const attributes = { upn: 'alice@example.com', displayName: 'Alice Example', givenName: 'Alice', surname: 'Example' };
const absent = { certainty: 'absent' } as const;
const unseen = { certainty: 'unknown', why: 'down' } as const;
const there = { certainty: 'present', value: user() } as const;
const ROOT = { names: {}, upn: 'root@example.com' };
const reservedName = '"root" is a reserved name';

interface Case {
  known?: Partial<LedgerEntry>;
  wanted?: Wanted;
  observed: Observed;
  change?: Partial<Policy>;
  holder?: string;
}

function plan({ known = {}, wanted = active, observed, change = {}, holder }: Case) {
  const remembered = entry(known);
  const rules = policy(change);
  const names = namesFor(remembered, rules, () => holder);
  return planIdentity(remembered, wanted, attributes, observed, names, rules, NOW);
}

describe('an identity without a usable Unix name', () => {
  it('is a conflict as long as it is to have an account', () => {
    const { steps, conflicts, unknown } = plan({ known: ROOT, observed: { linux: absent } });

    expect([steps, unknown]).toEqual([[], []]);
    expect(conflicts).toEqual([
      {
        target: 'linux',
        what: reservedName,
        remedy: 'change the user principal name, or USERNAME_MODE',
        since: NOW,
      },
    ]);
  });

  it('is no conflict for somebody who is to have none', () => {
    const result = plan({ known: ROOT, wanted: { presence: 'suspended' }, observed: { linux: absent } });

    expect([result.steps, result.conflicts, result.unknown]).toEqual([[], [], []]);
  });

  it('is told of beside a host that cannot be seen', () => {
    const result = plan({ known: ROOT, observed: { linux: unseen } });

    expect(result.unknown).toEqual([{ target: 'linux', why: 'down' }]);
    expect(result.conflicts).toHaveLength(1);
  });

  it('has the account that root adopted for it under another name', () => {
    const value = account({ name: 'chief', uid: 20_009, locked: true });

    const result = plan({ known: ROOT, observed: { linux: { certainty: 'present', value } } });

    expect(result.steps.map(describeStep)).toEqual(['linux unlock chief']);
    expect(result.entry).toMatchObject({ names: { linux: 'chief' }, uid: 20_009 });
    expect(result.conflicts).toEqual([]);
  });
});

describe('what a plan remembers', () => {
  it('is a name as soon as it is to be made, and none for what is not', () => {
    const made = plan({ known: { names: {} }, observed: { linux: absent, proxmox: absent } });
    const notMade = plan({
      known: { names: {} },
      wanted: { presence: 'suspended' },
      observed: { linux: absent, proxmox: absent },
    });

    expect(made.entry.names).toEqual({ linux: 'alice', proxmox: 'alice@example.com@entra' });
    expect(notMade.entry.names).toEqual({});
  });

  it('is the uid of an account that was seen, and of no other', () => {
    const seen = plan({ observed: { linux: { certainty: 'present', value: account({ uid: 20_042 }) } } });
    const notSeen = plan({ observed: { linux: absent } });

    expect(seen.entry.uid).toBe(20_042);
    expect('uid' in notSeen.entry).toBe(false);
  });

  it('is since when a conflict is there, as long as it is the same one on the same target', () => {
    const since = NOW - HOUR;
    const remembered = (target: 'linux' | 'proxmox', what: string) => ({ target, what, remedy: '', since });
    const sinceOf = (conflict: ReturnType<typeof remembered>) =>
      plan({ known: { ...ROOT, conflicts: [conflict] }, observed: { linux: absent } }).conflicts[0]?.since;

    expect(sinceOf(remembered('linux', reservedName))).toBe(since);
    expect(sinceOf(remembered('proxmox', reservedName))).toBe(NOW);
    expect(sinceOf(remembered('linux', 'another reason'))).toBe(NOW);
  });

  it('is no conflict any more once its cause is gone', () => {
    const conflicts = [{ target: 'linux', what: 'x', remedy: '', since: 0 } as const];

    expect(plan({ known: { conflicts }, observed: { linux: absent } }).entry.conflicts).toEqual([]);
  });
});

describe('a target that is not in use', () => {
  it('is not planned for', () => {
    const onlyProxmox = plan({ known: { names: {} }, observed: { proxmox: absent } });
    const onlyLinux = plan({ known: { names: {} }, observed: { linux: absent } });

    expect(onlyProxmox.steps.map(describeStep)).toEqual(['proxmox create alice@example.com@entra']);
    expect(onlyLinux.steps.map(describeStep)).toEqual(['linux create alice']);
  });
});

describe('a target that cannot be seen', () => {
  it('is told by its name, with the reason', () => {
    const { steps, unknown } = plan({ observed: { linux: unseen, proxmox: { ...unseen, why: 'busy' } } });

    expect(steps).toEqual([]);
    expect(unknown).toEqual([
      { target: 'linux', why: 'down' },
      { target: 'proxmox', why: 'busy' },
    ]);
  });
});

describe('a user name that Proxmox cannot hold', () => {
  const known = { names: { linux: 'alice' }, upn: 'a,b@example.com' };

  it('is a conflict for whoever is to be there, and nothing for whoever is not', () => {
    const wanted = plan({ known, observed: { proxmox: absent } });
    const unwanted = plan({ known, wanted: { presence: 'suspended' }, observed: { proxmox: absent } });

    expect(wanted.steps).toEqual([]);
    expect(wanted.conflicts).toMatchObject([{ target: 'proxmox', remedy: 'change the user principal name in Entra' }]);
    expect([unwanted.conflicts, unwanted.steps]).toEqual([[], []]);
  });
});

describe('a person with a new user principal name', () => {
  const renamed = { upn: 'ann@example.com' };
  const oldUser = new Map([['alice@example.com@entra', there]]);

  it('keeps the old userid, looked after as ever, where the new one may not be made', () => {
    const result = plan({
      known: renamed,
      observed: { proxmox: absent, retired: oldUser },
      change: { provision: 'existing' },
    });

    expect(result.steps).toEqual([]);
    expect(result.entry).toMatchObject({ names: { proxmox: 'alice@example.com@entra' }, retired: [] });
  });

  it('who leaves before the new userid was made is disabled under the old one', () => {
    const result = plan({
      known: { ...renamed, state: 'grace', reason: 'deleted in Entra' },
      wanted: { presence: 'grace', deleteAt: NOW },
      observed: { proxmox: absent, retired: oldUser },
    });

    expect(result.steps).toMatchObject([
      {
        action: 'update',
        effect: 'lock',
        name: 'alice@example.com@entra',
        change: {
          enabled: false,
          comment: `Entramox: left (deleted in Entra), deletes 2026-11-21 09:00 UTC; entra:${ALICE}`,
        },
      },
    ]);
  });

  it('never gets an old userid made anew', () => {
    const gone = new Map([['alice@example.com@entra', absent]]);

    const result = plan({
      known: renamed,
      observed: { proxmox: absent, retired: gone },
      change: { provision: 'existing' },
    });

    expect(result.steps).toEqual([]);
  });

  it('has the old userid disabled once the new one is there, and both are remembered', () => {
    const value = user({ userid: 'ann@example.com@entra' });

    const result = plan({
      known: { ...renamed, retired: ['first@example.com@entra'] },
      observed: {
        proxmox: { certainty: 'present', value },
        retired: new Map<string, Sight<ProxmoxUser>>([...oldUser, ['first@example.com@entra', absent]]),
      },
    });

    expect(result.steps).toMatchObject([
      {
        name: 'alice@example.com@entra',
        effect: 'lock',
        change: { comment: `Entramox: renamed to ann@example.com@entra; kept disabled; entra:${ALICE}` },
      },
    ]);
    expect(result.entry).toMatchObject({
      names: { proxmox: 'ann@example.com@entra' },
      retired: ['alice@example.com@entra', 'first@example.com@entra'],
    });
  });

  it('is not settled where nobody looked at the old userid', () => {
    const value = user({ userid: 'ann@example.com@entra' });

    const result = plan({ known: renamed, observed: { proxmox: { certainty: 'present', value } } });

    expect(result.unknown).toEqual([{ target: 'proxmox', why: 'it was not looked at' }]);
  });

  it('has an earlier userid disabled that names the next one, although no user is there', () => {
    const result = plan({
      known: { names: {}, retired: ['old@example.com@entra'] },
      observed: { proxmox: absent, retired: new Map([['old@example.com@entra', there]]) },
      change: { provision: 'existing' },
    });

    expect(result.steps).toMatchObject([
      { effect: 'lock', change: { comment: expect.stringContaining('renamed to alice@example.com@entra;') } },
    ]);
    expect(result.entry.retired).toEqual(['old@example.com@entra']);
  });
});

describe('a Unix name of another identity', () => {
  it('is left to the other one', () => {
    const result = plan({ known: { names: {} }, observed: { linux: absent }, holder: BOB });

    expect(result.steps).toEqual([]);
    expect(result.conflicts).toMatchObject([{ target: 'linux', what: expect.stringContaining(BOB) }]);
  });
});
