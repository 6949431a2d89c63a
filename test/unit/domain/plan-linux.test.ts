import { describe, expect, it } from 'vitest';
import type { Wanted } from '../../../src/domain/lifecycle.js';
import { planLinux } from '../../../src/domain/plan-linux.js';
import type { LinuxAccount, Sight } from '../../../src/domain/sight.js';
import { ALICE, account, entry, NOW } from './builders.js';

const step = { target: 'linux', oid: ALICE, name: 'alice' } as const;
const create = { ...step, action: 'create', effect: 'create', gecos: 'Alice Example' } as const;
const lock = { ...step, action: 'lock', effect: 'lock' } as const;
const unlock = { ...step, action: 'unlock', effect: 'grant' } as const;
const remove = { ...step, action: 'delete', effect: 'delete' } as const;

function active(change: { sudo?: boolean; linuxGroups?: string[] } = {}): Wanted {
  return { presence: 'active', entitlement: { sudo: false, linuxGroups: [], pveGroups: [], ...change } };
}
function plan(sight: Sight<LinuxAccount>, wanted: Wanted) {
  return planLinux(entry(), wanted, sight, 'alice');
}
function stepsFor(change: Partial<LinuxAccount>, wanted: Wanted) {
  return plan({ certainty: 'present', value: account(change) }, wanted).steps;
}

describe('an account that is not there', () => {
  const absent = { certainty: 'absent' } as const;

  it('is made with what its owner is to have, and only for a member', () => {
    expect(plan(absent, active({ sudo: true, linuxGroups: ['lab'] }))).toEqual({
      steps: [
        create,
        { ...step, action: 'sudo', effect: 'grant', granted: true },
        { ...step, action: 'groups', effect: 'grant', groups: ['lab'], before: [] },
      ],
    });
    expect(plan(absent, active()).steps).toEqual([create]);
    expect(plan(absent, { presence: 'deleted' })).toEqual({ steps: [] });
  });

  it('is made anew for somebody who comes back after a deletion, whatever was there before', () => {
    const steps = stepsFor({ state: 'deleted', locked: true, sudo: true, groups: ['docker'] }, active());

    expect(steps).toEqual([create]);
  });
});

describe('an account that is not ours, or not to be seen', () => {
  it('is a conflict for a member alone', () => {
    const foreign = { certainty: 'foreign', what: 'x', remedy: 'y' } as const;

    expect(plan(foreign, active())).toEqual({ steps: [], conflict: foreign });
    expect(plan(foreign, { presence: 'suspended' })).toEqual({ steps: [] });
  });

  it('is unknown with its reason', () => {
    expect(plan({ certainty: 'unknown', why: 'down' }, active())).toEqual({ steps: [], unknown: 'down' });
  });
});

describe('a half-made account', () => {
  it('is completed first; what it holds is settled afterwards, and nothing of it counts as a loss', () => {
    const steps = stepsFor({ state: 'partial', sudo: true, groups: ['docker'] }, active({ linuxGroups: ['lab'] }));

    expect(steps).toEqual([
      create,
      { ...step, action: 'sudo', effect: 'grant', granted: false },
      { ...step, action: 'groups', effect: 'grant', groups: ['lab'], before: ['docker'] },
    ]);
  });

  it.each([{ locked: true }, { halfLocked: true }])('is opened after it was completed (%j)', (shut) => {
    expect(stepsFor({ state: 'partial', ...shut }, active())).toEqual([create, unlock]);
  });
});

describe('an account that is to be shut', () => {
  const wanted: Wanted[] = [{ presence: 'suspended' }, { presence: 'grace', deleteAt: NOW }];

  it.each(wanted)('is locked while anything of it is open (%j)', (shut) => {
    expect(stepsFor({}, shut)).toEqual([lock]);
    expect(stepsFor({ locked: true, sudo: true }, shut)).toEqual([lock]);
    expect(stepsFor({ locked: true, groups: ['lab'] }, shut)).toEqual([lock]);
    expect(stepsFor({ locked: true }, shut)).toEqual([]);
    expect(stepsFor({ state: 'deleted' }, shut)).toEqual([]);
  });

  it('is locked before it is deleted, and deleted once', () => {
    expect(stepsFor({}, { presence: 'deleted' })).toEqual([lock, remove]);
    expect(stepsFor({ locked: true }, { presence: 'deleted' })).toEqual([remove]);
    expect(stepsFor({ state: 'deleted' }, { presence: 'deleted' })).toEqual([]);
  });
});

describe('an account in use', () => {
  it('that is as it should be is left alone', () => {
    expect(stepsFor({ sudo: true, groups: ['lab'] }, active({ sudo: true, linuxGroups: ['lab'] }))).toEqual([]);
  });

  it('gets its full name followed', () => {
    expect(stepsFor({ gecos: 'Alice Former' }, active())).toEqual([
      { ...step, action: 'create', effect: 'touch', gecos: 'Alice Example' },
    ]);
  });

  it('loses what it is to lose, is opened, and only then gets what it is to get', () => {
    const steps = stepsFor(
      { locked: true, gecos: 'Alice Former', sudo: true, groups: ['docker', 'kvm'] },
      active({ linuxGroups: ['kvm', 'lab'] }),
    );

    expect(steps).toEqual([
      { ...step, action: 'sudo', effect: 'revoke', granted: false },
      { ...step, action: 'groups', effect: 'revoke', groups: ['kvm'], before: ['docker', 'kvm'] },
      unlock,
      { ...step, action: 'groups', effect: 'grant', groups: ['kvm', 'lab'], before: ['kvm'] },
      { ...step, action: 'create', effect: 'touch', gecos: 'Alice Example' },
    ]);
  });

  it('gets sudo after it was opened', () => {
    expect(stepsFor({ halfLocked: true }, active({ sudo: true }))).toEqual([
      unlock,
      { ...step, action: 'sudo', effect: 'grant', granted: true },
    ]);
  });
});
