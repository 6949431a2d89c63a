import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runProgram } from '../lab/program.js';
import { addAdministrator } from '../simulators/proxmox/administrator.js';
import { type ProxmoxSimulator, startProxmoxSimulator } from '../simulators/proxmox/index.js';
import { createTestAuthority } from '../simulators/tls.js';

let simulator: ProxmoxSimulator;
let dir: string;
let adminToken: string;

const PASSWORD = 'correct; horse';

beforeAll(async () => {
  const authority = await createTestAuthority();
  simulator = await startProxmoxSimulator({ authority });
  adminToken = addAdministrator(simulator, { password: PASSWORD });
  dir = mkdtempSync(join(tmpdir(), 'entramox-token-command-'));
  writeFileSync(join(dir, 'ca.pem'), authority.cert);
  writeFileSync(join(dir, 'admin-token'), adminToken, { mode: 0o600 });
  writeFileSync(join(dir, 'admin-password'), PASSWORD, { mode: 0o600 });
  writeFileSync(
    join(dir, 'token_setup.json'),
    JSON.stringify({
      token_setup: [
        {
          name: 'ansible',
          ugid: 'ansible-prov@pve',
          role: 'AnsibleProv',
          comment: 'Ansible token',
          expire: 0,
          privsep: 0,
          privileges: ['VM.PowerMgmt', 'VM.Audit'],
          sink: { type: 'file', path: join(dir, '.ansible_token') },
        },
      ],
    }),
  );
});

afterAll(async () => {
  await simulator?.close();
  if (dir) rmSync(dir, { recursive: true, force: true });
});

const environment = () => ({
  PATH: process.env.PATH,
  PVE_API_URL: simulator.url,
  PVE_CA_FILE: join(dir, 'ca.pem'),
  RUN_DIR: dir,
  STATE_DIR: join(dir, 'state'),
  LOG_DIR: join(dir, 'log'),
});

function token(verb: 'plan' | 'apply' | 'list', ...args: string[]) {
  const all = ['token', verb, join(dir, 'token_setup.json'), '--admin-token-file', join(dir, 'admin-token'), ...args];
  return runProgram(all, environment());
}

