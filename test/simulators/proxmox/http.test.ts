import { Agent } from 'node:https';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestAuthority, type TestAuthority } from '../tls.js';
import { type ProxmoxSimulator, startProxmoxSimulator } from './index.js';
import { type Client, createClient } from './test-client.js';

let authority: TestAuthority;
let node: ProxmoxSimulator;
let root: Client;
let agent: Agent;

beforeEach(async () => {
  authority = await createTestAuthority();
  node = await startProxmoxSimulator({ authority });
  agent = new Agent({ keepAlive: true, maxSockets: 1 });
  root = createClient({ url: node.url, ca: authority.cert, session: node.session('root@pam'), agent });
});

afterEach(async () => {
  agent.destroy();
  await node.close();
});

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

describe('bodies', () => {
  it('may be 512 KiB and no more', async () => {
    const room = 512 * 1024 - 'groupid=g1&comment='.length;

    const full = await root('POST', '/access/groups', { raw: `groupid=g1&comment=${'c'.repeat(room)}`, headers: FORM });
    const over = await root('POST', '/access/groups', {
      raw: `groupid=g2&comment=${'c'.repeat(room + 1)}`,
      headers: FORM,
    });

    expect([full.status, over.status, over.text]).toEqual([200, 501, '']);
    expect(node.groups()).toEqual(['g1']);
  });

  it('may not be chunked', async () => {
    const answer = await root('POST', '/access/groups', {
      raw: 'groupid=g1',
      headers: { ...FORM, 'transfer-encoding': 'chunked' },
    });

    expect(answer.status).toBe(501);
  });

  it('may not come with DELETE, which takes its parameters from the query', async () => {
    node.addGroup('g1');

    const withBody = await root('DELETE', '/access/groups/g1', { form: { a: 'b' } });
    const without = await root('DELETE', '/access/groups/g1');

    expect([withBody.status, without.status]).toEqual([501, 200]);
  });

  it('may be JSON or a form and of no other type', async () => {
    const json = await root('POST', '/access/groups', { json: { groupid: 'g1' } });
    const form = await root('POST', '/access/groups', { form: { groupid: 'g2' } });
    const text = await root('POST', '/access/groups', { raw: 'groupid=g3', headers: { 'content-type': 'text/plain' } });
    const broken = await root('POST', '/access/groups', {
      raw: '{"groupid":',
      headers: { 'content-type': 'application/json' },
    });

    expect([json, form, text, broken].map((answer) => answer.status)).toEqual([200, 200, 506, 400]);
    expect(node.groups()).toEqual(['g1', 'g2']);
  });
});

describe('parameters', () => {
  it('named like members of every object are unknown like any other', async () => {
    const raw = '{"groupid":"g1","__proto__":"x","constructor":"y"}';

    const json = await root('POST', '/access/groups', { raw, headers: { 'content-type': 'application/json' } });
    const form = await root('POST', '/access/groups', { raw: 'groupid=g1&toString=x&__proto__=y', headers: FORM });

    expect([json.status, form.status]).toEqual([400, 400]);
    expect(Object.keys(JSON.parse(form.text).errors).sort()).toEqual(['__proto__', 'toString']);
    expect(node.groups()).toEqual([]);
  });

  it('given twice become one list', async () => {
    for (const groupid of ['g1', 'g2']) node.addGroup(groupid);

    await root('POST', '/access/users', { raw: 'userid=bob@entra&groups=g1&groups=g2', headers: FORM });

    expect(node.user('bob@entra')?.groups).toEqual(['g1', 'g2']);
  });
});

describe('methods and paths', () => {
  it('answers 501 to what it does not have', async () => {
    const answers = [
      await root('PATCH', '/access/users/root@pam', { form: { enable: '1' } }),
      await root('GET', '/no/such/thing'),
      await root('POST', '/access/users/root@pam', { form: { enable: '1' } }),
      await root('PUT', '/access/users', { form: { enable: '1' } }),
    ];

    expect(answers.map((answer) => answer.status)).toEqual([501, 501, 501, 501]);
    expect(answers[1]?.message).toBe("Method 'GET /no/such/thing' not implemented\n");
  });
});

describe('a long answer', () => {
  it('is packed for who takes gzip, and for nobody else', async () => {
    for (let index = 0; index < 50; index += 1) node.addUser({ userid: `user${index}@entra` });

    const packed = await root('GET', '/access/users', { headers: { 'accept-encoding': 'gzip' } });
    const plain = await root('GET', '/access/users');

    expect([packed.headers['content-encoding'], plain.headers['content-encoding']]).toEqual(['gzip', undefined]);
    expect(packed.data).toHaveLength(51);
    expect(plain.data).toHaveLength(51);
  });
});

describe('connections', () => {
  it('end after an answer of 400 or above', async () => {
    const good = await root('GET', '/version');
    const bad = await root('GET', '/access/users', { query: { nope: '1' } });

    expect(good.headers.connection).toBe('Keep-Alive');
    expect([bad.status, bad.headers.connection]).toEqual([400, 'close']);
  });

  it('carry a hundred requests and no more', async () => {
    const endings: (string | undefined)[] = [];
    for (let count = 0; count < 101; count += 1) endings.push((await root('GET', '/version')).headers.connection);

    expect(endings.indexOf('close')).toBe(99);
    expect(endings[100]).toBe('Keep-Alive');
  });

  it('in plain HTTP are sent to HTTPS: 301 for GET, 308 for the rest', async () => {
    const plain = createClient({ url: node.url.replace('https', 'http'), ca: authority.cert });

    const read = await plain('GET', '/version');
    const write = await plain('POST', '/access/ticket', { form: { username: 'a@pve', password: 'p' } });

    expect([read.status, write.status]).toEqual([301, 308]);
    expect(read.headers.location).toBe(`${node.url}/api2/json/version`);
  });

  it('are refused by a client that trusts another authority', async () => {
    const other = await createTestAuthority('Another authority');
    const stranger = createClient({ url: node.url, ca: other.cert });

    await expect(stranger('GET', '/version')).rejects.toMatchObject({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
  });
});
