import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collect, type ExecResult } from '../integration/sandbox/collect.js';
import { createSandbox, type Sandbox, sandboxUnavailable } from '../integration/sandbox/index.js';
import { PROGRAM } from '../lab/program.js';
import { type ProxmoxSimulator, startProxmoxSimulator } from '../simulators/proxmox/index.js';
import { installPvesh, type Pvesh } from '../simulators/proxmox/pvesh.js';
import { createTestAuthority } from '../simulators/tls.js';

const unavailable = sandboxUnavailable();

const DECLARATION = {
  token_setup: [
    {
      name: 'ansible',
      ugid: 'ansible-prov@pve',
      role: 'AnsibleProv',
      comment: '--expire=1; $(id) "Ansible" token',
      expire: 0,
      privsep: 1,
      privileges: ['VM.PowerMgmt', 'VM.Audit'],
      paths: ['/pool/lab'],
    },
  ],
};

describe.skipIf(unavailable)(`entramox token on a node (${unavailable ?? 'in a private root'})`, () => {
  let node: ProxmoxSimulator;
  let pvesh: Pvesh;
  let host: Sandbox;
  let dir: string;

  beforeAll(async () => {
    const authority = await createTestAuthority();
    node = await startProxmoxSimulator({ authority });
    dir = mkdtempSync(join(tmpdir(), 'entramox-node-'));
    pvesh = await installPvesh({ node, authority, dir });
    host = await createSandbox({ binds: [dir] });
    await place('/usr/bin/pvesh', readFileSync(pvesh.command, 'utf8'), '0755');
    await place('/etc/pve/pve-root-ca.pem', authority.cert, '0640');
    await place('/etc/entramox/token_setup.json', JSON.stringify(DECLARATION), '0644');
  });

  afterAll(async () => {
    await host?.destroy();
    await pvesh?.close();
    await node?.close();
    if (dir) rmSync(dir, { recursive: true, force: true });
  });

  async function place(path: string, text: string, mode: string): Promise<void> {
    const script = 'install -D -m "$1" /dev/null "$2" && cat > "$2"';
    const made = await host.exec(['sh', '-c', script, 'sh', mode, path], { input: text });
    expect(made).toMatchObject({ code: 0 });
  }

  /** As root on the node, whose network is the one in which the node's own API listens. */
  function entramox(...args: string[]): Promise<ExecResult> {
    const environment = { PVE_API_URL: `https://127.0.0.1:${node.port}` };
    const command = host.command([process.execPath, PROGRAM, ...args], environment);
    return collect(
      command.filter((word, index) => word !== '-n' || index > command.indexOf('-n')),
      { timeoutMs: 120_000 },
    );
  }

  it('needs no credential: it plans, applies, proves, lists and shows as root through /usr/bin/pvesh', async () => {
    const plan = await entramox('token', 'plan', '--pvesh');
    const writes = node.writes;
    const applied = await entramox('token', 'apply', '--pvesh', '--json');
    const [list, shown] = await Promise.all([
      entramox('token', 'list', '--pvesh'),
      entramox('token', 'show', 'ansible'),
    ]);

    expect(plan).toMatchObject({ code: 0, stdout: expect.stringContaining('would: create the role AnsibleProv') });
    expect(writes).toBe(0);
    expect(applied).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(applied.stdout)).toMatchObject({ changed: true, conflicts: [], wrongRights: [] });
    expect(list).toMatchObject({ code: 0, stdout: expect.stringMatching(/ansible-prov@pve!ansible .* as declared/) });
    const secret = /^ansible-prov@pve!ansible=([0-9a-f-]{36})\n$/.exec(shown.stdout)?.[1] ?? 'none';
    expect(node.tokens('ansible-prov@pve')).toMatchObject([{ tokenid: 'ansible', expire: 0, privsep: true }]);
    // The administrator's calls went through pvesh and the proof over HTTPS, with the token.
    const callers = new Set(node.calls().map(({ authid }) => authid));
    expect([...callers].sort()).toEqual(['ansible-prov@pve!ansible', 'root@pam']);
    expect(secret).toHaveLength(36);
    expect(JSON.stringify(pvesh.runs())).not.toContain(secret);
    expect(plan.stdout + applied.stdout + list.stdout).not.toContain(secret);
  });

  it('does not start a pvesh that somebody else than root could have written', async () => {
    await host.exec(['chmod', 'o+w', '/usr/bin/pvesh']);
    const runs = pvesh.runs().length;

    const refused = await entramox('token', 'list', '--pvesh');
    await host.exec(['chmod', 'o-w', '/usr/bin/pvesh']);

    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toMatch(/\/usr\/bin\/pvesh is not run, since others may write .*chmod go-w/);
    expect(pvesh.runs()).toHaveLength(runs);
  });
});
