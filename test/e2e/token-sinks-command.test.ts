import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxUnavailable } from '../integration/sandbox/index.js';
import { createPlace } from '../integration/sinks/place.js';
import { PROGRAM } from '../lab/program.js';
import { type ProxmoxSimulator, startProxmoxSimulator } from '../simulators/proxmox/index.js';
import { runTool } from '../simulators/run-tool.js';
import { createTestAuthority } from '../simulators/tls.js';
import { startVaultSimulator, type VaultSimulator } from '../simulators/vault/index.js';

const noSandbox = sandboxUnavailable();

let simulator: ProxmoxSimulator;
let vault: VaultSimulator;
let place: ReturnType<typeof createPlace>;
let roleId: string;
let recipient: string;

beforeAll(async () => {
  const authority = await createTestAuthority();
  simulator = await startProxmoxSimulator({ authority });
  simulator.addUser({ userid: 'admin@pve' });
  simulator.setAcl({ path: '/', type: 'user', ugid: 'admin@pve', roleid: 'Administrator' });
  vault = await startVaultSimulator({ authority });
  recipient = await identityToRecipient(await generateX25519Identity());
  place = createPlace();
  for (const name of ['run', 'log', 'state', 'small']) mkdirSync(place.in(name), { mode: 0o700 });
  const role = vault.logins.addRole({ policy: { 'secret/*': ['create', 'read', 'update'] } });
  roleId = role.roleId;
  writeFileSync(place.in('secret-id'), role.secretId, { mode: 0o600 });
  writeFileSync(place.in('ca.pem'), authority.cert);
  writeFileSync(place.in('admin-token'), simulator.createToken('admin@pve', 'setup', { privsep: false }), {
    mode: 0o600,
  });
  const settings = {
    PVE_API_URL: simulator.url,
    PVE_CA_FILE: place.in('ca.pem'),
    RUN_DIR: place.in('run'),
    LOG_DIR: place.in('log'),
    STATE_DIR: place.in('state'),
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(place.in('entramox.env'), lines.join(''), { mode: 0o600 });
});

afterAll(async () => {
  await Promise.all([simulator?.close(), vault?.close()]);
  place?.remove();
});

/** Writes a declaration with one token, whose secret goes there. */
function declare(name: string, sink: unknown): string {
  const entry = {
    name,
    ugid: 'prov@pve',
    role: 'Prov',
    privsep: 0,
    privileges: ['VM.Audit'],
    paths: ['/pool/lab'],
    sink,
  };
  writeFileSync(place.in(`${name}.json`), JSON.stringify({ token_setup: [entry] }));
  return place.in(`${name}.json`);
}

const program = (...args: string[]) => [
  process.execPath,
  PROGRAM,
  'token',
  ...args,
  '--config',
  place.in('entramox.env'),
];
const asAdmin = () => ['--admin-token-file', place.in('admin-token')];

function run(...args: string[]) {
  const [file = '', ...rest] = program(...args);
  return runTool([file, ...rest]);
}

describe('entramox token with a secret that goes elsewhere', () => {
  it('shows it out of a Vault, and gives up its login', async () => {
    const login = { role_id: roleId, secret_id_file: place.in('secret-id') };
    const file = declare('vaulted', { type: 'vault', address: vault.url, ca_file: place.in('ca.pem'), ...login });

    const applied = await run('apply', file, ...asAdmin());
    const shown = await run('show', 'vaulted', file);

    expect(applied).toMatchObject({ code: 0, stderr: '' });
    const { value } = vault.history('secret', 'entramox/vaulted')?.view()?.data ?? {};
    expect(shown).toMatchObject({ code: 0, stdout: `prov@pve!vaulted=${value}\n` });
    expect(applied.stdout).not.toContain(value);
    expect(vault.logins.openRoleLogins()).toBe(0);
  });

  it('says why it cannot show one that is encrypted for somebody else, and finds nothing to do', async () => {
    const file = declare('sealed', { type: 'age', path: place.in('sealed.age'), recipients: [recipient] });

    const applied = await run('apply', file, ...asAdmin());
    const shown = await run('show', 'sealed', file);
    const listed = await run('list', file, ...asAdmin());

    expect(applied.code).toBe(0);
    expect(shown).toMatchObject({ code: 1, stdout: '' });
    expect(shown.stderr).toMatch(/prov@pve!sealed can be read elsewhere alone: .*encrypted with age/);
    expect(listed).toMatchObject({ code: 0, stdout: expect.stringMatching(/sealed\.age \(age\) {2}as declared/) });
  });

  it.skipIf(noSandbox)(
    `makes no token where the disk is full, and leaves no file${noSandbox ? ` (${noSandbox})` : ''}`,
    async () => {
      const file = declare('full', { type: 'file', path: place.in('small/token') });
      // A disk of one page in a mount namespace of its own, which ends with the program.
      const script =
        'mount -t tmpfs -o size=4k,mode=700 tmpfs "$1" && echo x > "$1/filler" && shift && "$@"; echo "ended $?"; ls -A "$0"';
      const args = ['-c', script, place.in('small'), place.in('small'), ...program('apply', file, ...asAdmin())];

      const { stdout } = await runTool(['/usr/bin/unshare', '--mount', '/bin/sh', ...args]);

      expect(stdout).toMatch(/failed: create the token prov@pve!full .*ENOSPC/);
      expect(stdout).toMatch(/\nended 1\nfiller\n$/);
      expect(simulator.tokens('prov@pve').map(({ tokenid }) => tokenid)).not.toContain('full');
      expect(readdirSync(place.in('small'))).toEqual([]);
    },
  );
});
