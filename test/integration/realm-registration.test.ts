import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bootstrapPaths } from '../../src/commands/parts/bootstrap-paths.js';
import { registrationApply, registrationPlan } from '../../src/commands/realm/registration.js';
import type { RegistrationOptions } from '../../src/commands/realm/registration-options.js';
import { capturedIo } from '../lab/captured-io.js';
import { type EntraSimulator, startEntraSimulator } from '../simulators/entra/index.js';
import { addAdministrator } from '../simulators/proxmox/administrator.js';
import { startProxmoxSimulator } from '../simulators/proxmox/index.js';
import { createTestAuthority, type TestAuthority } from '../simulators/tls.js';

const ORIGINS = ['https://pve1.example.com:8006', 'https://pve2.example.com:8006'];
const MANAGES = ['Application.ReadWrite.OwnedBy', 'AppRoleAssignment.ReadWrite.All'];

let authority: TestAuthority;
let entra: EntraSimulator;
let dir: string;
let admins: string;
let users: string;

beforeAll(async () => {
  authority = await createTestAuthority();
  entra = await startEntraSimulator({ authority });
  admins = entra.directory.addGroup({ displayName: 'Admins' });
  users = entra.directory.addGroup({ displayName: 'Users' });
});

afterAll(async () => {
  await entra?.close();
});

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'entramox-registration-'));
  writeFileSync(join(dir, 'ca.pem'), authority.cert);
  mkdirSync(join(dir, 'credentials'), { mode: 0o700 });
});

afterEach(() => {
  entra.applications.clear();
  entra.faults.clear();
  rmSync(dir, { recursive: true, force: true });
});

const secretFile = () => join(dir, 'credentials', 'realm-client-secret');

function configure(roles: readonly string[], settings: Record<string, string> = {}): { clientId: string } {
  const app = entra.credentials.registerApp(roles);
  writeFileSync(join(dir, 'graph-secret'), app.clientSecret, { mode: 0o600 });
  const all = {
    ENTRA_TENANT_ID: entra.tenantId,
    ENTRA_AUTHORITY: entra.loginUrl,
    GRAPH_BASE_URL: entra.graphUrl,
    ENTRA_CLIENT_ID: app.clientId,
    ENTRA_CLIENT_SECRET_FILE: join(dir, 'graph-secret'),
    ENTRA_GROUP_IDS: `${admins},${users}`,
    CA_FILE: join(dir, 'ca.pem'),
    REALM: 'entra',
    REALM_IDP: 'entra',
    REALM_ORIGINS: ORIGINS.join(','),
    STATE_DIR: join(dir, 'state'),
    LOG_DIR: join(dir, 'log'),
    RUN_DIR: dir,
    ...settings,
  };
  writeFileSync(
    join(dir, 'entramox.env'),
    Object.entries(all)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  );
  return app;
}

async function run(command: typeof registrationPlan, options: RegistrationOptions = {}) {
  const { io, out, err } = capturedIo();
  const all = { config: join(dir, 'entramox.env'), secretFile: secretFile(), json: true, ...options };
  const code = await command(all, io);
  const stored = existsSync(secretFile()) ? readFileSync(secretFile(), 'utf8').trim() : undefined;
  for (const secret of entra.applications.all().flatMap(({ passwords }) => passwords.map((one) => one.secretText))) {
    expect(`${out}${err}`).not.toContain(secret);
  }
  return { code, out: out.join('\n'), err: err.join('\n'), answer: JSON.parse(out[0] ?? '{}'), stored };
}

