import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runProgram } from '../lab/program.js';
import { type PbsSimulator, startPbsSimulator } from '../simulators/pbs/index.js';
import { createTestAuthority } from '../simulators/tls.js';

const TENANT = '11111111-2222-4333-8444-555555555555';

let simulator: PbsSimulator;
let dir: string;

beforeAll(async () => {
  const authority = await createTestAuthority();
  simulator = await startPbsSimulator({ authority });
  simulator.state.users.set('admin@pbs', {});
  const admin = simulator.createToken('admin@pbs', 'setup');
  for (const authId of ['admin@pbs', 'admin@pbs!setup']) {
    simulator.grant({ path: '/', authId, role: 'Admin', propagate: true });
  }
  dir = mkdtempSync(join(tmpdir(), 'entramox-pbs-command-'));
  writeFileSync(join(dir, 'ca.pem'), authority.cert);
  writeFileSync(join(dir, 'admin-token'), admin, { mode: 0o600 });
  writeFileSync(join(dir, 'realm-key'), 'the~client~secret~of~the~application', { mode: 0o600 });
  const sink = { type: 'file', path: join(dir, '.nightly_token') };
  const entry = { name: 'nightly', ugid: 'backup@pbs', role: 'DatastoreBackup', paths: ['/datastore/main'], sink };
  writeFileSync(join(dir, 'pbs.json'), JSON.stringify({ token_setup: [entry] }));
});

afterAll(async () => {
  await simulator?.close();
  if (dir) rmSync(dir, { recursive: true, force: true });
});

function entramox(...args: string[]) {
  const way = ['--pbs', simulator.url, '--pbs-ca-file', join(dir, 'ca.pem')];
  const environment = {
    PATH: process.env.PATH,
    RUN_DIR: join(dir, 'run'),
    STATE_DIR: join(dir, 'state'),
    LOG_DIR: join(dir, 'log'),
    REALM: 'entra',
    ENTRA_TENANT_ID: TENANT,
    REALM_CLIENT_ID: '99999999-2222-4333-8444-555555555555',
    REALM_CLIENT_SECRET_FILE: join(dir, 'realm-key'),
  };
  return runProgram([...args, ...way], environment);
}

const admin = () => ['--admin-token-file', join(dir, 'admin-token')];

describe('entramox with a Proxmox Backup Server', () => {
  it('makes tokens there, shows them, and records what it was done to', async () => {
    const applied = await entramox('token', 'apply', join(dir, 'pbs.json'), '--json', ...admin());
    const shown = await entramox('token', 'show', 'nightly', join(dir, 'pbs.json'));

    expect(applied, applied.stderr).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(applied.stdout)).toMatchObject({ changed: true, conflicts: [], wrongRights: [] });
    const secret = simulator.state.tokens.get('backup@pbs!nightly')?.secret ?? '';
    expect(shown).toMatchObject({ code: 0, stdout: `backup@pbs!nightly=${secret}\n` });
    const audit = readFileSync(join(dir, 'log-bootstrap', 'audit.ndjson'), 'utf8');
    expect(audit).toMatch(/"action":"token\.create","target":"pbs"/);
    expect(audit + applied.stdout).not.toContain(secret);
  });

  it('makes the realm there, and has nothing left to do', async () => {
    const applied = await entramox('realm', 'apply', '--idp', 'entra', ...admin());
    const again = await entramox('realm', 'plan', '--idp', 'entra', '--json', ...admin());

    expect(applied, applied.stderr).toMatchObject({ code: 0 });
    expect(applied.stdout).toMatch(/done: create the realm entra/);
    expect(JSON.parse(again.stdout)).toMatchObject({ changed: false, steps: [], conflicts: [] });
  });

  it('takes no other way there than an API token', async () => {
    const refused = await entramox('token', 'plan', join(dir, 'pbs.json'), '--admin-user', 'root@pam');

    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/Proxmox Backup Server is reached with an API token alone/);
  });
});
