import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Rejected, SourceUnavailable } from '../../src/domain/errors.js';
import { createClientOver, type ProxmoxClient } from '../../src/targets/proxmox/client.js';
import { restTransport } from '../../src/targets/proxmox/transport/rest.js';
import { ticketCredential } from '../../src/targets/proxmox/transport/ticket-credential.js';
import { systemClock } from '../../src/telemetry/system-clock.js';
import type { Exchange } from '../simulators/proxmox/index.js';
import { type ProxmoxSimulator, startProxmoxSimulator } from '../simulators/proxmox/index.js';
import { createTestAuthority, type TestAuthority } from '../simulators/tls.js';

const HOUR_MS = 3_600_000;
const PASSWORD = 'correct; horse="battery" % & + staple';
const VERSION = { route: '/version' };

let authority: TestAuthority;
let node: ProxmoxSimulator;
let exchanges: Exchange[];
let asked: number;
/** Later than the real time, for the node and for the client. */
let nodeAheadMs: number;
let clientAheadMs: number;
let open: ProxmoxClient[];

beforeAll(async () => {
  authority = await createTestAuthority();
  node = await startProxmoxSimulator({
    authority,
    now: () => Date.now() + nodeAheadMs,
    onExchange: (exchange) => void exchanges.push(exchange),
  });
});

beforeEach(() => {
  nodeAheadMs = 0;
  clientAheadMs = 0;
  exchanges = [];
  asked = 0;
  open = [];
  node.faults.clear();
  for (const { userid } of node.users()) if (userid !== 'root@pam') node.removeUser(userid);
  node.setUser('root@pam', { password: PASSWORD, enabled: true, keys: '' });
  node.resetCounters();
});

afterEach(async () => {
  await Promise.all(open.map((client) => client.close()));
});

afterAll(() => node.close());

function logIn({ userid = 'root@pam', password = PASSWORD } = {}): ProxmoxClient {
  const clock = { ...systemClock, now: () => systemClock.now() + clientAheadMs };
  const credential = ticketCredential({
    userid,
    password() {
      asked += 1;
      return password;
    },
    from: '/root/password',
    clock,
  });
  const transport = restTransport({ baseUrl: node.url, ca: authority.cert, timeoutMs: 30_000, credential });
  const client = createClientOver(transport, { timeoutMs: 30_000, log: () => undefined, clock });
  open.push(client);
  return client;
}

const signal = () => AbortSignal.timeout(60_000);
const look = (client: ProxmoxClient) => client.get(VERSION, z.object({ version: z.string() }), signal());
const makeGroup = (client: ProxmoxClient, groupid: string) =>
  client.write({ method: 'POST', route: '/access/groups', body: { groupid } }, signal());
const logins = () => exchanges.filter(({ path }) => path === '/access/ticket');

function caught(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => {
      throw new Error('expected a rejection');
    },
    (error: Error) => error,
  );
}

