import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { theRealOutside } from '../../src/commands/parts/outside.js';
import { watchOwnToken } from '../../src/commands/parts/own-token.js';
import type { Settings } from '../../src/config/settings.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { type ProxmoxSimulator, startProxmoxSimulator } from '../simulators/proxmox/index.js';
import { createTestAuthority } from '../simulators/tls.js';

const HOUR_MS = 3_600_000;

let simulator: ProxmoxSimulator;
let dir: string;
let now: number;
let told: (number | undefined)[];
let lines: string[];

beforeEach(async () => {
  const authority = await createTestAuthority();
  simulator = await startProxmoxSimulator({ authority });
  simulator.addUser({ userid: 'svc@pve' });
  dir = mkdtempSync(join(tmpdir(), 'entramox-own-token-'));
  writeFileSync(join(dir, 'ca.pem'), authority.cert);
  now = Date.now();
  told = [];
  lines = [];
});

afterEach(async () => {
  await simulator.close();
  rmSync(dir, { recursive: true, force: true });
});

function watching(targets: string[], apiToken: string) {
  const proxmox = { apiUrl: simulator.url, apiToken, caFile: join(dir, 'ca.pem'), timeoutMs: 30_000 };
  const settings = { targets, proxmox } as unknown as Settings;
  const outside = { ...theRealOutside, clock: { ...theRealOutside.clock, now: () => now } };
  const live = { noteOwnToken: (endsAt: number | undefined) => void told.push(endsAt) };
  return watchOwnToken(settings, live, (event) => void lines.push(event), createMetrics(), outside);
}

const listings = () => simulator.calls({ method: 'GET', path: '/access/users' }).length;

describe('the end of our own API token', () => {
  it('is asked of Proxmox four times a day, however often somebody looks', async () => {
    simulator.setAcl({ path: '/access/groups', type: 'user', ugid: 'svc@pve', roleid: 'PVEAuditor' });
    const expire = Math.floor(now / 1000) + 86_400;
    const watch = watching(['proxmox'], simulator.createToken('svc@pve', 'sync', { privsep: false, expire }));

    for (let minutes = 0; minutes < 12 * 60; minutes += 60) {
      await watch?.look();
      now += HOUR_MS;
    }
    await watch?.close();

    expect(told).toEqual([expire * 1000, expire * 1000]);
    expect(listings()).toBe(2);
  });

  it('stays what was written down where the token may not see its owner', async () => {
    const watch = watching(['proxmox'], simulator.createToken('svc@pve', 'sync'));

    await watch?.look();
    await watch?.close();

    expect(told).toEqual([]);
    expect(listings()).toBe(1);
  });

  it('is asked again after a quarter of an hour where Proxmox gave no answer, which stops nothing', async () => {
    const watch = watching(['proxmox'], 'svc@pve!sync=00000000-0000-4000-8000-000000000000');

    await watch?.look();
    now += 14 * 60_000;
    await watch?.look();
    now += 60_000;
    await watch?.look();
    await watch?.close();

    expect(lines.filter((event) => event === 'proxmox.token-end.unknown')).toHaveLength(2);
  });

  it('is nobody to ask where Proxmox is no target', () => {
    expect(watching(['linux'], 'svc@pve!sync=00000000-0000-4000-8000-000000000000')).toBeUndefined();
  });
});
