import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestAuthority, type TestAuthority } from '../tls.js';
import { type ProxmoxSimulator, startProxmoxSimulator } from './index.js';
import { type Client, createClient } from './test-client.js';

const START_MS = Date.UTC(2026, 10, 1);

let authority: TestAuthority;
let node: ProxmoxSimulator;
let nowMs: number;
let anybody: Client;

beforeEach(async () => {
  nowMs = START_MS;
  authority = await createTestAuthority();
  node = await startProxmoxSimulator({ authority, now: () => nowMs });
  node.addUser({ userid: 'alice@pve', password: 'correct horse' });
  anybody = createClient({ url: node.url, ca: authority.cert });
});

afterEach(() => node.close());

async function logIn(password: string): Promise<Client> {
  const answer = await anybody('POST', '/access/ticket', { form: { username: 'alice@pve', password } });
  const { ticket, CSRFPreventionToken: csrf } = answer.data as Record<string, string>;
  const session = { cookie: `PVEAuthCookie=${encodeURIComponent(ticket ?? '')}`, csrf };
  return createClient({ url: node.url, ca: authority.cert, session });
}

function byToken(token: string): Client {
  return createClient({ url: node.url, ca: authority.cert, token });
}

describe('being cut off', () => {
  it('meets the ticket and the tokens of a disabled user on their next request, and ends when it is enabled', async () => {
    const session = await logIn('correct horse');
    const separated = byToken(node.createToken('alice@pve', 'sep'));
    const whole = byToken(node.createToken('alice@pve', 'whole', { privsep: false }));
    const callers = [session, separated, whole];
    const before = await Promise.all(callers.map((call) => call('GET', '/cluster/resources')));

    node.setUser('alice@pve', { enabled: false });
    const during = await Promise.all(callers.map((call) => call('GET', '/cluster/resources')));
    node.setUser('alice@pve', { enabled: true });
    const after = await Promise.all(callers.map((call) => call('GET', '/cluster/resources')));

    expect(before.map((answer) => answer.status)).toEqual([200, 200, 200]);
    expect(during.map((answer) => [answer.status, answer.reason, answer.text])).toEqual(
      callers.map(() => [401, 'Authentication failed!', '']),
    );
    expect(after.map((answer) => answer.status)).toEqual([200, 200, 200]);
  });

  it('meets who expired, from the second after the expiry on', async () => {
    const expire = START_MS / 1000;
    const session = await logIn('correct horse');
    const token = byToken(node.createToken('alice@pve', 'tk', { expire }));
    node.setUser('alice@pve', { expire: expire + 1 });

    const onTime = await token('GET', '/version');
    nowMs += 1000;
    const tokenLate = await token('GET', '/version');
    const userOnTime = await session('GET', '/version');
    nowMs += 1000;
    const userLate = await session('GET', '/version');

    expect([onTime, tokenLate, userOnTime, userLate].map((answer) => answer.status)).toEqual([200, 401, 200, 401]);
    expect(node.user('alice@pve')?.enabled).toBe(true);
  });

  it('is forgotten when a deleted user is made anew: the old ticket is good again', async () => {
    const session = await logIn('correct horse');
    node.removeUser('alice@pve');
    const gone = await session('GET', '/nodes');
    node.addUser({ userid: 'alice@pve' });
    const back = await session('GET', '/nodes');

    expect([gone.status, back.status]).toEqual([401, 200]);
  });

  it('meets a service that disables its own user', async () => {
    const { token } = node.prepareFor({ realm: 'entra', groups: ['members'] });
    const service = byToken(token);
    node.setUser('entramox@pve', { groups: ['members-entra'] });

    const last = await service('PUT', '/access/users/entramox@pve', { form: { enable: '0', groups: 'members-entra' } });
    const next = await service('GET', '/version');

    expect([last.status, next.status]).toEqual([200, 401]);
  });
});

