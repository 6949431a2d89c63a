import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestAuthority, type TestAuthority } from '../tls.js';
import { type ProxmoxSimulator, startProxmoxSimulator } from './index.js';
import { type Client, createClient } from './test-client.js';

let authority: TestAuthority;
let node: ProxmoxSimulator;
let root: Client;

beforeEach(async () => {
  authority = await createTestAuthority();
  node = await startProxmoxSimulator({ authority, lockDeadlineMs: 20 });
  node.addUser({ userid: 'bob@entra' });
  root = createClient({ url: node.url, ca: authority.cert, session: node.session('root@pam') });
});

afterEach(() => node.close());

const TEMPLATE = '/access/users/{userid}';

describe('faults', () => {
  it('answer as told, for the calls that match and as often as told', async () => {
    node.faults.failNext({ method: 'PUT', path: TEMPLATE }, { status: 596, text: 'Connection timed out' }, 2);

    const read = await root('GET', '/access/users/bob@entra');
    const writes = [];
    for (let count = 0; count < 3; count += 1) {
      writes.push(await root('PUT', '/access/users/bob@entra', { form: { comment: 'x' } }));
    }

    expect(read.status).toBe(200);
    expect(writes.map((answer) => answer.status)).toEqual([596, 596, 200]);
    expect(writes[0]).toMatchObject({ reason: 'Connection timed out', text: '' });
  });

  it('drop the connection before or after the work is done', async () => {
    node.faults.dropNext({ method: 'POST' });
    await expect(root('POST', '/access/groups', { form: { groupid: 'early' } })).rejects.toThrow();
    node.faults.dropNext({ method: 'POST' }, 1, 'after');
    await expect(root('POST', '/access/groups', { form: { groupid: 'late' } })).rejects.toThrow();

    expect(node.groups()).toEqual(['late']);
    expect(node.calls({ method: 'POST' }).map((call) => call.status)).toEqual([0, 0]);
  });

  it('give an empty list where there is something', async () => {
    node.faults.emptyList({ path: '/access/users' });

    const first = await root('GET', '/access/users');
    const second = await root('GET', '/access/users');

    expect(first.data).toEqual([]);
    expect(second.data).toHaveLength(2);
  });

  it('stall a call while others are served', async () => {
    node.faults.stall(60_000, { path: '/version' });
    const stalled = Promise.allSettled([root('GET', '/version')]);

    const other = await root('GET', '/access/users');
    await node.close();

    expect(other.status).toBe(200);
    expect((await stalled)[0]?.status).toBe('rejected');
  });

  it('fail every write without a quorum and when the lock is not to be had, changing nothing', async () => {
    node.faults.loseQuorum(true);
    const noQuorum = await root('PUT', '/access/users/bob@entra', { form: { enable: '0' } });
    node.faults.loseQuorum(false);
    const release = await node.faults.holdLock();
    const locked = await root('PUT', '/access/users/bob@entra', { form: { enable: '0' } });
    const read = await root('GET', '/access/users/bob@entra');
    release();
    const after = await root('PUT', '/access/users/bob@entra', { form: { comment: 'x' } });

    expect([noQuorum.status, noQuorum.message]).toEqual([
      500,
      "update user failed: cfs-lock 'file-user_cfg' error: no quorum!\n",
    ]);
    expect([locked.status, locked.message]).toEqual([
      500,
      "update user failed: cfs-lock 'file-user_cfg' error: got lock request timeout\n",
    ]);
    expect([read.status, after.status]).toEqual([200, 200]);
    expect(node.user('bob@entra')?.enabled).toBe(true);
  });

  it('slow every write down, so that a second one does not get the lock in time', async () => {
    node.faults.slow({ writeMs: 300 });
    const groups = ['g1', 'g2'];

    const answers = await Promise.all(groups.map((groupid) => root('POST', '/access/groups', { form: { groupid } })));

    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 500]);
    expect(answers.find((answer) => answer.status === 500)?.message).toContain('got lock request timeout');
    expect(node.groups()).toHaveLength(1);
  });

  it('end when they are cleared', async () => {
    node.faults.failNext({}, { status: 500, text: 'got timeout' }, 100);
    node.faults.loseQuorum(true);
    node.faults.clear();

    const answer = await root('PUT', '/access/users/bob@entra', { form: { enable: '0' } });

    expect(answer.status).toBe(200);
  });
});

describe('the journal', () => {
  it('has each call with template, path, status and caller, and counts rewrites of user.cfg', async () => {
    await root('GET', '/access/users/bob@entra');
    await root('PUT', '/access/users/bob@entra', { form: { enable: '0' } });
    await root('PUT', '/access/users/nobody@entra', { form: { enable: '0' } });

    expect(node.calls({ path: TEMPLATE })).toEqual([
      { method: 'GET', template: TEMPLATE, path: '/access/users/bob@entra', status: 200, authid: 'root@pam' },
      { method: 'PUT', template: TEMPLATE, path: '/access/users/bob@entra', status: 200, authid: 'root@pam' },
      { method: 'PUT', template: TEMPLATE, path: '/access/users/nobody@entra', status: 500, authid: 'root@pam' },
    ]);
    expect(node.calls({ status: 500 })).toHaveLength(1);
    expect(node.writes).toBe(1);
    node.resetCounters();
    expect([node.calls(), node.writes]).toEqual([[], 0]);
  });
});
