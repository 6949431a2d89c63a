import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../../src/config/load.js';
import { CLIENT, GROUP, TENANT, TOKEN } from './fixture.js';

const LAKEFS = {
  ENTRA_TENANT_ID: TENANT,
  ENTRA_APPLICATION_ID: CLIENT,
  ENTRA_CLIENT_SECRET_VALUE: 'abc8Q~the-client-secret',
  LAKEFS_ENDPOINT: 'https://lakefs.example.com',
  LAKEFS_ACCESS_KEY_ID: 'AKIAEXAMPLE',
  LAKEFS_SECRET_ACCESS_KEY: 'the-secret-access-key',
};
const firstRun = (change: Record<string, string> = {}) =>
  loadSettings({ env: { ...LAKEFS, ...change }, command: 'sweep' }).settings.firstRun;

describe('the first run', () => {
  it('goes ahead where lakeFS is the only target, unless somebody said otherwise', () => {
    expect(firstRun()).toBe('apply');
    expect(firstRun({ FIRST_RUN: 'plan' })).toBe('plan');
  });

  it('waits for an operator where accounts are kept beside it', () => {
    const proxmox = { PVE_API_TOKEN: TOKEN, REALM: 'entra', ENTRA_GROUP_IDS: GROUP };

    expect(firstRun(proxmox)).toBe('plan');
  });
});
