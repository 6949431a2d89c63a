import { describe, expect, it } from 'vitest';
import { redirectUris } from '../../../../../src/targets/proxmox/realm/redirects.js';

const API = 'https://pve1.example.com:8006';

describe('redirect URIs', () => {
  it('are those that were declared, and one of each other node in the same domain', () => {
    const { uris, unknown } = redirectUris(['https://proxmox.example.com'], ['pve1', 'PVE2'], API);

    expect(uris).toEqual([
      { uri: 'https://proxmox.example.com', from: 'declared' },
      { uri: 'https://pve1.example.com:8006', from: 'node' },
      { uri: 'https://pve2.example.com:8006', from: 'node' },
    ]);
    expect(unknown).toEqual([]);
  });

  it('of a node are the declared ones, where there are such', () => {
    const { uris } = redirectUris(['https://pve1.lab.example.org'], ['pve1', 'pve2'], 'https://127.0.0.1:8006');

    expect(uris).toEqual([
      { uri: 'https://pve1.lab.example.org', from: 'declared' },
      { uri: 'https://pve2.lab.example.org:8006', from: 'node' },
    ]);
  });

  it.each([
    'https://127.0.0.1:8006',
    'https://[::1]:8006',
    'https://localhost:8006',
    'https://pve1:8006',
    'https://cluster.example.com',
  ])('of nodes are not guessed from %s', (apiUrl) => {
    const { uris, unknown } = redirectUris([], ['pve7', 'pve8'], apiUrl);

    expect([uris, unknown]).toEqual([[], ['pve7', 'pve8']]);
  });
});
