import { describe, expect, it } from 'vitest';
import type { Wanted } from '../../../src/domain/lifecycle.js';
import { planProxmox, planRetired } from '../../../src/domain/plan-proxmox.js';
import type { ProxmoxUser, Sight } from '../../../src/domain/sight.js';
import { ALICE, entry, LAB, NOW, policy, user } from './builders.js';

const NAME = 'alice@example.com@entra';
const BASE = 'entramox-entra';
const AUDITOR = 'PVEAuditor-entra';
const LAB_ADMIN = 'PVEVMAdmin.pool.lab-entra';
const attributes = { upn: 'alice@example.com', displayName: 'Alice Example', givenName: 'Alice', surname: 'Example' };
const active = (...pveGroups: string[]): Wanted => ({
  presence: 'active',
  entitlement: { sudo: false, linuxGroups: [], pveGroups },
});
const member = active(AUDITOR, BASE);
const suspended: Wanted = { presence: 'suspended' };
const foreign = { certainty: 'foreign', what: 'somebody else', remedy: 'look' } as const;

function plan(
  sight: Sight<ProxmoxUser>,
  wanted = member,
  { known = entry(), rules = policy(), told = attributes } = {},
) {
  return planProxmox(known, wanted, told, sight, NAME, rules);
}
function change(observed: Partial<ProxmoxUser>, wanted = member, options = {}) {
  return plan({ certainty: 'present', value: user(observed) }, wanted, options).steps;
}

describe('a user that is not ours', () => {
  it('is a conflict for whoever is to have it, and nothing for a leaver', () => {
    expect(plan(foreign)).toEqual({ steps: [], conflict: foreign });
    expect(plan(foreign, suspended)).toEqual({ steps: [] });
  });

  it('is a conflict for a leaver who had it, as long as it is open', () => {
    const open = { ...foreign, adoptable: user() };
    const shut = { ...foreign, adoptable: user({ enabled: false }) };
    const other = { known: entry({ names: { proxmox: 'other@example.com@entra' } }) };

    expect(plan(open, suspended)).toEqual({ steps: [], conflict: open });
    expect(plan(shut, suspended)).toEqual({ steps: [] });
    expect(plan(open, suspended, other)).toEqual({ steps: [] });
  });
});

describe('a user that is not there', () => {
  const absent = { certainty: 'absent' } as const;

  it('is made whole, once and for a member alone', () => {
    const fields = {
      enabled: true,
      comment: `Entramox: active; entra:${ALICE}`,
      firstName: 'Alice',
      lastName: 'Example',
      email: '',
      groups: [AUDITOR, BASE],
    };

    expect(plan(absent).steps).toEqual([
      { target: 'proxmox', action: 'create', effect: 'create', oid: ALICE, name: NAME, fields },
    ]);
    expect(plan(absent, suspended)).toEqual({ steps: [] });
  });

  it('is not made where only those in the realm are handled', () => {
    expect(plan(absent, member, { rules: policy({ provision: 'existing' }) })).toEqual({ steps: [] });
  });

  it('has empty fields for what nobody told of, and no mail that Proxmox refuses', () => {
    const fieldsOf = (told: object | undefined) =>
      planProxmox(entry(), member, told as typeof attributes, absent, NAME, policy()).steps[0];
    const upn = attributes.upn;

    expect(fieldsOf({ upn })).toMatchObject({ fields: { firstName: '', lastName: '', email: '' } });
    expect(fieldsOf(undefined)).toMatchObject({ fields: { firstName: '', lastName: '', email: '' } });
    expect(fieldsOf({ upn, mail: 'alice@example.com' })).toMatchObject({ fields: { email: 'alice@example.com' } });
    expect(fieldsOf({ upn, mail: '"a b"@example.com' })).toMatchObject({ fields: { email: '' } });
  });
});

describe('a user that cannot be seen', () => {
  it('is unknown, with the reason, also under a former name', () => {
    const unseen = { certainty: 'unknown', why: 'down' } as const;

    expect(plan(unseen)).toEqual({ steps: [], unknown: 'down' });
    expect(planRetired(entry(), 'new', unseen, policy())).toEqual({ steps: [], unknown: 'down' });
  });
});

