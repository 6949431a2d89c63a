import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runProgram } from '../lab/program.js';
import { type ProxmoxSimulator, startProxmoxSimulator } from '../simulators/proxmox/index.js';
import { createTestAuthority } from '../simulators/tls.js';

let simulator: ProxmoxSimulator;
let dir: string;
let adminToken: string;

beforeAll(async () => {
  const authority = await createTestAuthority();
  simulator = await startProxmoxSimulator({ authority });
  simulator.addUser({ userid: 'admin@pve' });
  simulator.setAcl({ path: '/', type: 'user', ugid: 'admin@pve', roleid: 'Administrator' });
  adminToken = simulator.createToken('admin@pve', 'setup', { privsep: false });
  dir = mkdtempSync(join(tmpdir(), 'entramox-token-command-'));
  writeFileSync(join(dir, 'ca.pem'), authority.cert);
  writeFileSync(join(dir, 'admin-token'), adminToken, { mode: 0o600 });
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
