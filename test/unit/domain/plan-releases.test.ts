import { describe, expect, it } from 'vitest';
import type { LedgerEntry } from '../../../src/domain/ledger-entry.js';
import { namesFor, type Observed, planIdentity, releasesToRemember } from '../../../src/domain/plan.js';
import type { LinuxAccount, Sight } from '../../../src/domain/sight.js';
import { account, entry, HOUR, NOW, policy, user } from './builders.js';

const nobody = () => undefined;
const operator = { at: NOW - HOUR, by: 'operator' } as const;
const host = { at: NOW - HOUR, by: 'host' } as const;
const releasedSight: Sight<LinuxAccount> = { certainty: 'foreign', what: 'given back', remedy: '', released: true };
const foreign: Sight<LinuxAccount> = { certainty: 'foreign', what: 'somebody else', remedy: '' };
const lockedSight: Sight<LinuxAccount> = { certainty: 'present', value: account() };
const userSight = { certainty: 'present', value: user() } as const;

function planLock(change: Partial<LedgerEntry>, observed: Observed) {
  const known = entry({ state: 'suspended', ...change });
  return planIdentity(
    known,
    { presence: 'suspended' },
    undefined,
    observed,
    namesFor(known, policy(), nobody),
    policy(),
    NOW,
  );
}

describe('somebody who was given back', () => {
  it('is left alone on the target, and on no other one', () => {
    const observed = { linux: lockedSight, proxmox: userSight };

    const onLinux = planLock({ released: { linux: operator } }, observed);
    const inProxmox = planLock({ released: { proxmox: operator } }, observed);

    expect(onLinux.steps.map(({ target, effect }) => [target, effect])).toEqual([['proxmox', 'lock']]);
    expect(inProxmox.steps.map(({ target, effect }) => [target, effect])).toEqual([['linux', 'lock']]);
    expect([onLinux.entry.released, inProxmox.entry.released]).toEqual([{ linux: operator }, { proxmox: operator }]);
  });

  it('by root on the host is remembered since the first time that this was seen', () => {
    const first = planLock({}, { linux: releasedSight });
    const later = planLock({ released: { linux: host, proxmox: operator } }, { linux: releasedSight });

    expect(first).toMatchObject({ steps: [], conflicts: [], entry: { released: { linux: { at: NOW, by: 'host' } } } });
    expect(Object.keys(first.entry.released ?? {})).toEqual(['linux']);
    expect(later.entry.released).toEqual({ linux: host, proxmox: operator });
  });

  it('by root on the host comes back as soon as root adopts the account again', () => {
    const plan = planLock({ released: { linux: host } }, { linux: lockedSight });

    expect(plan.steps.map(({ action }) => action)).toEqual(['lock']);
    expect('released' in plan.entry).toBe(false);
  });

  it('by an operator stays so, whatever the host shows', () => {
    const plan = planLock({ released: { linux: operator } }, { linux: lockedSight });

    expect(plan).toMatchObject({ steps: [], entry: { released: { linux: operator } } });
  });

  it('is not whoever stands behind a foreign account, or cannot be seen', () => {
    const plans = [foreign, { certainty: 'unknown', why: 'down' } as const, undefined].map((linux) =>
      planLock({}, { linux }),
    );

    expect(plans.map((plan) => 'released' in plan.entry)).toEqual([false, false, false]);
  });

  it('is remembered as such through a pass that cannot see the host', () => {
    const plan = planLock({ released: { linux: host } }, { linux: { certainty: 'unknown', why: 'down' } });

    expect(plan).toMatchObject({ steps: [], unknown: [], entry: { released: { linux: host } } });
  });
});

describe('the releases to remember after a pass', () => {
  const entries = (change: Partial<LedgerEntry>) => entry(change);

  it('are those of the plan for somebody whom the ledger does not know yet', () => {
    expect(releasesToRemember(undefined, entries({ released: { linux: host } }))).toEqual({ linux: host });
    expect(releasesToRemember(undefined, entries({}))).toBeUndefined();
  });

  it('are those that an operator made meanwhile, on each target', () => {
    const current = entries({ released: { linux: operator, proxmox: operator } });

    expect(releasesToRemember(current, entries({ released: { linux: host } }))).toEqual({
      linux: operator,
      proxmox: operator,
    });
    expect(releasesToRemember(entries({ released: { proxmox: operator } }), entries({}))).toEqual({
      proxmox: operator,
    });
    expect(releasesToRemember(entries({ released: { linux: operator } }), entries({}))).toEqual({ linux: operator });
  });

  it('are not those that an operator ended meanwhile', () => {
    const planned = entries({ released: { linux: operator, proxmox: operator } });

    expect(releasesToRemember(entries({}), planned)).toBeUndefined();
  });

  it('are those that the pass saw on the host, and not the ones that it saw end there', () => {
    expect(releasesToRemember(entries({}), entries({ released: { linux: host } }))).toEqual({ linux: host });
    expect(releasesToRemember(entries({ released: { linux: host } }), entries({}))).toBeUndefined();
  });
});
