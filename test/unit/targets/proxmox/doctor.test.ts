import { expect, test } from 'vitest';
import type { Finding } from '../../../../src/targets/proxmox/doctor.js';
import { createProxmoxTarget } from '../../../../src/targets/proxmox/target.js';
import {
  ADMINS,
  BASE,
  type FakeWorld,
  FULL_RIGHTS,
  fakeApi,
  never,
  OID,
  REALM,
  worldHandler,
  worldWith,
} from './fake-api.js';

function setUp(world: FakeWorld, creates = true) {
  const api = fakeApi(worldHandler(world));
  return createProxmoxTarget({
    client: api.client,
    realm: REALM,
    managedGroups: [BASE, ADMINS],
    adoptExisting: false,
    creates,
    log: api.log,
    clock: api.time.clock,
  });
}

function about(findings: Finding[], words: string): Finding | undefined {
  return findings.find(({ saw }) => saw.includes(words));
}

test('finds nothing wrong where everything is set up', async () => {
  const findings = await setUp(worldWith()).check(never());

  expect(findings).toHaveLength(5);
  expect(findings.filter(({ ok }) => !ok)).toEqual([]);
  expect(about(findings, '9.2.11')?.saw).toContain('svc@pve!entramox');
});

test('prints the commands that grant missing privileges to token and user', async () => {
  const { '/access/realm/entra': _, ...permissions } = FULL_RIGHTS;

  const finding = about(await setUp(worldWith({ permissions })).check(never()), 'lacks');

  expect(finding).toMatchObject({
    ok: false,
    saw: expect.stringContaining('Realm.AllocateUser on /access/realm/entra'),
  });
  expect(finding?.mend).toContain("pveum acl modify /access/realm/entra --tokens 'svc@pve!entramox'");
  expect(finding?.mend).toContain('pveum acl modify /access/realm/entra --users svc@pve');
});

test('asks for no right to create where nobody is created', async () => {
  const { '/access/realm/entra': _, ...permissions } = FULL_RIGHTS;

  const findings = await setUp(worldWith({ permissions }), false).check(never());

  expect(findings.every(({ ok }) => ok)).toBe(true);
});

test('prints the commands that make missing managed groups', async () => {
  const target = setUp(worldWith({ groups: { [BASE]: [] } }));

  const finding = about(await target.check(never()), 'do not exist');

  expect(finding?.mend).toContain(`pveum group add ${ADMINS}; pveum acl modify`);
  await expect(target.missingGroups(never())).resolves.toEqual([ADMINS]);
});

test('calls no group missing that is only hidden', async () => {
  const target = setUp(worldWith({ groups: { [BASE]: [] }, hiddenGroups: { [ADMINS]: [] } }));

  await expect(target.missingGroups(never())).resolves.toEqual([]);
});

test('calls no group missing where groups cannot be seen', async () => {
  const target = setUp(worldWith({ groups: {}, permissions: {} }));

  await expect(target.missingGroups(never())).rejects.toThrow('Sys.Audit or User.Modify on /access/groups');
});

test('reports a realm that does not exist', async () => {
  const target = setUp(worldWith({ domains: [{ realm: 'pam', type: 'pam' }] }));

  const findings = await target.check(never());

  expect(about(findings, 'the realm entra does not exist')).toMatchObject({ ok: false });
  await expect(target.missingRealm(never())).resolves.toMatchObject({ mend: expect.stringContaining('REALM') });
  await expect(setUp(worldWith()).missingRealm(never())).resolves.toBeUndefined();
});

test('warns before user.cfg is full', async () => {
  const users = Array.from({ length: 5_500 }, (_, n) => ({
    userid: `first.last${n}@contoso.example.com@entra`,
    firstname: 'Firstname',
    lastname: 'Lastname',
    email: `first.last${n}@contoso.example.com`,
    comment: `Entramox: active; entra:${OID}`,
  }));
  const groups = { [BASE]: users.map(({ userid }) => userid), [ADMINS]: [] };

  const finding = about(await setUp(worldWith({ users, groups })).check(never()), 'user.cfg');

  expect(finding).toMatchObject({ ok: false, mend: expect.stringContaining('delete') });
});

test('ends with one finding where the API does not answer', async () => {
  const findings = await setUp(worldWith({ override: () => ({ status: 401, raw: '' }) })).check(never());

  expect(findings).toEqual([expect.objectContaining({ ok: false, mend: expect.stringContaining('PVE_API_TOKEN') })]);
});
