import { describe, expect, it } from 'vitest';
import {
  baseGroup,
  entitlementOf,
  groupGrants,
  managedPveGroups,
  pveGroupOf,
  sorted,
} from '../../../src/domain/entitlement.js';
import { ADMINS, EVERYBODY, LAB, policy } from './builders.js';

const role = { sudo: false, linuxGroups: [] };

describe('pveGroupOf', () => {
  it.each([
    [{ pveRole: 'PVEAdmin' }, 'PVEAdmin-entra'],
    [{ pveRole: 'PVEAdmin', path: '/' }, 'PVEAdmin-entra'],
    [{ pveRole: 'PVEAdmin', path: '/pool/lab' }, 'PVEAdmin.pool.lab-entra'],
    [{ pveRole: 'PVEAdmin', path: '/pool/lab', pveGroup: 'lab' }, 'lab-entra'],
  ])('names the group of %j', (mapping, name) => {
    expect(pveGroupOf(mapping, 'entra')).toBe(name);
  });
});

describe('groupGrants', () => {
  it('lists every role once, sorted by group, and `/` where no path is given', () => {
    const grants = groupGrants(
      policy({
        roleMap: [
          { ...role, group: LAB, pveRole: 'PVEVMAdmin', path: '/pool/lab' },
          { ...role, group: ADMINS, pveRole: 'PVEVMAdmin', path: '/pool/lab' },
          { ...role, group: EVERYBODY, linuxGroups: ['docker'] },
        ],
        allUsers: { group: EVERYBODY, pveRole: 'PVEAuditor' },
        superAdmin: { group: ADMINS, pveRole: 'Administrator' },
      }),
    );

    expect(grants).toEqual([
      { pveGroup: 'Administrator-entra', pveRole: 'Administrator', path: '/' },
      { pveGroup: 'PVEAuditor-entra', pveRole: 'PVEAuditor', path: '/' },
      { pveGroup: 'PVEVMAdmin.pool.lab-entra', pveRole: 'PVEVMAdmin', path: '/pool/lab' },
    ]);
  });

  it('has nothing to list where no role is given', () => {
    const grants = groupGrants(policy({ roleMap: [], allUsers: undefined, superAdmin: { group: ADMINS } }));

    expect(grants).toEqual([]);
  });

  it('keeps two roles of one named group apart', () => {
    const grants = groupGrants(
      policy({
        roleMap: [
          { ...role, group: LAB, pveRole: 'PVEVMUser', pveGroup: 'lab', path: '/pool/a' },
          { ...role, group: LAB, pveRole: 'PVEVMAdmin', pveGroup: 'lab', path: '/pool/b' },
        ],
        allUsers: undefined,
        superAdmin: undefined,
      }),
    );

    expect(grants.map(({ pveGroup, path }) => [pveGroup, path])).toEqual([
      ['lab-entra', '/pool/a'],
      ['lab-entra', '/pool/b'],
    ]);
  });
});

describe('managedPveGroups', () => {
  it('begins with the base group and names each group once', () => {
    const groups = managedPveGroups(
      policy({
        roleMap: [
          { ...role, group: LAB, pveRole: 'PVEVMUser', pveGroup: 'lab', path: '/pool/a' },
          { ...role, group: LAB, pveRole: 'PVEVMAdmin', pveGroup: 'lab', path: '/pool/b' },
        ],
        superAdmin: undefined,
      }),
    );

    expect(groups).toEqual([baseGroup('entra'), 'PVEAuditor-entra', 'lab-entra']);
  });
});

describe('entitlementOf', () => {
  it('gives the all-users role to a member of that group who has no other', () => {
    const entitlement = entitlementOf([EVERYBODY], policy());

    expect(entitlement).toEqual({
      sudo: false,
      linuxGroups: [],
      pveGroups: ['PVEAuditor-entra', 'entramox-entra'],
    });
  });

  it('gives nobody the all-users role who is not in that group', () => {
    const entitlement = entitlementOf([], policy());

    expect(entitlement.pveGroups).toEqual(['entramox-entra']);
  });

  it('gives the all-users role beside a mapping that has no role of its own', () => {
    const onlyGroups = policy({ roleMap: [{ group: LAB, sudo: false, linuxGroups: ['docker'] }] });

    const entitlement = entitlementOf([EVERYBODY, LAB], onlyGroups);

    expect(entitlement).toEqual({
      sudo: false,
      linuxGroups: ['docker'],
      pveGroups: ['PVEAuditor-entra', 'entramox-entra'],
    });
  });

  it('lets a better role take the place of the all-users role', () => {
    const entitlement = entitlementOf([EVERYBODY, LAB], policy());

    expect(entitlement.pveGroups).toEqual(['PVEVMAdmin.pool.lab-entra', 'entramox-entra']);
  });

  it('gives a super-admin sudo and the role beside the mapped ones', () => {
    const entitlement = entitlementOf([ADMINS, LAB], policy());

    expect(entitlement).toEqual({
      sudo: true,
      linuxGroups: ['lab'],
      pveGroups: ['Administrator-entra', 'PVEVMAdmin.pool.lab-entra', 'entramox-entra'],
    });
  });

  it('gives no sudo to a super-admin of whom sudo is withheld', () => {
    expect(entitlementOf([ADMINS], policy({ grantSudo: false })).sudo).toBe(false);
  });

  it('gives sudo by a mapping that says so, and by no other', () => {
    const mapped = policy({
      roleMap: [
        { group: LAB, sudo: true, linuxGroups: [] },
        { group: EVERYBODY, sudo: false, linuxGroups: [] },
      ],
      superAdmin: undefined,
    });

    expect(entitlementOf([LAB], mapped).sudo).toBe(true);
    expect(entitlementOf([EVERYBODY], mapped).sudo).toBe(false);
  });

  it('adds the groups that everybody gets, each once and sorted', () => {
    const entitlement = entitlementOf([LAB], policy({ extraGroups: ['users', 'lab', 'audio'] }));

    expect(entitlement.linuxGroups).toEqual(['audio', 'lab', 'users']);
  });
});

describe('sorted', () => {
  it('sorts and drops repeats', () => {
    expect(sorted(['b', 'a', 'b'])).toEqual(['a', 'b']);
  });
});