describe('logging in', () => {
  it('refuses a wrong password, a disabled user and an unknown one alike, with a body', async () => {
    node.addUser({ userid: 'off@pve', password: 'correct horse', enabled: false });
    const attempts = [
      { username: 'alice@pve', password: 'wrong' },
      { username: 'off@pve', password: 'correct horse' },
      { username: 'nobody@pve', password: 'correct horse' },
    ];

    const answers = await Promise.all(attempts.map((form) => anybody('POST', '/access/ticket', { form })));

    expect(answers.map((answer) => [answer.status, answer.message])).toEqual(
      attempts.map(() => [401, 'authentication failure\n']),
    );
  });

  it('takes the realm apart from the name, and a good ticket in place of the password', async () => {
    const form = { username: 'alice', realm: 'pve', password: 'correct horse' };
    const first = await anybody('POST', '/access/ticket', { form });
    const { ticket = '' } = first.data as Record<string, string>;

    const renewed = await anybody('POST', '/access/ticket', { form: { username: 'alice@pve', password: ticket } });
    nowMs += 2 * 3600_000;
    const late = await anybody('POST', '/access/ticket', { form: { username: 'alice@pve', password: ticket } });

    expect([first.status, renewed.status, late.status]).toEqual([200, 200, 401]);
  });

  it('is not for tokens, nor is changing a password', async () => {
    const token = byToken(node.createToken('alice@pve', 'tk', { privsep: false }));

    const login = await token('POST', '/access/ticket', { form: { username: 'alice@pve', password: 'correct horse' } });
    const change = await token('PUT', '/access/password', { form: { userid: 'alice@pve', password: 'new password' } });

    expect([login.status, change.status]).toEqual([403, 403]);
    expect(login.message).toContain('not available with API token');
  });

  it('works with the password a user gave itself', async () => {
    const session = await logIn('correct horse');

    await session('PUT', '/access/password', { form: { userid: 'alice@pve', password: 'new password' } });
    const old = await anybody('POST', '/access/ticket', { form: { username: 'alice@pve', password: 'correct horse' } });
    const fresh = await anybody('POST', '/access/ticket', {
      form: { username: 'alice@pve', password: 'new password' },
    });

    expect([old.status, fresh.status]).toEqual([401, 200]);
  });
});

describe('evidence', () => {
  it('is demanded of everything but the login and the list of realms', async () => {
    const version = await anybody('GET', '/version');
    const unknown = await anybody('GET', '/no/such/thing');
    const realms = await anybody('GET', '/access/domains');

    expect([version.status, version.reason, version.text]).toEqual([401, 'No ticket', '']);
    expect(unknown.status).toBe(401);
    expect((realms.data as { realm: string }[]).map((entry) => entry.realm).sort()).toEqual(['pam', 'pve']);
  });

  it('may be a token behind an equals sign or a space, with its exact secret', async () => {
    const token = node.createToken('alice@pve', 'tk');

    const answers = await Promise.all(
      [
        `PVEAPIToken=${token}`,
        `PVEAPIToken ${token}`,
        `PVEAPIToken=${token}0`,
        'PVEAPIToken=alice@pve',
        'Bearer x',
      ].map((authorization) => anybody('GET', '/version', { headers: { authorization } })),
    );

    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 401, 401, 401]);
    expect(answers.map((answer) => answer.reason).slice(2)).toEqual([
      'Authentication failed!',
      'Authentication failed!',
      'No ticket',
    ]);
  });

  it('needs a CSRF token for writes with a ticket, and none for reads', async () => {
    const { cookie } = node.session('root@pam');
    const root = createClient({ url: node.url, ca: authority.cert, session: { cookie } });

    const read = await root('GET', '/access/users');
    const write = await root('POST', '/access/groups', { form: { groupid: 'g1' } });

    expect(read.status).toBe(200);
    expect([write.status, write.reason]).toEqual([401, 'Permission denied - invalid csrf token']);
    expect(node.groups()).toEqual([]);
  });

  it('takes no forged ticket', async () => {
    const { cookie, csrf } = node.session('alice@pve');
    const forged = cookie.replace('alice', 'root');
    const client = createClient({ url: node.url, ca: authority.cert, session: { cookie: forged, csrf } });

    const answer = await client('GET', '/version');

    expect(answer.status).toBe(401);
  });
});

describe('a refused login', () => {
  it('is held back, while other requests go on', async () => {
    const slow = await startProxmoxSimulator({ authority, unauthorizedDelayMs: 60_000 });
    slow.addUser({ userid: 'alice@pve' });
    const stranger = createClient({ url: slow.url, ca: authority.cert });
    const alice = createClient({ url: slow.url, ca: authority.cert, token: slow.createToken('alice@pve', 'tk') });
    const held = Promise.allSettled([stranger('GET', '/version')]);

    const other = await alice('GET', '/version');

    await slow.close();
    const [outcome] = await held;
    expect(other.status).toBe(200);
    expect(outcome?.status).toBe('rejected');
  });
});
