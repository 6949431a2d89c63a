import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runProgram } from '../lab/program.js';
import { addAdministrator } from '../simulators/proxmox/administrator.js';
import { type ProxmoxSimulator, startProxmoxSimulator } from '../simulators/proxmox/index.js';
import { createTestAuthority } from '../simulators/tls.js';

const TENANT = 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee';
const CLIENT = '77777777-8888-4999-8aaa-bbbbbbbbbbbb';
const KEY = 'the client key, which nobody sees';
const OLD_KEY = 'the-old-client-key-which-nobody-sees';

let simulator: ProxmoxSimulator;
let dir: string;
let adminSecret: string;

beforeAll(async () => {
  const authority = await createTestAuthority();
  simulator = await startProxmoxSimulator({ authority });
  const token = addAdministrator(simulator);
  adminSecret = token.slice(token.indexOf('=') + 1);
  dir = mkdtempSync(join(tmpdir(), 'entramox-realm-command-'));
  writeFileSync(join(dir, 'ca.pem'), authority.cert);
  writeFileSync(join(dir, 'admin-token'), token, { mode: 0o600 });
  writeFileSync(join(dir, 'client-secret'), `${KEY}\n`, { mode: 0o600 });
});

beforeEach(() => simulator.resetCounters());

afterAll(async () => {
  await simulator?.close();
  if (dir) rmSync(dir, { recursive: true, force: true });
});

function realm(verb: 'plan' | 'apply', args: readonly string[] = [], settings: Readonly<Record<string, string>> = {}) {
  return runProgram(['realm', verb, '--admin-token-file', join(dir, 'admin-token'), ...args], {
    PATH: process.env.PATH,
    PVE_API_URL: simulator.url,
    PVE_CA_FILE: join(dir, 'ca.pem'),
    RUN_DIR: join(dir, 'run'),
    STATE_DIR: join(dir, 'state'),
    LOG_DIR: join(dir, 'log'),
    LOG_LEVEL: 'trace',
    REALM: 'entra',
    ENTRA_TENANT_ID: TENANT,
    REALM_CLIENT_ID: CLIENT,
    REALM_CLIENT_SECRET_FILE: join(dir, 'client-secret'),
    REALM_ORIGINS: 'https://pve1.example.com:8006',
    ...settings,
  });
}

const auditText = () => readFileSync(join(dir, 'log-bootstrap', 'audit.ndjson'), 'utf8');

function expectNoSecret(...texts: string[]): void {
  for (const text of texts) for (const secret of [KEY, OLD_KEY, adminSecret]) expect(text).not.toContain(secret);
}

