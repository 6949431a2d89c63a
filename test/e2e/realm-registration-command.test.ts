import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runProgram } from '../lab/program.js';

let dir: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'entramox-registration-command-'));
});

afterAll(() => {
  if (dir) rmSync(dir, { recursive: true, force: true });
});

const environment = () => ({
  PATH: process.env.PATH,
  REALM: 'kanidm',
  REALM_ISSUER_URL: 'https://idm.example.com',
  REALM_CLIENT_ID: 'proxmox',
  REALM_ORIGINS: 'https://pve1.example.com:8006',
  STATE_DIR: join(dir, 'state'),
  LOG_DIR: join(dir, 'log'),
  RUN_DIR: dir,
});

const register = (...args: string[]) => runProgram(['realm', 'registration', ...args], environment());

describe('entramox realm registration', () => {
  it('takes roles and members as they are typed, and prints a script where nothing is to be run', async () => {
    const options = ['--role', 'admin=cluster_admins', '--role', 'user=staff', '--member', 'alice=staff', '--spn'];

    const { code, stdout, stderr } = await register('apply', '--idp', 'kanidm', ...options);

    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^#!\/bin\/bash\n/);
    expect(stdout).toContain('group add-members staff alice -H https://idm.example.com -D idm_admin\n');
    expect(stdout).toContain('update-scope-map proxmox cluster_admins openid email profile ');
    expect(stdout).not.toContain('prefer-short-username');
    expect(stderr).toMatch(/nothing was run; --run-kanidm does it/);
  });

  it.each([
    ['a role without a group', ['plan', '--idp', 'kanidm', '--role', 'admin']],
    ['a provider of which nothing is known', ['plan', '--idp', 'generic']],
  ])('ends as wrong usage for %s', async (_, args) => {
    const { code, stdout, stderr } = await register(...args);

    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).not.toBe('');
  });
});