describe('a login with a password', () => {
  it('sends it once, in the body alone, and works with the ticket from then on', async () => {
    const client = logIn();

    await Promise.all([look(client), look(client), look(client)]);
    await makeGroup(client, 'one');

    expect(logins().map(({ requestBody }) => requestBody)).toEqual([{ username: 'root@pam', password: PASSWORD }]);
    const rest = exchanges.map(({ requestBody: _, ...exchange }) => exchange);
    expect(JSON.stringify(rest)).not.toContain('battery');
    expect(node.groups()).toContain('one');
    expect(client.caller).toEqual({ kind: 'ticket', owner: 'root@pam', id: 'root@pam', from: '/root/password' });
  });

  it('puts the CSRF token on writes, and the ticket into a cookie that nothing in it can end', async () => {
    const client = logIn();

    await look(client);
    await makeGroup(client, 'two');
    await client.write({ method: 'DELETE', route: '/access/groups/{groupid}', params: { groupid: 'two' } }, signal());

    const [, read, write, removal] = exchanges;
    expect(read?.requestHeaders.csrfpreventiontoken).toBeUndefined();
    expect(write?.requestHeaders.csrfpreventiontoken).toMatch(/^[0-9A-F]{8}:/);
    expect(removal?.requestHeaders.csrfpreventiontoken).toMatch(/^[0-9A-F]{8}:/);
    expect(write?.requestHeaders.cookie).toMatch(/^PVEAuthCookie=PVE%3Aroot%40pam%3A[^;\s]+$/);
  });

  it('says that a password is wrong, without it, and tries it once only', async () => {
    const client = logIn({ password: 'hunter22' });

    const errors = await Promise.all([caught(look(client)), caught(look(client)), caught(makeGroup(client, 'x'))]);
    const later = await caught(look(client));

    for (const error of [...errors, later]) {
      expect(error).toMatchObject({ name: 'ProxmoxError', kind: 'unauthenticated' });
      expect(error.message).toMatch(/refused the login of root@pam \("authentication failure"\).*\/root\/password/);
      expect(error.message).not.toContain('hunter22');
    }
    expect(logins()).toHaveLength(1);
    expect(asked).toBe(1);
  });

  it('names API tokens as the way where a second factor is asked for', async () => {
    node.setUser('root@pam', { keys: 'x' });

    const error = await caught(makeGroup(logIn(), 'x'));

    expect(error).toBeInstanceOf(Rejected);
    expect(error.message).toMatch(/second factor.*--admin-token-file/);
    expect(node.groups()).not.toContain('x');
  });

  it('takes no answer for a ticket that holds none, and none for that of the call', async () => {
    node.faults.emptyList({ path: '/access/ticket' });

    const error = await caught(makeGroup(logIn(), 'x'));

    expect(error).toBeInstanceOf(SourceUnavailable);
    expect(error.message).toMatch(/to the login of root@pam has an unexpected shape/);
    expect(node.groups()).not.toContain('x');
  });

  it('repeats a login whose connection broke, since nothing rests on it yet', async () => {
    node.faults.dropNext({ path: '/access/ticket' }, 1, 'after');

    await makeGroup(logIn(), 'four');

    expect(node.groups()).toContain('four');
  });

  it.each(['root', '@pam', 'a b@pve', `${'x'.repeat(61)}@pve`])(
    'refuses the user %j before anything is sent',
    (userid) => {
      expect(() => logIn({ userid })).toThrow(/USER@REALM/);
    },
  );
});

describe('a ticket', () => {
  it('is renewed with itself before it runs out, in the middle of the work', async () => {
    const client = logIn();
    await makeGroup(client, 'a');

    clientAheadMs = nodeAheadMs = 1.5 * HOUR_MS;
    await makeGroup(client, 'b');
    clientAheadMs = nodeAheadMs = 3 * HOUR_MS;
    await makeGroup(client, 'c');

    expect(node.groups()).toEqual(expect.arrayContaining(['a', 'b', 'c']));
    const proofs = logins().map(({ requestBody }) => (requestBody as { password: string }).password.slice(0, 4));
    expect(proofs).toEqual([PASSWORD.slice(0, 4), 'PVE:', 'PVE:']);
  });

  it('that was taken too long ago is replaced by a new login', async () => {
    const client = logIn();
    await look(client);

    clientAheadMs = nodeAheadMs = 5 * HOUR_MS;
    await makeGroup(client, 'd');

    expect(node.groups()).toContain('d');
    expect(logins()).toHaveLength(2);
    expect(asked).toBe(1);
  });

  it('that the node no longer takes, though our clock says otherwise, is replaced and the write done once', async () => {
    const client = logIn();
    await look(client);
    node.resetCounters();

    nodeAheadMs = 3 * HOUR_MS;
    await makeGroup(client, 'e');

    expect(node.groups()).toContain('e');
    expect(node.calls({ method: 'POST', path: '/access/groups' }).map(({ status }) => status)).toEqual([401, 200]);
    expect(node.writes).toBe(1);
  });

  it('whose CSRF token is refused is replaced, too', async () => {
    const client = logIn();
    const text = 'Permission denied - invalid csrf token';
    node.faults.failNext({ method: 'POST', path: '/access/groups' }, { status: 401, text, bodiless: true });

    await makeGroup(client, 'f');

    expect(node.groups()).toContain('f');
    expect(logins()).toHaveLength(2);
  });

  it('that is refused again and again ends the call, and does not log in for ever', async () => {
    const client = logIn();
    node.faults.failNext({ path: '/version' }, { status: 401, text: 'Authentication failed!' }, 99);

    const error = await caught(look(client));

    expect(error).toMatchObject({ kind: 'unauthenticated' });
    expect(error.message).toContain('the user root@pam');
    expect(logins()).toHaveLength(2);
  });

  it('of a user that is disabled in between is of no more use, nor is its password', async () => {
    node.addUser({ userid: 'boss@pve', password: PASSWORD });
    const client = logIn({ userid: 'boss@pve' });
    await look(client);

    node.setUser('boss@pve', { enabled: false });
    const error = await caught(look(client));

    expect(error).toMatchObject({ kind: 'unauthenticated' });
    expect(error.message).toMatch(/refused the login of boss@pve/);
  });
});