describe('entramox realm', () => {
  it('plans without writing, applies, has nothing left to do, and finds what somebody changed', async () => {
    const plan = await realm('plan', ['--idp', 'entra']);

    expect(plan.code).toBe(0);
    expect(plan.stdout).toContain(
      `would: create the realm entra: issuer-url "https://login.microsoftonline.com/${TENANT}/v2.0"`,
    );
    expect(plan.stdout).toContain('\n  https://pve1.example.com:8006\n');
    expect(plan.stderr).toMatch(/Proxmox shows the client secret to everybody .*admin@pve \(Administrator on \/\)/);
    expect(simulator.realm('entra')).toBeUndefined();

    const applied = await realm('apply', ['--idp', 'entra', '--json']);

    expect(applied.code).toBe(0);
    expect(JSON.parse(applied.stdout)).toMatchObject({ changed: true, steps: [{ result: 'done' }], conflicts: [] });
    expect(simulator.realm('entra')?.settings).toMatchObject({ 'client-id': CLIENT, 'client-key': KEY, autocreate: 0 });

    const again = await realm('apply', ['--json'], { REALM_IDP: 'entra' });

    expect(again.code).toBe(0);
    expect(JSON.parse(again.stdout)).toMatchObject({ changed: false, steps: [] });

    const settings = { ...simulator.realm('entra')?.settings, 'client-key': OLD_KEY, autocreate: 1 };
    simulator.addRealm('entra', { settings });
    const differing = await realm('plan', ['--idp', 'entra']);
    const asJson = await realm('plan', ['--idp', 'entra', '--json']);
    const mended = await realm('apply', ['--idp', 'entra']);

    expect(differing.stdout).toContain('would: change the realm entra: autocreate "1" -> "0"; client-key differs\n');
    expect(JSON.parse(asJson.stdout)).toMatchObject({
      changed: false,
      changes: [
        { field: 'autocreate', is: '1', shall: '0' },
        { field: 'client-key', is: 'another', shall: 'as declared' },
      ],
    });
    expect(mended.code).toBe(0);
    expect(simulator.realm('entra')?.settings).toMatchObject({ 'client-key': KEY, autocreate: 0 });
    const runs = [plan, applied, again, differing, asJson, mended];
    expectNoSecret(...runs.flatMap(({ stdout, stderr }) => [stdout, stderr]), auditText());
    const told = auditText()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const ours = told.filter(({ action }) => String(action).startsWith('realm.'));
    expect(ours.map(({ action, name, outcome }) => [action, name, outcome])).toEqual([
      ['realm.create', 'entra', 'begun'],
      ['realm.create', 'entra', 'done'],
      ['realm.change', 'entra', 'begun'],
      ['realm.change', 'entra', 'done'],
    ]);
  });

  it('hands no realm over to another provider, and removes nothing that was not declared, unless it is told to', async () => {
    const settings = { 'issuer-url': 'https://idm.example.com', 'client-id': 'x', prompt: 'login' };
    simulator.addRealm('theirs', { settings: { ...settings, 'username-claim': 'username' } });
    const theirs = { REALM: 'theirs' };

    const refused = await realm('apply', ['--idp', 'entra'], theirs);
    const meant = await realm('plan', ['--idp', 'entra', '--allow-new-issuer', '--prune'], theirs);

    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/^refused: the realm theirs belongs to the issuer https:\/\/idm\.example\.com,/m);
    expect(refused.stderr).toMatch(/not declared: prompt "login"; --prune removes them/);
    expect(simulator.realm('theirs')?.settings).toMatchObject(settings);
    expect(meant.code).toBe(0);
    expect(meant.stdout).toMatch(/^would: change the realm theirs: issuer-url .*prompt "login" -> \(not set\)/m);
  });

  it('refuses what would fight the reconciler, and writes nothing then', async () => {
    const fighting = { REALM_GROUPS_CLAIM: 'roles', REALM_GROUPS_OVERWRITE: 'true' };
    const before = simulator.realm('entra');

    const refused = await realm('apply', ['--idp', 'entra'], fighting);

    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/refused: with groups-overwrite Proxmox takes everybody.*--allow-groups-overwrite/);
    expect(simulator.realm('entra')).toEqual(before);

    const dry = await realm('apply', ['--idp', 'entra'], { DRY_RUN: 'true', REALM_AUTOCREATE: 'yes' });

    expect(dry.stderr).toContain('DRY_RUN is on: nothing is written');
    expect(dry.stdout).toContain('would: change the realm entra: autocreate "0" -> "1"\n');
    expect(simulator.realm('entra')).toEqual(before);

    const allowed = await realm('plan', ['--idp', 'entra', '--allow-groups-overwrite'], fighting);

    expect(allowed.code).toBe(0);
    expect(allowed.stdout).toContain('groups-overwrite (not set) -> "1"');
  });

  it('names every mistake at once and asks Proxmox nothing', async () => {
    const wrong = {
      REALM: '../entra',
      REALM_CLIENT_ID: 'two words',
      REALM_ISSUER_URL: 'http://idm.example.com',
      REALM_ORIGINS: 'https://pve1.example.com:8006/pve',
    };

    const malformed = await realm('apply', ['--idp', 'kanidm'], wrong);
    const unfit = await realm('apply', ['--idp', 'entra'], {
      REALM_ISSUER_URL: 'https://login.microsoftonline.com/common/v2.0',
      REALM_GROUPS_CLAIM: 'pve groups',
      REALM_SCOPES: 'email',
    });
    const silent = await realm('plan');

    expect([malformed.code, unfit.code, silent.code]).toEqual([2, 2, 2]);
    for (const name of Object.keys(wrong)) expect(malformed.stderr).toContain(name);
    expect(unfit.stderr).toMatch(/REALM_ISSUER_URL: common is no tenant/);
    expect(unfit.stderr).toMatch(/REALM_GROUPS_CLAIM: Proxmox takes letters/);
    expect(silent.stderr).toMatch(/--idp entra, kanidm or generic, or REALM_IDP/);
    expect(simulator.calls()).toEqual([]);
  });

  it('takes one of two runs at once after the other, and leaves one realm as declared', async () => {
    simulator.removeRealm('entra');

    const runs = await Promise.all([realm('apply', ['--idp', 'entra']), realm('apply', ['--idp', 'entra'])]);

    expect(runs.some(({ code }) => code === 0)).toBe(true);
    const { code, stdout } = await realm('apply', ['--idp', 'entra', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ changed: false, steps: [] });
    expect(simulator.realm('entra')?.settings['client-key']).toBe(KEY);
  });
});
