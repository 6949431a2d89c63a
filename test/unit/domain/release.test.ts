import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { desiredOf } from '../../../src/domain/desired.js';
import { judge } from '../../../src/domain/lifecycle.js';
import { namesFor, planIdentity, releasesToRemember } from '../../../src/domain/plan.js';
import { commentFor, hasDamagedMark, ownerIn, withoutMark } from '../../../src/domain/proxmox-comment.js';
import type { Reading } from '../../../src/domain/reading.js';
import type { LinuxAccount, ProxmoxUser, Sight } from '../../../src/domain/sight.js';
import { ALICE, account, anyAccount, anyEntry, anyReading, anyUser, entry, NOW, policy, present } from './builders.js';

const nobody = () => undefined;
const byOperator = { at: NOW - 1000, by: 'operator' } as const;
const byHost = { at: NOW - 1000, by: 'host' } as const;
const present_ = <T>(value: T): Sight<T> => ({ certainty: 'present', value });
const absent = { certainty: 'absent' } as const;

function plan(
  known: ReturnType<typeof entry>,
  reading: Reading,
  linux: Sight<LinuxAccount>,
  proxmox: Sight<ProxmoxUser>,
) {
  const verdict = judge(ALICE, known, desiredOf(reading, policy()), policy(), { now: NOW, sweep: true });
  if (verdict.kind !== 'settle') return undefined;
  const names = namesFor(verdict.entry, policy(), nobody);
  return planIdentity(verdict.entry, verdict.wanted, undefined, { linux, proxmox }, names, policy(), NOW);
}

describe('the plan for somebody who was given back', () => {
  it('has no step, no conflict and nothing unknown there, whatever is read and seen', () => {
    const anyLinux = fc.oneof(anyAccount.map(present_), fc.constant(absent));
    const anyProxmox = fc.oneof(anyUser.map(present_), fc.constant(absent));
    fc.assert(
      fc.property(anyEntry, anyReading, anyLinux, anyProxmox, (some, reading, linux, proxmox) => {
        const known = { ...(some ?? entry()), released: { linux: byOperator, proxmox: byOperator } };

        const planned = plan(known, reading, linux, proxmox);

        expect([planned?.steps ?? [], planned?.conflicts ?? [], planned?.unknown ?? []]).toEqual([[], [], []]);
        if (planned) expect(planned.entry.released).toEqual(known.released);
      }),
    );
  });

  it('goes on for the other target', () => {
    const planned = plan(entry({ released: { proxmox: byOperator } }), present(), absent, absent);

    expect(planned?.steps.map(({ target, action }) => [target, action])).toEqual([['linux', 'create']]);
  });

  it('learns from the host that root took the account back, once, and tells nobody of a conflict', () => {
    const told = { certainty: 'foreign', what: 'taken back', remedy: 'adopt', released: true } as const;

    const first = plan(entry(), present(), told, absent);
    const second = plan(first?.entry ?? entry(), present(), told, absent);

    expect(first?.conflicts).toEqual([]);
    expect([first?.entry.released, second?.entry.released]).toEqual([
      { linux: { at: NOW, by: 'host' } },
      { linux: { at: NOW, by: 'host' } },
    ]);
  });

  it('looks after it again as soon as the host calls it ours, unless an operator had said so', () => {
    const seen = present_(account({ gecos: 'Old Name' }));

    const host = plan(entry({ released: { linux: byHost } }), present(), seen, absent);
    const operator = plan(entry({ released: { linux: byOperator } }), present(), seen, absent);

    const linuxSteps = [host, operator].map((item) => item?.steps.filter(({ target }) => target === 'linux').length);
    expect(linuxSteps).toEqual([1, 0]);
    expect([host?.entry.released, operator?.entry.released]).toEqual([undefined, { linux: byOperator }]);
  });
});

describe('what is remembered of releases after a pass', () => {
  it.each([
    ['an operator’s of meanwhile', entry({ released: { linux: byOperator } }), entry(), { linux: byOperator }],
    ['nothing where it was adopted meanwhile', entry(), entry({ released: { linux: byOperator } }), undefined],
    ['the host’s word', entry(), entry({ released: { linux: byHost } }), { linux: byHost }],
    ['that the host has it again', entry({ released: { linux: byHost } }), entry(), undefined],
    [
      'the one for Proxmox as it is now',
      entry({ released: { proxmox: byOperator } }),
      entry(),
      { proxmox: byOperator },
    ],
    ['the plan’s own, of somebody new', undefined, entry({ released: { linux: byHost } }), { linux: byHost }],
  ])('is %s', (_, current, planned, expected) => {
    expect(releasesToRemember(current, planned)).toEqual(expected);
  });
});

describe('a comment without our mark', () => {
  it.each([
    [commentFor(ALICE, { presence: 'suspended' }, undefined), 'given back by Entramox on 2026-11-21 09:00 UTC'],
    [`entra:${ALICE}`, 'given back by Entramox on 2026-11-21 09:00 UTC'],
    [`on call, ask Bob; entra:${ALICE}`, 'on call, ask Bob'],
    [`ENTRA:${ALICE.toUpperCase()} night shift`, 'night shift'],
  ])('of %j is %j', (before, after) => {
    const rest = withoutMark(before, NOW);

    expect(rest).toBe(after);
    expect([ownerIn(rest), hasDamagedMark(rest)]).toEqual([undefined, false]);
  });
});
