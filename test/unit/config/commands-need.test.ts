import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../../src/config/load.js';
import type { CommandName } from '../../../src/config/needs.js';
import { load, problemsOf, problemsWith, TOKEN } from './fixture.js';

describe('what a command needs', () => {
  it.each<CommandName>(['status', 'resync', 'approve', 'adopt', 'release', 'restore'])(
    '%s needs nothing',
    (command) => {
      const { settings } = loadSettings({ env: {}, command });

      expect(settings.paths.operatorSocket).toBe('/run/entramox/operator.sock');
    },
  );

  it('a daemon without anything is told all that it lacks', () => {
    const problems = problemsOf({ env: {}, command: 'run' });

    expect(problems.map(({ key }) => key)).toEqual([
      'ENTRA_TENANT_ID',
      'ENTRA_CLIENT_ID',
      'ENTRA_CLIENT_SECRET',
      'ENTRA_GROUP_IDS',
      'PUBLIC_URL',
    ]);
  });

  it('the reconciler needs no public address, the listener does', () => {
    const { settings } = load({ PUBLIC_URL: undefined }, { command: 'reconcile' });
    const problems = problemsWith({ PUBLIC_URL: undefined }, { command: 'listen' });

    expect(settings.listener.notificationUrl).toBeUndefined();
    expect(problems.map(({ key }) => key)).toEqual(['PUBLIC_URL']);
  });

  it('the listener never opens the file of the Proxmox token', () => {
    const { settings } = load({ PVE_API_TOKEN_FILE: '/nonexistent/token' }, { command: 'listen' });
    const problems = problemsWith(
      { PVE_API_TOKEN_FILE: '/nonexistent/token', REALM: 'entra' },
      { command: 'reconcile' },
    );

    expect(settings.proxmox.apiToken).toBeUndefined();
    expect(problems.map(({ key }) => key)).toEqual(['PVE_API_TOKEN_FILE']);
  });

  it('a check remarks on a missing public address instead of refusing', () => {
    const { notices } = load({ PUBLIC_URL: undefined }, { command: 'config' });

    expect(notices).toContainEqual(expect.objectContaining({ kind: 'incomplete', key: 'PUBLIC_URL' }));
  });

  it('users alone are scope enough', () => {
    const { settings } = load({ ENTRA_GROUP_IDS: undefined, ENTRA_USER_IDS: '22222222-3333-4444-8555-666666666666' });

    expect(settings.entra.userIds).toEqual(['22222222-3333-4444-8555-666666666666']);
  });

  it('an empty role map is nobody', () => {
    const problems = problemsWith({ ENTRA_GROUP_IDS: ',', ENTRA_ROLE_MAP: '[]' });

    expect(problems.map(({ key }) => key)).toEqual(['ENTRA_GROUP_IDS']);
  });

  it('two credentials are one too many', () => {
    const problems = problemsWith({ GRAPH_ACCESS_TOKEN: 'a-ready-token' });

    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ key: 'ENTRA_CLIENT_SECRET', value: '[redacted]' });
    expect(problems[0]?.expected).toContain('exactly one credential');
  });

  it('a ready token is taken with a warning', () => {
    const { settings, notices } = load({ ENTRA_CLIENT_SECRET: undefined, GRAPH_ACCESS_TOKEN: 'a-ready-token' });

    expect(settings.entra.credential).toEqual({ kind: 'token', accessToken: 'a-ready-token' });
    expect(notices).toContainEqual(expect.objectContaining({ kind: 'insecure', key: 'GRAPH_ACCESS_TOKEN' }));
  });

  it('without Entra the Proxmox realm is the source, and neither credential nor public address is needed', () => {
    const env = { GRAPH_ENFORCE: 'false', REALM: 'entra', PVE_API_TOKEN: TOKEN };

    const { settings } = loadSettings({ env, command: 'run' });

    expect(settings.entra).toMatchObject({ enforce: false, credential: undefined });
  });

  it('without Entra and without Proxmox there is no source', () => {
    const problems = problemsOf({ env: { GRAPH_ENFORCE: 'false' }, command: 'reconcile' });

    expect(problems.map(({ key }) => key)).toEqual(['GRAPH_ENFORCE']);
  });

  it('people of the Proxmox realm alone cannot be told without Proxmox', () => {
    const problems = problemsWith({ PVE_PROVISION: 'existing' });
    const { settings } = load({ PVE_PROVISION: 'existing', REALM: 'entra', PVE_API_TOKEN: TOKEN });

    expect(problems.map(({ key }) => key)).toEqual(['PVE_PROVISION']);
    expect(settings.proxmox.provision).toBe('existing');
  });

  it('without Entra there is nothing to listen to', () => {
    const problems = problemsWith({ GRAPH_ENFORCE: 'false' }, { command: 'listen' });

    expect(problems.map(({ key }) => key)).toEqual(['GRAPH_ENFORCE']);
  });

  it('a TLS certificate of its own needs its key', () => {
    const problems = problemsWith({ LISTEN_TLS_KEY_FILE: '/dev/null' });

    expect(problems.map(({ key }) => key)).toEqual(['LISTEN_TLS_CERT_FILE']);
  });

  it('administrators with GRANT_SUDO=false and root-like groups for everybody are remarked upon', () => {
    const { notices } = load({
      ENTRA_SUPERADMIN_GROUP_ID: '22222222-3333-4444-8555-666666666666',
      GRANT_SUDO: 'false',
      EXTRA_GROUPS: 'sudo,lab',
    });

    expect(notices.map(({ key }) => key)).toEqual(['GRANT_SUDO', 'EXTRA_GROUPS']);
  });
});
