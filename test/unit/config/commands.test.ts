import { describe, expect, it } from 'vitest';
import { configCheck, configExample, configPolicy, configShow } from '../../../src/commands/config.js';
import { GROUP, SECRET, workingEnv } from './fixture.js';

function recorder() {
  const written = { out: '', err: '' };
  const io = {
    stdout: { write: (text: string) => (written.out += text) },
    stderr: { write: (text: string) => (written.err += text) },
  };
  return { io, written };
}

describe('config check', () => {
  it('says OK after its remarks', async () => {
    const { io, written } = recorder();

    const code = await configCheck({ env: workingEnv({ ENTR_TENANT_ID: workingEnv().ENTRA_TENANT_ID }) }, io);

    expect(code).toBe(0);
    expect(written.out).toBe('note: ENTR_TENANT_ID is an old name: use ENTRA_TENANT_ID.\nOK\n');
  });

  it('prints every problem on stderr and answers 2', async () => {
    const { io, written } = recorder();

    const code = await configCheck({ env: workingEnv({ LISTEN_PORT: 'x', DELETE_AFTER: 'y' }) }, io);

    expect(code).toBe(2);
    expect(written.out).toBe('');
    expect(written.err).toContain('2 problems in the configuration');
    expect(written.err).toMatch(/LISTEN_PORT: x[\s\S]*DELETE_AFTER: y/);
  });

  it('prints one JSON object with --json', async () => {
    const { io, written } = recorder();

    const code = await configCheck({ env: workingEnv({ LISTEN_PORT: 'x' }), json: true }, io);

    expect(code).toBe(2);
    expect(JSON.parse(written.out)).toMatchObject({ ok: false, problems: [{ key: 'LISTEN_PORT', value: 'x' }] });
  });

  it('checks for one command where it is asked to', async () => {
    const { io } = recorder();
    const env = workingEnv({ PUBLIC_URL: undefined });

    const codes = [await configCheck({ env, for: 'listen' }, io), await configCheck({ env, for: 'reconcile' }, io)];

    expect(codes).toEqual([2, 0]);
  });
});

describe('config show', () => {
  it('prints every setting with its origin and no secret', async () => {
    const { io, written } = recorder();

    const code = await configShow({ env: workingEnv() }, io);

    expect(code).toBe(0);
    expect(written.out).toContain('ENTRA_CLIENT_SECRET=[redacted]  # environment\n');
    expect(written.out).toContain('LISTEN_PORT=8787  # default\n');
    expect(written.out).toContain('EXTRA_GROUPS=  # default\n');
    expect(written.out).toContain('TARGETS=linux  # from ACCOUNTS_SOCKET, PVE_API_TOKEN and LAKEFS_ENDPOINT\n');
    expect(written.out).toContain('GRAPH_BASE_URL=https://graph.microsoft.com  # from ENTRA_CLOUD\n');
    expect(written.out).not.toContain(SECRET);
  });

  it('prints the same as JSON', async () => {
    const { io, written } = recorder();

    await configShow({ env: workingEnv(), json: true }, io);

    expect(JSON.parse(written.out).settings).toContainEqual({ name: 'LISTEN_PORT', value: '8787', origin: 'default' });
  });
});

describe('config policy', () => {
  it("prints the account agent's policy that the settings amount to", async () => {
    const { io, written } = recorder();
    const env = workingEnv({
      EXTRA_GROUPS: 'users lab',
      ENTRA_ROLE_MAP: JSON.stringify([{ group: GROUP, linux_groups: ['dev', 'lab'] }]),
      GRANT_SUDO: 'true',
      DELETE_AFTER: '1500ms',
      UID_RANGE: '30000-30999',
    });

    const code = await configPolicy({ env }, io);

    expect(code).toBe(0);
    expect(JSON.parse(written.out)).toEqual({
      version: 1,
      uidRange: [30_000, 30_999],
      shell: '/bin/bash',
      homeBase: '/home',
      allowedGroups: ['dev', 'lab', 'users'],
      sudo: { enabled: true, nopasswd: false },
      deleteAfterSeconds: 2,
      locksPerHour: 200,
      deletesPerHour: 50,
      archiveDir: '/var/lib/entramox-accounts/archive',
      archiveHomes: true,
      reservedNames: [],
      endSessionsOnLossOf: expect.arrayContaining(['sudo', 'docker', 'disk', 'shadow']),
    });
  });
});

describe('config example', () => {
  it('prints the example file', async () => {
    const { io, written } = recorder();

    const code = await configExample({}, io);

    expect(code).toBe(0);
    expect(written.out).toContain('#DELETE_AFTER=24h\n');
  });
});
