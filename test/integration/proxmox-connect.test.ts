import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { SecretInput } from '../../src/commands/parts/read-secret.js';
import {
  type AdminConnection,
  type AdminOutside,
  connectAdmin,
  declarationsIn,
} from '../../src/commands/token/connect.js';
import type { AdminOptions } from '../../src/commands/token/options.js';
import { Rejected } from '../../src/domain/errors.js';
import { redactText } from '../../src/telemetry/redact.js';
import { addAdministrator } from '../simulators/proxmox/administrator.js';
import { type ProxmoxSimulator, startProxmoxSimulator } from '../simulators/proxmox/index.js';
import { installPvesh, type Pvesh } from '../simulators/proxmox/pvesh.js';
import { createTestAuthority } from '../simulators/tls.js';

const PASSWORD = 'correct horse battery';

let node: ProxmoxSimulator;
let pvesh: Pvesh;
let dir: string;
let token: string;
let open: AdminConnection[];

beforeAll(async () => {
  const authority = await createTestAuthority();
  node = await startProxmoxSimulator({ authority });
  token = addAdministrator(node, { password: PASSWORD });
  dir = mkdtempSync(join(tmpdir(), 'entramox-connect-'));
  writeFileSync(join(dir, 'ca.pem'), authority.cert);
  pvesh = await installPvesh({ node, authority, dir });
});

beforeEach(() => {
  open = [];
  put('token', `${token}\n`);
  put('password', `${PASSWORD}\n`);
  node.resetCounters();
});

afterEach(async () => {
  await Promise.all(open.map(({ close }) => close()));
});

afterAll(async () => {
  await pvesh?.close();
  await node?.close();
  if (dir) rmSync(dir, { recursive: true, force: true });
});

const at = (name: string) => join(dir, name);

function put(name: string, text: string): void {
  rmSync(at(name), { force: true });
  writeFileSync(at(name), text, { mode: 0o600 });
}

async function connect(options: AdminOptions, outside: AdminOutside = {}): Promise<AdminConnection> {
  const settings = { proxmox: { apiUrl: node.url, caFile: at('ca.pem'), timeoutMs: 30_000 } };
  const connection = await connectAdmin(settings, () => undefined, options, outside);
  open.push(connection);
  return connection;
}

const signal = () => AbortSignal.timeout(60_000);

/** Who Proxmox takes us for, by what it lets us do and what it notes. */
async function whoMakes(groupid: string, { client }: AdminConnection): Promise<string | undefined> {
  await client.write({ method: 'POST', route: '/access/groups', body: { groupid } }, signal());
  return node.calls({ method: 'POST', path: '/access/groups' }).at(-1)?.authid;
}

function typed(text: string): { input: SecretInput; shown: boolean[] } {
  const shown: boolean[] = [];
  const stream = new PassThrough();
  const setRawMode = (raw: boolean) => {
    shown.push(!raw);
    return stream as never;
  };
  stream.write(text);
  return { input: Object.assign(stream, { isTTY: true, setRawMode }), shown };
}