describe('the registration in Entra ID', () => {
  it('is planned without a write, made, and then as declared', async () => {
    configure(MANAGES);

    const plan = await run(registrationPlan);

    expect(plan.code).toBe(0);
    expect(plan.answer.steps.map(({ step }: { step: string }) => step)).toEqual([
      `register the application "Proxmox VE (entra)" with ${ORIGINS.join(', ')}`,
      'make its service principal, with assignment required',
      `assign the group ${admins}: access`,
      `assign the group ${users}: access`,
    ]);
    expect(entra.applications.all()).toEqual([]);

    const made = await run(registrationApply);

    expect(made).toMatchObject({ code: 0, answer: { changed: true, conflicts: [] } });
    const [app] = entra.applications.all();
    expect(app?.properties).toMatchObject({
      signInAudience: 'AzureADMyOrg',
      tags: ['entramox:realm:entra'],
      web: { redirectUris: ORIGINS },
      groupMembershipClaims: null,
      optionalClaims: { idToken: [{ name: 'upn' }, { name: 'email' }] },
    });
    expect(made.answer.clientId).toBe(app?.appId);
    const [principal] = entra.applications.principals();
    expect(principal?.properties).toMatchObject({ appRoleAssignmentRequired: true });
    expect(principal?.assignments.map(({ principalId }) => principalId).sort()).toEqual([admins, users].sort());

    const again = await run(registrationApply);

    expect(again).toMatchObject({ code: 0, answer: { changed: false, steps: [] } });
    const audit = readFileSync(
      bootstrapPaths({ stateDir: join(dir, 'state'), logDir: join(dir, 'log') }).audit,
      'utf8',
    );
    expect(audit).toMatch(/"action":"app\.create".*"outcome":"done"/);
  });

  it('brings back what was changed by hand, and leaves what others added to it', async () => {
    configure(MANAGES);
    await run(registrationApply);
    const [app] = entra.applications.all();
    if (!app) throw new Error('no application');
    Object.assign(app.properties, {
      web: { redirectUris: [ORIGINS[0], 'https://old.example.com'] },
      signInAudience: 'AzureADMultipleOrgs',
      optionalClaims: { idToken: [{ name: 'auth_time' }], accessToken: [{ name: 'ipaddr' }] },
      tags: ['theirs', 'entramox:realm:entra'],
    });

    const { answer: kept } = await run(registrationPlan);
    const { answer } = await run(registrationApply, { prune: true });

    expect(kept.steps[0].step).not.toContain('-https');
    expect(kept.remarks).toContainEqual(expect.stringMatching(/nobody declared stay: https:\/\/old/));
    expect(answer.steps).toMatchObject([
      {
        result: 'done',
        step: expect.stringMatching(/this tenant alone; redirect URIs \+https:\/\/pve2\S+ -https:\/\/old/),
      },
    ]);
    expect(app.properties).toMatchObject({ web: { redirectUris: ORIGINS }, tags: ['theirs', 'entramox:realm:entra'] });
    expect(app.properties.optionalClaims).toMatchObject({
      idToken: [{ name: 'auth_time' }, { name: 'upn' }, { name: 'email' }],
      accessToken: [{ name: 'ipaddr' }],
    });
  });

  it('tells groups as roles, each to its group, where the realm takes the claim roles', async () => {
    configure(MANAGES, {
      REALM_GROUPS_CLAIM: 'roles',
      ENTRA_ROLE_MAP: JSON.stringify([
        { group: admins, pve_role: 'Administrator', pve_group: 'pve-admins' },
        { group: users, pve_role: 'PVEVMUser', path: '/pool/lab' },
      ]),
    });

    const made = await run(registrationApply);

    expect(made.code).toBe(0);
    const roles = entra.applications.all()[0]?.properties.appRoles as { id: string; value: string }[];
    expect(roles.map(({ value }) => value)).toEqual(['pve-admins', 'PVEVMUser.pool.lab']);
    const assigned = entra.applications.principals()[0]?.assignments;
    expect(assigned?.map(({ principalId, appRoleId }) => [principalId, appRoleId])).toEqual([
      [admins, roles[0]?.id],
      [users, roles[1]?.id],
    ]);
    expect((await run(registrationApply)).answer).toMatchObject({ changed: false });
  });

  it('touches no application that is somebody else’s, by name, by id, or the one that asks Graph', async () => {
    configure(['Application.ReadWrite.All', 'AppRoleAssignment.ReadWrite.All']);
    const foreign = entra.applications.add({ displayName: 'Proxmox VE (entra)', web: { redirectUris: [] } });
    const before = structuredClone(foreign.properties);

    const byName = await run(registrationApply);
    configure(['Application.ReadWrite.All', 'AppRoleAssignment.ReadWrite.All'], { REALM_CLIENT_ID: foreign.appId });
    const byId = await run(registrationApply);
    const own = configure(MANAGES);
    configure(MANAGES, { REALM_CLIENT_ID: own.clientId, ENTRA_CLIENT_ID: own.clientId });
    const ours = await run(registrationPlan, { graphTokenFile: tokenFile(MANAGES) });

    expect(byName).toMatchObject({
      code: 1,
      answer: { conflicts: [{ why: expect.stringMatching(/somebody else's/) }] },
    });
    expect(byId).toMatchObject({
      code: 1,
      answer: { conflicts: [{ why: expect.stringMatching(/not made by Entramox/) }] },
    });
    expect(ours).toMatchObject({ code: 1, answer: { conflicts: [{ why: expect.stringMatching(/that asks Graph/) }] } });
    expect(foreign.properties).toEqual(before);
    expect(entra.applications.all()).toHaveLength(1);

    configure(['Application.ReadWrite.All', 'AppRoleAssignment.ReadWrite.All'], { REALM_CLIENT_ID: foreign.appId });
    const adopted = await run(registrationApply, { adopt: true });

    expect(adopted.code).toBe(0);
    expect(foreign.properties).toMatchObject({ tags: ['entramox:realm:entra'], web: { redirectUris: ORIGINS } });
  });

  it('prints the commands for somebody who may, where this credential may not', async () => {
    configure(['GroupMember.Read.All', 'User.Read.All']);

    const blind = await run(registrationApply);
    configure(['Application.ReadWrite.OwnedBy']);
    const half = await run(registrationApply);

    expect(blind.code).toBe(1);
    expect(blind.answer.remarks[0]).toMatch(/may not see applications/);
    expect(blind.answer.commands[0]).toMatch(
      /^az rest --method POST --url https:\S+\/v1\.0\/applications --headers Content-Type=application\/json --body '\{/,
    );
    expect(half.code).toBe(1);
    expect(half.answer.steps.map(({ result }: { result: string }) => result)).toEqual([
      'done',
      'done',
      'forbidden',
      'forbidden',
    ]);
    const id = entra.applications.principals()[0]?.id;
    expect(half.answer.commands).toHaveLength(2);
    expect(half.answer.commands[0]).toContain(`/servicePrincipals/${id}/appRoleAssignedTo`);
  });

  it('takes a ready token of somebody who may, which no daemon has', async () => {
    configure(['GroupMember.Read.All', 'User.Read.All']);

    const { code, err } = await run(registrationApply, { graphTokenFile: tokenFile(MANAGES) });

    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(entra.applications.all()).toHaveLength(1);
    const ended = tokenFile(MANAGES, -60);
    await expect(run(registrationPlan, { graphTokenFile: ended })).rejects.toThrow(
      /graph-token ended at .*; get a new one/,
    );
  });
});

/** Such as `az account get-access-token` gives. */
function tokenFile(roles: readonly string[], lifetimeSeconds = 3600): string {
  const path = join(dir, 'graph-token');
  writeFileSync(path, entra.credentials.issueToken({ roles, lifetimeSeconds }), { mode: 0o600 });
  return path;
}

describe('a new client secret', () => {
  it('is stored for root alone and shown nowhere, and the old one ends only when that is asked for', async () => {
    configure(MANAGES);

    const first = await run(registrationApply, { newSecret: true });

    expect(first.code).toBe(0);
    const [app] = entra.applications.all();
    expect(first.stored).toBe(app?.passwords[0]?.secretText);
    expect(statSync(secretFile()).mode & 0o777).toBe(0o600);

    const second = await run(registrationApply, { newSecret: true });

    expect(app?.passwords.map(({ secretText }) => secretText)).toEqual([first.stored, second.stored]);
    expect(readFileSync(`${secretFile()}.previous`, 'utf8').trim()).toBe(first.stored);
    expect(second.answer.secretFile).toBe(secretFile());

    const cleared = await run(registrationApply, { removeOldSecrets: true, proxmoxHasIt: true });

    expect(cleared.code).toBe(0);
    expect(app?.passwords.map(({ secretText }) => secretText)).toEqual([second.stored]);
    expect(existsSync(`${secretFile()}.previous`)).toBe(false);
  });

  it('is not asked for where it could not be stored, and no other is removed for a stored one that is not ours', async () => {
    configure(MANAGES);
    await run(registrationApply, { newSecret: true });
    const [app] = entra.applications.all();
    const before = app?.passwords.map(({ keyId }) => keyId);
    chmodSync(join(dir, 'credentials'), 0o777);

    const refused = await run(registrationApply, { newSecret: true });
    chmodSync(join(dir, 'credentials'), 0o700);
    writeFileSync(secretFile(), 'of another application', { mode: 0o600 });
    const kept = await run(registrationApply, { removeOldSecrets: true, proxmoxHasIt: true });

    expect(refused).toMatchObject({
      code: 1,
      answer: { steps: [{ result: 'failed', error: expect.stringMatching(/writable by others/) }] },
    });
    expect(kept.answer.remarks).toContainEqual(expect.stringMatching(/no client secret is removed/));
    expect(app?.passwords.map(({ keyId }) => keyId)).toEqual(before);
  });
});

describe('a run that dies between the answer of Graph and the file', () => {
  it('leaves a valid secret, which the next plan names and another new one does not hide', async () => {
    configure(MANAGES);
    await run(registrationApply);
    const [app] = entra.applications.all();
    entra.applications.addPassword(app?.id ?? '', 'lost-in-between', '2099-01-01T00:00:00Z');
    Object.assign(app?.passwords[0] ?? {}, { displayName: 'entramox realm entra' });
    const named = expect.stringMatching(/^the client secret los… is valid until 2099-01-01 and lies in no file here/);

    const told = await run(registrationPlan);
    const stored = await run(registrationApply, { newSecret: true });
    const after = await run(registrationPlan);
    const both = await run(registrationApply, { newSecret: true, removeOldSecrets: true });

    expect(told).toMatchObject({ code: 0, answer: { steps: [], remarks: expect.arrayContaining([named]) } });
    expect(stored.code).toBe(0);
    expect(after.answer.remarks.filter((text: string) => text.includes('lies in no file'))).toEqual([named]);
    expect(both).toMatchObject({
      code: 2,
      err: expect.stringMatching(/first --new-secret, then "entramox realm apply"/),
    });
    expect(app?.passwords).toHaveLength(2);
  });
});

describe('the old client secrets', () => {
  it('stay until Proxmox has the new one, since nobody could log in without', async () => {
    const proxmox = await startProxmoxSimulator({ authority });
    try {
      const adminTokenFile = join(dir, 'admin-token');
      writeFileSync(adminTokenFile, addAdministrator(proxmox), { mode: 0o600 });
      const pve = { PVE_API_URL: proxmox.url, PVE_CA_FILE: join(dir, 'ca.pem') };
      // As it is in a configuration that was written beforehand.
      configure(MANAGES, { ...pve, REALM_CLIENT_SECRET_FILE: secretFile() });
      const first = await run(registrationApply, { newSecret: true });
      const realmWith = (key = '') =>
        proxmox.addRealm('entra', {
          settings: { 'issuer-url': 'https://x.example', 'client-id': 'x', 'client-key': key },
        });
      realmWith(first.stored);
      const second = await run(registrationApply, { newSecret: true });
      const remove = { removeOldSecrets: true, adminTokenFile };

      const early = await run(registrationApply, remove);
      const unseen = await run(registrationApply, { ...remove, adminTokenFile: join(dir, 'none') });
      realmWith(second.stored);
      const right = await run(registrationApply, remove);

      expect(early).toMatchObject({ code: 1, answer: { conflicts: [{ why: expect.stringMatching(/has another/) }] } });
      expect(unseen).toMatchObject({
        code: 1,
        answer: { conflicts: [{ why: expect.stringMatching(/cannot be seen/) }] },
      });
      expect(right).toMatchObject({ code: 0, answer: { changed: true } });
      expect(entra.applications.all()[0]?.passwords.map(({ secretText }) => secretText)).toEqual([second.stored]);
    } finally {
      await proxmox.close();
    }
  });
});

describe('the registration in Kanidm', () => {
  const recorded = () =>
    readFileSync(join(dir, 'argv'), 'utf8')
      .split('\x1e')
      .filter(Boolean)
      .map((call) => call.split('\x1f').slice(0, -1));

  /** Records its words, each ended by a byte that none has; what `get` shows is what was created before. */
  function stub(first = ''): string {
    const path = join(dir, 'kanidm');
    const argv = join(dir, 'argv');
    writeFileSync(
      path,
      `#!/bin/sh
{ printf '%s\\037' "$@"; printf '\\036'; } >>'${argv}'
${first}
case "$1 $2 $3" in
  'system oauth2 get') if [ -e '${dir}/made.'"$4" ]; then echo "name: $4"; else echo 'No matching entries'; fi ;;
  'system oauth2 create') touch '${dir}/made.'"$4" ;;
  'group get '*) if [ -e '${dir}/made.'"$3" ]; then echo "spn: $3@idm.example.com"; else echo "No matching group '$3'"; fi ;;
  'group create '*) touch '${dir}/made.'"$3" ;;
  'system oauth2 show-basic-secret') echo kanidm-made-secret ;;
esac
exit 0
`,
      { mode: 0o755 },
    );
    return path;
  }

  const SETTINGS = {
    REALM_IDP: 'kanidm',
    REALM: 'kanidm',
    REALM_ISSUER_URL: 'https://idm.example.com',
    REALM_CLIENT_ID: 'proxmox',
    REALM_GROUPS_CLAIM: 'proxmox_role',
  };

  /** What it tells on either stream stands in `told`. */
  async function registered(options: RegistrationOptions, program: string) {
    const { registerInKanidm } = await import('../../src/commands/realm/registration-kanidm.js');
    const { equip } = await import('../../src/commands/settings-of.js');
    const { io, out, err } = capturedIo();
    const all = { config: join(dir, 'entramox.env'), secretFile: secretFile(), ...options };
    const code = await registerInKanidm('apply', all, equip('registration', all, io), io, program);
    return { code, told: [...out, ...err].join('\n') };
  }

  it('runs the commands without a shell, keeps the secret to itself, and makes nothing twice', async () => {
    configure(MANAGES, SETTINGS);
    const program = stub();

    const first = await registered({ runKanidm: true, json: true }, program);
    const calls = recorded();
    const again = await registered({ runKanidm: true, json: true }, program);

    expect([first.code, again.code]).toEqual([0, 0]);
    const common = ['-H', 'https://idm.example.com', '-D', 'idm_admin'];
    expect(calls).toEqual([
      ['system', 'oauth2', 'get', 'proxmox', ...common],
      ['system', 'oauth2', 'create', 'proxmox', 'Proxmox VE', ORIGINS[0], ...common],
      ['system', 'oauth2', 'add-redirect-url', 'proxmox', ORIGINS[0], ...common],
      ['system', 'oauth2', 'add-redirect-url', 'proxmox', ORIGINS[1], ...common],
      ['system', 'oauth2', 'enable-strict-redirect-url', 'proxmox', ...common],
      ['group', 'get', 'proxmox_admins', ...common],
      ['group', 'create', 'proxmox_admins', ...common],
      ['group', 'get', 'proxmox_users', ...common],
      ['group', 'create', 'proxmox_users', ...common],
      ['system', 'oauth2', 'update-scope-map', 'proxmox', 'proxmox_admins', 'openid', 'email', 'profile', ...common],
      ['system', 'oauth2', 'update-scope-map', 'proxmox', 'proxmox_users', 'openid', 'email', 'profile', ...common],
      ['system', 'oauth2', 'update-claim-map-join', 'proxmox', 'proxmox_role', 'array', ...common],
      ['system', 'oauth2', 'update-claim-map', 'proxmox', 'proxmox_role', 'proxmox_admins', 'admin', ...common],
      ['system', 'oauth2', 'update-claim-map', 'proxmox', 'proxmox_role', 'proxmox_users', 'user', ...common],
      ['system', 'oauth2', 'prefer-short-username', 'proxmox', ...common],
      ['system', 'oauth2', 'show-basic-secret', 'proxmox', ...common],
    ]);
    expect(recorded().filter((words) => words.includes('create'))).toHaveLength(3);
    expect(readFileSync(secretFile(), 'utf8')).toBe('kanidm-made-secret\n');
    expect(statSync(secretFile()).mode & 0o777).toBe(0o600);
    expect(first.told + again.told).not.toContain('kanidm-made-secret');
    expect(
      readFileSync(bootstrapPaths({ stateDir: join(dir, 'state'), logDir: join(dir, 'log') }).audit, 'utf8'),
    ).not.toContain('kanidm-made-secret');
  });

  it('stops where kanidm does not know us, and says how to log in', async () => {
    configure(MANAGES, SETTINGS);
    const program = stub("echo 'Session has expired, please login' >&2; exit 1");

    const { code, told } = await registered({ runKanidm: true }, program);

    expect(code).toBe(1);
    expect(told).toMatch(/log in first: kanidm login -H https:\/\/idm\.example\.com -D idm_admin/);
    expect(recorded()).toHaveLength(1);
  });

  it('stops at an error that kanidm tells on standard error alone and ends with 0 after, as most of its errors do', async () => {
    configure(MANAGES, SETTINGS);
    const program = stub(
      `case "$3" in update-scope-map) printf '\\033[31mERROR\\033[0m HTTP Error: 403 Forbidden\\n' >&2; exit 0 ;; esac`,
    );

    const ran = await registered({ runKanidm: true }, program);
    const { answer } = await run(registrationPlan);
    writeFileSync(join(dir, 'register.sh'), answer.script);
    const { spawnSync } = await import('node:child_process');
    const bash = spawnSync('/bin/bash', [join(dir, 'register.sh')], { env: { PATH: `${dir}:/usr/bin:/bin` } });

    expect(ran.code).toBe(1);
    expect(ran.told).toMatch(/update-scope-map proxmox proxmox_admins .* failed: .*403 Forbidden/);
    expect(bash.status).toBe(1);
    expect(bash.stderr.toString()).toContain('403 Forbidden');
    expect(recorded().flat()).not.toContain('show-basic-secret');
    expect(existsSync(secretFile())).toBe(false);
  });

  it('prints a script that does the same, and again without harm', async () => {
    configure(MANAGES, SETTINGS);
    stub();

    const { code, answer } = await run(registrationPlan);
    const script = join(dir, 'register.sh');
    writeFileSync(script, answer.script);
    const { execFileSync } = await import('node:child_process');
    const env = { PATH: `${dir}:/usr/bin:/bin` };
    execFileSync('/bin/bash', [script], { env, stdio: 'pipe' });
    const printed = execFileSync('/bin/bash', [script], { env, stdio: 'pipe' }).toString();

    expect(code).toBe(0);
    expect(recorded().filter((words) => words.includes('create'))).toHaveLength(3);
    expect(readFileSync(secretFile(), 'utf8')).toBe('kanidm-made-secret\n');
    expect(statSync(secretFile()).mode & 0o777).toBe(0o600);
    expect(printed).not.toContain('kanidm-made-secret');
  });
});
