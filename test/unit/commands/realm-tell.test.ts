import { describe, expect, it } from 'vitest';
import { type RealmReport, tellReport } from '../../../src/commands/realm/tell.js';
import { capturedIo } from '../../lab/captured-io.js';

const REPORT: RealmReport = {
  realm: 'entra',
  idp: 'entra',
  issuer: 'https://login.example.com/v2.0',
  changes: [],
  conflicts: [],
  remarks: [],
  redirectUris: [
    { uri: 'https://pve1.example.com:8006', from: 'declared' },
    { uri: 'https://pve2.example.com:8006', from: 'node' },
  ],
  nodesWithoutUri: [],
};

function told(change: Partial<RealmReport> = {}) {
  const { io, out, err } = capturedIo();
  tellReport({ ...REPORT, ...change }, io);
  return { out, err };
}

describe('what a plan of a realm tells', () => {
  it('says which address the registration does not know, since that does not ask Proxmox for its nodes', () => {
    const { out, err } = told();
    const known = told({ redirectUris: REPORT.redirectUris.slice(0, 1) });

    expect(out.slice(1)).toEqual(['  https://pve1.example.com:8006', '  https://pve2.example.com:8006']);
    expect(err).toEqual([expect.stringMatching(/^note: REALM_ORIGINS lacks https:\/\/pve2\.example\.com:8006, /)]);
    expect(known.err).toEqual([]);
  });
});