describe('an administrator', () => {
  it.each<[string, () => AdminOptions, AdminOutside, string]>([
    ['an API token', () => ({ adminTokenFile: at('token') }), {}, 'admin@pve!setup'],
    ['a password', () => ({ adminUser: 'admin@pve', adminPasswordFile: at('password') }), {}, 'admin@pve'],
  ])('by %s does the same', async (_way, options, outside, authid) => {
    const connection = await connect(options(), outside);

    expect(await whoMakes(`g-${authid.length}`, connection)).toBe(authid);
    expect(await connection.rights.missing([{ path: '/access', anyOf: ['Sys.Modify'] }], signal())).toEqual([]);
  });

  it('by pvesh is root, and proves a new token over HTTPS all the same', async () => {
    const connection = await connect({ pvesh: true }, { pveshCommand: pvesh.command, uid: 0 });
    node.addUser({ userid: 'svc@pve' });
    const secret = node.createToken('svc@pve', 'ci').split('=')[1] ?? '';

    const by = await whoMakes('g-pvesh', connection);
    const runs = pvesh.runs().length;
    const self = connection.connectAs('svc@pve!ci', secret);
    const held = await self.get({ route: '/access/permissions' }, z.record(z.string(), z.unknown()), signal());
    await self.close();

    expect(by).toBe('root@pam');
    expect(runs).toBe(1);
    expect(held).toEqual({});
    expect(pvesh.runs()).toHaveLength(runs);
    expect(node.calls({ path: '/access/permissions' }).at(-1)?.authid).toBe('svc@pve!ci');
  });

  it('by pvesh doubts the address of the proof where the new token is refused', async () => {
    const connection = await connect({ pvesh: true }, { pveshCommand: pvesh.command, uid: 0 });

    const self = connection.connectAs('svc@pve!ci', '11111111-2222-4333-8444-555555555555');
    const refused = self.get({ route: '/access/permissions' }, z.unknown(), signal());

    await expect(refused).rejects.toThrow(
      /or PVE_API_URL \(.+\) is no node of the cluster of .+, on which --pvesh works/,
    );
    await self.close();
  });

  it('takes a token with what stands before it in a header, and masks its secret alone, too', async () => {
    put('token', `PVEAPIToken=${token}\n`);

    const connection = await connect({ adminTokenFile: at('token') });

    expect(await whoMakes('g-pasted', connection)).toBe('admin@pve!setup');
    expect(redactText(`found ${token.split('=')[1]}.`)).toBe('found [redacted].');
  });

  it('types a password that is not shown meanwhile', async () => {
    const { input, shown } = typed(`${PASSWORD}\r`);
    const asked: string[] = [];

    const connection = await connect({ adminUser: 'admin@pve' }, { input, ask: (text) => void asked.push(text) });

    expect(await whoMakes('g-typed', connection)).toBe('admin@pve');
    expect(asked.join('')).toContain('password of admin@pve, which is not shown');
    expect(shown).toEqual([false, true]);
    expect(asked.join('')).not.toContain('horse');
  });

  it('has its secret masked in whatever is logged from then on', async () => {
    await connect({ adminUser: 'admin@pve', adminPasswordFile: at('password') });

    expect(redactText(`sent ${PASSWORD} and ${encodeURIComponent(PASSWORD)}`)).toBe('sent [redacted] and [redacted]');
  });
});

describe('declarations', () => {
  const isRoot = process.geteuid?.() === 0;

  it.skipIf(!isRoot)('are not read as root where others could write them (as root alone)', () => {
    put('tokens.json', JSON.stringify({ token_setup: [] }));
    chmodSync(at('tokens.json'), 0o666);

    const read = () => declarationsIn(at('tokens.json'), { out: () => {}, err: () => {}, terminal: false });

    expect(read).toThrow(/is not used, since others may write .*chmod go-w/);
  });
});

describe('options', () => {
  it.each<[string, AdminOptions, RegExp]>([
    [
      'two ways at once',
      { adminTokenFile: '/x', pvesh: true },
      /--admin-token-file and --pvesh cannot be used together/,
    ],
    ['all three', { adminTokenFile: '/x', adminUser: 'a@pve', pvesh: true }, /--admin-user and --pvesh/],
    ['a password of nobody', { adminPasswordFile: '/x' }, /needs --admin-user/],
    ['a user without its realm', { adminUser: 'root', adminPasswordFile: 'password' }, /USER@REALM/],
    ['pvesh by somebody else than root', { pvesh: true }, /root alone/],
  ])('that name %s are refused before anything is asked', async (_what, options, words) => {
    const { adminPasswordFile } = options;
    const full = adminPasswordFile === 'password' ? { ...options, adminPasswordFile: at('password') } : options;

    const error = await connect(full, { uid: 1000, pveshCommand: pvesh.command }).catch((caught: unknown) => caught);

    expect(error).toBeInstanceOf(Rejected);
    expect(String(error)).toMatch(words);
    expect(node.calls()).toEqual([]);
  });

  it.each<[string, string, () => void, RegExp]>([
    ['that others can read', 'password', () => chmodSync(at('password'), 0o644), /mode is 0644.*chmod 600/],
    ['that is empty', 'password', () => put('password', '\n'), /it is empty/],
    ['that is not there', 'password', () => rmSync(at('password')), /a file that exists/],
    [
      'that is a link',
      'password',
      () => {
        rmSync(at('password'));
        symlinkSync(at('token'), at('password'));
      },
      /symbolic link/,
    ],
    [
      'that holds no token',
      'token',
      () => put('token', 'hunter22'),
      /token is not a Proxmox VE API token: expected user@realm!tokenid=secret/,
    ],
  ])('name no file %s', async (_what, name, spoil, words) => {
    spoil();
    const options =
      name === 'token' ? { adminTokenFile: at('token') } : { adminUser: 'admin@pve', adminPasswordFile: at(name) };

    const error = await connect(options).catch((caught: unknown) => caught);

    expect(error).toBeInstanceOf(Rejected);
    expect(String(error)).toMatch(words);
    expect(String(error)).not.toContain('hunter22');
    expect(node.calls()).toEqual([]);
  });
});