describe('a user of ours', () => {
  it('that is as it should be is left alone', () => {
    expect(change({})).toEqual([]);
    expect(change({ groups: [AUDITOR, BASE, 'somebodys'] })).toEqual([]);
  });

  it.each<[string, Partial<ProxmoxUser>, object]>([
    ['comment', { comment: 'edited' }, { comment: `Entramox: active; entra:${ALICE}` }],
    ['first name', { firstName: 'Al' }, { firstName: 'Alice' }],
    ['last name', { lastName: 'Ex' }, { lastName: 'Example' }],
    ['mail', { email: 'old@example.com' }, { email: '' }],
  ])('gets a wrong %s put right, and nothing else', (_what, observed, expected) => {
    const { userid: _, ...before } = user(observed);

    expect(change(observed)).toEqual([
      {
        target: 'proxmox',
        action: 'update',
        effect: 'touch',
        oid: ALICE,
        name: NAME,
        change: expected,
        groups: [AUDITOR, BASE],
        append: false,
        before,
      },
    ]);
  });

  it('of whom Entra tells nothing any more keeps name and mail', () => {
    const observed = { firstName: 'Al', lastName: 'Ex', email: 'old@example.com' };

    const { steps } = planProxmox(
      entry(),
      suspended,
      undefined,
      { certainty: 'present', value: user(observed) },
      NAME,
      policy(),
    );

    expect(steps).toMatchObject([{ effect: 'lock', groups: [BASE] }]);
    expect(steps[0]).toHaveProperty('change', {
      enabled: false,
      comment: `Entramox: suspended, disabled in Entra; entra:${ALICE}`,
    });
  });

  it('that is opened again is granted something', () => {
    expect(change({ enabled: false })).toMatchObject([{ effect: 'grant', change: { enabled: true }, append: false }]);
  });

  it('loses a role that is not its any more, and gets another one', () => {
    const swapped = change({ groups: [LAB_ADMIN, BASE] });
    const gained = change({ groups: [BASE] });
    const lost = change({ groups: [AUDITOR, LAB_ADMIN, BASE] });

    expect(swapped).toMatchObject([{ effect: 'revoke', change: {}, groups: [AUDITOR, BASE], append: false }]);
    expect(gained).toMatchObject([{ effect: 'grant', change: {}, groups: [AUDITOR, BASE], append: false }]);
    expect(lost).toMatchObject([{ effect: 'revoke', change: {}, groups: [AUDITOR, BASE], append: false }]);
  });

  it('loses nothing where the role of all users gives way to a better one', () => {
    const better = active(LAB_ADMIN, BASE);

    expect(change({}, better)).toMatchObject([{ effect: 'grant', groups: [LAB_ADMIN, BASE] }]);
    expect(change({ groups: [AUDITOR, LAB_ADMIN, BASE] }, better)).toMatchObject([{ effect: 'revoke' }]);
    expect(change({}, active(BASE))).toMatchObject([{ effect: 'revoke', groups: [BASE] }]);
  });

  it('loses something where a role goes that is not the one of all users', () => {
    const other = policy({ allUsers: { group: LAB } });
    const roles = policy({ allUsers: undefined });
    const admin = active('Administrator-entra', BASE);

    expect(change({ groups: [LAB_ADMIN, BASE] }, admin, { rules: other })).toMatchObject([{ effect: 'revoke' }]);
    expect(change({ groups: [LAB_ADMIN, BASE] }, admin, { rules: roles })).toMatchObject([{ effect: 'revoke' }]);
    expect(change({ groups: [AUDITOR, LAB_ADMIN, BASE] }, admin)).toMatchObject([{ effect: 'revoke' }]);
  });

  it('keeps the groups that are not ours', () => {
    const added = change({ groups: [BASE, 'somebodys'] });
    const taken = change({ groups: [AUDITOR, LAB_ADMIN, BASE, 'zz', 'somebodys'] });

    expect(added).toMatchObject([{ effect: 'grant', groups: [AUDITOR, BASE], append: true }]);
    expect(taken).toMatchObject([{ effect: 'revoke', groups: [AUDITOR, BASE, 'somebodys', 'zz'], append: false }]);
  });

  it('that is disabled leaves its groups behind, unless one that is not ours forbids to write the list', () => {
    const free = change({ enabled: true }, suspended);
    const shut = change(
      { enabled: false, comment: `Entramox: suspended, disabled in Entra; entra:${ALICE}` },
      suspended,
    );
    const bound = change(
      {
        enabled: false,
        comment: `Entramox: suspended, disabled in Entra; entra:${ALICE}`,
        groups: [AUDITOR, BASE, 'somebodys'],
      },
      suspended,
    );

    expect(free).toMatchObject([{ effect: 'lock', groups: [BASE], append: false }]);
    expect(shut).toMatchObject([{ effect: 'revoke', groups: [BASE], append: false, change: {} }]);
    expect(bound).toEqual([]);
  });
});

describe('a former userid', () => {
  const present = (value: ProxmoxUser) => ({ certainty: 'present', value }) as const;
  const comment = `Entramox: renamed to ann@example.com@entra; kept disabled; entra:${ALICE}`;
  const retire = (sight: Sight<ProxmoxUser>) => planRetired(entry(), 'ann@example.com@entra', sight, policy());

  it('is disabled, marked and left in no group but the base group', () => {
    expect(retire(present(user())).steps).toMatchObject([
      { action: 'update', effect: 'lock', name: NAME, change: { enabled: false, comment }, groups: [BASE] },
    ]);
    expect(retire(present(user())).steps[0]).toHaveProperty('change', { enabled: false, comment });
  });

  it('needs nothing once that is done, or where nobody of ours is there', () => {
    expect(retire(present(user({ enabled: false, comment, groups: [BASE] })))).toEqual({ steps: [] });
    expect(retire({ certainty: 'absent' })).toEqual({ steps: [] });
    expect(retire(foreign)).toEqual({ steps: [] });
  });
});

describe('a countdown', () => {
  it('is told in the comment with its reason', () => {
    const known = entry({ reason: 'deleted in Entra' });

    expect(change({ enabled: false }, { presence: 'grace', deleteAt: NOW }, { known })).toMatchObject([
      { change: { comment: `Entramox: left (deleted in Entra), deletes 2026-11-21 09:00 UTC; entra:${ALICE}` } },
    ]);
  });
});
