import { expect, test } from 'vitest';
import { CHECK_NAMES } from '../../../../src/commands/doctor/catalogue.js';
import type { Check } from '../../../../src/commands/doctor/check.js';
import { checkProxmoxTls, proxmoxChecks } from '../../../../src/commands/doctor/proxmox.js';
import type { Finding } from '../../../../src/targets/proxmox/doctor.js';
import { createProxmoxTarget } from '../../../../src/targets/proxmox/target.js';
import { answered, failed, NOW } from '../../commands/doctor/looked.js';
import { provoked, unwell } from '../../commands/doctor/provoked.js';
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

const NAMES = CHECK_NAMES.filter((name) => name.startsWith('proxmox.') && name !== 'proxmox.tls');

/** The checks of the doctor for a world, as the target finds it. */
async function examine(world: FakeWorld, realms?: string): Promise<Check[]> {
  return proxmoxChecks(await setUp(world).check(never(), { readRealms: async () => realms }), NAMES);
}

/** A world that answers one path with this. */
function answering(path: string, data: unknown): FakeWorld {
  return worldWith({ override: (call) => (call.path.startsWith(`/api2/json${path}`) ? { data } : undefined) });
}

test('finds nothing wrong where everything is set up', async () => {
  const findings = await setUp(worldWith()).check(never());

  expect(findings.map(({ about }) => `proxmox.${about}`).sort()).toEqual([...NAMES].sort());
  expect(findings.filter(({ ok }) => !ok)).toEqual([]);
  expect(about(findings, '9.2.11')).toMatchObject({ about: 'version' });
  expect(about(findings, 'is valid')?.saw).toContain('svc@pve!entramox');
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

test('tells a missing privilege, group and realm, and a full user.cfg, by the names of the doctor', async () => {
  const { '/access/realm/entra': _, ...permissions } = FULL_RIGHTS;
  const people = Array.from({ length: 5_500 }, (_unused, n) => ({
    userid: `first.last${n}@contoso.example.com@entra`,
    email: `first.last${n}@contoso.example.com`,
    comment: `Entramox: active; entra:${OID}; and a longer comment than usual for this many`,
  }));

  provoked('proxmox.privileges', await examine(worldWith({ permissions })));
  provoked('proxmox.groups', await examine(worldWith({ groups: { [BASE]: [] } })));
  provoked('proxmox.realm', await examine(worldWith({ domains: [{ realm: 'pam', type: 'pam' }] })));
  provoked(
    'proxmox.user-cfg',
    await examine(worldWith({ users: people, groups: { [BASE]: people.map(({ userid }) => userid), [ADMINS]: [] } })),
  );
});

test('tells a token that is not taken, and that nothing else was looked at', async () => {
  const checks = await examine(worldWith({ override: () => ({ status: 401, raw: '' }) }));

  expect(provoked('proxmox.token', checks).mend).toContain('PVE_API_TOKEN');
  expect(checks.filter(({ name }) => name !== 'proxmox.token').every(({ state }) => state === 'skipped')).toBe(true);
});

test('tells a Proxmox VE that is too old', async () => {
  const checks = await examine(answering('/version', { version: '7.4-3', release: '7.4' }));

  expect(provoked('proxmox.version', checks).saw).toContain('7.4-3');
});

test('remarks on what the token may do beyond its task', async () => {
  const permissions = {
    ...FULL_RIGHTS,
    '/': { 'Sys.Audit': 1, 'Permissions.Modify': 1 },
    '/access/groups': { 'Sys.Audit': 1, 'User.Modify': 1 },
  };

  const check = provoked('proxmox.beyond', await examine(worldWith({ permissions })), 'remark');

  expect(check.saw).toBe('the API token also holds Permissions.Modify on /, User.Modify on /access/groups');
});

test('goes by the end of the token that Proxmox VE shows', async () => {
  const ending = (seconds: number) => {
    const tokens = [{ tokenid: 'entramox', expire: seconds, privsep: 1 }];
    return examine(answering('/access/users?', [{ userid: 'svc@pve', enable: 1, tokens }]));
  };
  const start = Date.UTC(2026, 10, 22) / 1_000;

  expect(provoked('proxmox.token-expiry', await ending(start + 3 * 86_400)).mend).toMatch(
    /^pveum user token modify svc@pve entramox --expire \d+$/,
  );
  expect(unwell((await ending(start + 20 * 86_400)).filter(({ name }) => name === 'proxmox.token-expiry'))).toEqual({
    'proxmox.token-expiry': 'remark',
  });
});

test('names each option of the realm that gets in the way, with the command that ends it', async () => {
  const realm = { type: 'openid', autocreate: '1', 'groups-claim': 'roles', 'groups-overwrite': 1 };

  const check = provoked('proxmox.realm-options', await examine(answering(`/access/domains/${REALM}`, realm)));

  expect(check.saw).toMatch(/autocreate makes users.*groups-overwrite takes.*groups-claim \(roles\)/);
  expect(check.mend).toBe(
    'pveum realm modify entra --autocreate 0; pveum realm modify entra --groups-overwrite 0; pveum realm modify entra --delete groups-claim',
  );
});

test('reads the options of the realm on the node itself, where the token does not see them', async () => {
  const text =
    'pam: pam\n\tcomment x\n\nopenid: entra\n\tclient-id x\n\tautocreate 1\n\topenid-key secret\n\nopenid: other\n\tgroups-overwrite 1\n';
  const refusing = worldWith({
    override: (call) => (call.path.endsWith(`/access/domains/${REALM}`) ? { status: 403, message: 'no' } : undefined),
  });

  const there = provoked('proxmox.realm-options', await examine(refusing, text));
  const nowhere = provoked('proxmox.realm-options', await examine(refusing), 'remark');

  expect(there.saw).toBe('autocreate makes users at their first login that nobody owns');
  expect(nowhere.mend).toContain('/etc/pve/domains.cfg');
});

test('tells a certificate that is not to be trusted from a node that does not answer', () => {
  const url = new URL('https://pve.example.com:8006/api2/json');

  const other = provoked('proxmox.tls', [
    checkProxmoxTls(url, answered({ distrust: 'ERR_TLS_CERT_ALTNAME_INVALID' }), NOW),
  ]);
  const root = provoked('proxmox.tls', [
    checkProxmoxTls(url, answered({ distrust: 'SELF_SIGNED_CERT_IN_CHAIN' }), NOW),
  ]);
  const silent = provoked('proxmox.tls', [checkProxmoxTls(url, failed(), NOW)], 'unreachable');

  expect(other.mend).toContain('PVE_API_URL');
  expect(root.mend).toContain('PVE_CA_FILE');
  expect(silent.mend).toContain('pveproxy');
  expect(checkProxmoxTls(url, answered(), NOW).state).toBe('fine');
});
