import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxUnavailable } from '../integration/sandbox/index.js';
import { type Lab, openLab } from '../lab/lab.js';
import { createPrivateHost } from '../lab/linux-host.js';
import { waitForStanding } from '../lab/look.js';
import { waitFor } from '../lab/wait.js';
import { createClient } from '../simulators/proxmox/test-client.js';

const unavailable = sandboxUnavailable();
const OPEN = { linux: 'open', pve: 'enabled' } as const;
const LOCKED = { linux: 'locked', sudo: false, pve: 'disabled' } as const;

describe.skipIf(unavailable)(`a leaver with open doors${unavailable ? ` (skipped: ${unavailable})` : ''}`, () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await openLab({ host: await createPrivateHost(), settings: { CONFIRM_BEFORE_LOCK: '200ms' } });
    lab.start();
    await lab.ready();
  });
  afterAll(() => lab?.close());

  const userid = 'mallory@example.com@entra';

  async function whoseProcesses(name: string): Promise<string> {
    const found = await lab.host?.sandbox?.exec(['pgrep', '-u', name, '-x', 'sleep']);
    return found?.stdout.trim() ?? '';
  }

  it('gets a 401 for the open Proxmox session and for the API token on the very next request', async () => {
    const oid = lab.join('mallory');
    await waitForStanding(lab, 'mallory', OPEN);
    const ca = readFileSync(join(lab.dir, 'ca.pem'), 'utf8');
    const session = createClient({ url: lab.proxmox.url, ca, session: lab.proxmox.session(userid) });
    const token = createClient({ url: lab.proxmox.url, ca, token: lab.proxmox.createToken(userid, 'ci') });
    const ask = async () =>
      (await Promise.all([session, token].map((client) => client('GET', '/access/permissions')))).map(
        ({ status }) => status,
      );
    const before = await ask();

    lab.entra.directory.removeMember(lab.groups.everybody, oid);
    await waitForStanding(lab, 'mallory', { pve: 'disabled' });
    const after = await ask();

    expect(before).toEqual([200, 200]);
    expect(after).toEqual([401, 401]);
  });

  it('loses running processes, and the way in by password and by key', async () => {
    const oid = lab.join('trent');
    await waitForStanding(lab, 'trent', OPEN);
    const uid = String(lab.host?.account('trent')?.uid);
    await waitFor('a home', async () => (await lab.host?.sandbox?.exec(['test', '-d', '/home/trent']))?.code === 0);
    const as = `setpriv --reuid ${uid} --regid ${uid} --clear-groups`;
    await lab.host?.sandbox?.exec(['/bin/sh', '-c', `setsid ${as} sleep 600 >/dev/null 2>&1 </dev/null &`]);
    await waitFor('a process of trent', () => whoseProcesses('trent'));

    lab.entra.directory.updateUser(oid, { accountEnabled: false });
    await waitForStanding(lab, 'trent', LOCKED);
    await waitFor('no process of trent', async () => (await whoseProcesses('trent')) === '');

    expect(lab.host?.account('trent')).toMatchObject({ locked: true, expired: true, sudo: false });
  });
});