describe('entramox token', () => {
  it('plans without writing, applies, and has nothing left to do', async () => {
    const plan = await token('plan');

    expect(plan.code).toBe(0);
    expect(plan.stdout).toMatch(/would: create the role AnsibleProv: VM\.Audit VM\.PowerMgmt/);
    expect(simulator.writes).toBe(0);

    const applied = await token('apply', '--json');

    expect(applied).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(applied.stdout)).toMatchObject({ changed: true, conflicts: [], wrongRights: [] });
    const { value } = JSON.parse(readFileSync(join(dir, '.ansible_token'), 'utf8'));
    expect(applied.stdout).not.toContain(value);

    const again = await token('apply', '--json');

    expect(JSON.parse(again.stdout)).toMatchObject({ changed: false, steps: [] });
    expect(again.code).toBe(0);
  });

  it('lists what is declared and what differs, and shows a secret to whoever asks for just that', async () => {
    const fine = await token('list');
    simulator.addRole('AnsibleProv', ['VM.Audit']);

    const differing = await token('list', '--json');
    const shown = await runProgram(['token', 'show', 'ansible', join(dir, 'token_setup.json')], environment());

    expect(fine).toMatchObject({ code: 0, stdout: expect.stringMatching(/ansible-prov@pve!ansible .* as declared/) });
    expect(differing.code).toBe(1);
    expect(JSON.parse(differing.stdout).tokens).toMatchObject([
      { token: 'ansible-prov@pve!ansible', drift: ['would change the role AnsibleProv: +VM.PowerMgmt'] },
    ]);
    const { value } = JSON.parse(readFileSync(join(dir, '.ansible_token'), 'utf8'));
    expect(shown).toMatchObject({ code: 0, stdout: `ansible-prov@pve!ansible=${value}\n` });
    expect(fine.stdout + differing.stdout).not.toContain(value);
    expect((await token('apply')).code).toBe(0);
  });

  it('takes an administrator who has a password instead, and names the ways where one does not fit', async () => {
    const password = ['--admin-user', 'admin@pve', '--admin-password-file', join(dir, 'admin-password')];
    const list = (...way: string[]) =>
      runProgram(['token', 'list', join(dir, 'token_setup.json'), ...way], environment());

    const [loggedIn, noNode, twoWays] = await Promise.all([
      list(...password),
      list('--pvesh'),
      list(...password, '--pvesh'),
    ]);

    expect(loggedIn).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/ansible-prov@pve!ansible .* as declared/),
    });
    expect(noNode.code).not.toBe(0);
    expect(noNode.stderr).toMatch(/pvesh.*(?:root alone|node of Proxmox VE alone)/);
    expect(twoWays.code).not.toBe(0);
    expect(twoWays.stderr).toContain('--admin-user and --pvesh cannot be used together');
  });

  it('shows neither the secret of a token nor that of the administrator, however much it logs', async () => {
    const { value } = JSON.parse(readFileSync(join(dir, '.ansible_token'), 'utf8'));
    const secret = adminToken.slice(adminToken.indexOf('=') + 1);
    simulator.removeToken('admin@pve', 'setup');

    const refused = await token('apply');

    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain(join(dir, 'admin-token'));
    for (const text of [refused.stdout, refused.stderr]) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain(value);
    }
    writeFileSync(join(dir, 'admin-token'), simulator.createToken('admin@pve', 'setup', { privsep: false }));
  });

  it('lets one of two runs at once do the work, and leaves one token with its secret', async () => {
    simulator.removeUser('ansible-prov@pve');
    rmSync(join(dir, '.ansible_token'));

    const runs = await Promise.all([token('apply'), token('apply')]);

    expect(runs.some(({ code }) => code === 0)).toBe(true);
    const { code, stdout } = await token('apply', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ changed: false, wrongRights: [] });
    expect(simulator.tokens('ansible-prov@pve')).toHaveLength(1);
    expect(readdirSync(dir).filter((name) => name.startsWith('..ansible_token'))).toEqual([]);
  });

  it('rotates, shows the new secret, ends the old token, and keeps it all in a log that holds no secret', async () => {
    const file = join(dir, 'token_setup.json');
    const admin = ['--admin-token-file', join(dir, 'admin-token')];
    const stored = () => JSON.parse(readFileSync(join(dir, '.ansible_token'), 'utf8'));
    const former = stored();

    const rotated = await runProgram(['token', 'rotate', 'ansible', file, ...admin, '--json'], environment());
    const again = await runProgram(['token', 'rotate', 'ansible', file, ...admin], environment());
    const shown = await runProgram(['token', 'show', 'ansible', file], environment());
    const listed = await token('list', '--json');
    const asked = await runProgram(['token', 'revoke', 'ansible-prov@pve!ansible', file, ...admin], environment());
    const before = simulator.tokens('ansible-prov@pve').length;
    const revoked = await runProgram(
      ['token', 'revoke', 'ansible-prov@pve!ansible', file, ...admin, '--yes'],
      environment(),
    );
    const due = await runProgram(['token', 'rotate', '--due', file, ...admin], environment());
    const verified = await runProgram(['audit', 'verify', '--json'], environment());

    const now = stored();
    expect(rotated).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(rotated.stdout)).toMatchObject({
      changed: true,
      tokens: [{ current: 'ansible-prov@pve!ansible-2' }],
    });
    expect(again).toMatchObject({ code: 0, stdout: expect.stringMatching(/nothing to do: is rotated already/) });
    expect(shown.stdout).toBe(`ansible-prov@pve!ansible-2=${now.value}\n`);
    expect(now.value).not.toBe(former.value);
    expect(JSON.parse(listed.stdout).tokens).toMatchObject([
      {
        current: 'ansible-prov@pve!ansible-2',
        former: [{ token: 'ansible-prov@pve!ansible' }],
        drift: [],
        secret: 'valid',
      },
    ]);
    expect(asked).toMatchObject({ code: 0, stdout: expect.stringMatching(/would revoke .*!ansible; --yes does it/) });
    expect(before).toBe(2);
    expect(revoked).toMatchObject({ code: 0 });
    expect(due).toMatchObject({ code: 0, stdout: expect.stringMatching(/nothing to do: is never rotated by itself/) });
    expect(simulator.tokens('ansible-prov@pve').map(({ tokenid }) => tokenid)).toEqual(['ansible-2']);
    expect(JSON.parse(verified.stdout)).toMatchObject({ ok: true, bootstrap: { findings: [] } });
    const log = readFileSync(join(dir, 'log-bootstrap', 'audit.ndjson'), 'utf8');
    expect(log).toMatch(/"action":"token.create".*"name":"ansible-prov@pve!ansible-2"/);
    const administrator = readFileSync(join(dir, 'admin-token'), 'utf8').split('=')[1] ?? 'none';
    const outputs = [rotated, again, listed, asked, revoked, due, verified].map(
      ({ stdout, stderr }) => stdout + stderr,
    );
    for (const secret of [former.value, now.value, administrator.trim()]) {
      for (const text of [log, ...outputs]) expect(text).not.toContain(secret);
    }
  });

  it.each([[['rotate']], [['rotate', '--due', '--immediate']], [['rotate', 'nobody']]])(
    'says how it is used where %j names no token',
    async (args) => {
      const file = args.at(-1) === 'nobody' ? [join(dir, 'token_setup.json')] : [];
      const all = ['token', ...args, ...file, '--admin-token-file', join(dir, 'admin-token')];

      expect((await runProgram(all, environment())).code).toBe(2);
    },
  );

  it('names every mistake of the declaration and asks Proxmox nothing', async () => {
    const path = join(dir, 'token_setup.json');
    const good = readFileSync(path, 'utf8');
    writeFileSync(path, good.replace('"ansible"', '"../ansible"').replace('"VM.Audit"', '"VM.Audit; reboot"'));
    simulator.resetCounters();

    const { code, stderr } = await token('apply');

    writeFileSync(path, good);
    expect(code).toBe(2);
    expect(stderr).toMatch(/token_setup\[0\]\.name: expected a token id/);
    expect(stderr).toMatch(/token_setup\[0\]\.privileges\[1\]: expected a privilege/);
    expect(simulator.calls()).toEqual([]);
  });
});
