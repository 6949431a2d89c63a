import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestAuthority, type TestAuthority } from '../tls.js';
import { type ProxmoxSimulator, startProxmoxSimulator } from './index.js';
import { encodedBytes } from './sizes.js';
import { type Client, createClient } from './test-client.js';

let authority: TestAuthority;
let node: ProxmoxSimulator;
let root: Client;

beforeEach(async () => {
  authority = await createTestAuthority();
  node = await startProxmoxSimulator({ authority });
  root = createClient({ url: node.url, ca: authority.cert, session: node.session('root@pam') });
});

afterEach(() => node.close());

function padded(index: number): string {
  return String(index).padStart(5, '0');
}

describe('user.cfg', () => {
  it('takes 28 bytes for a lean user', () => {
    const before = node.userCfgBytes();

    for (let index = 0; index < 10_000; index += 1) node.addUser({ userid: `u${padded(index)}@entra` });

    expect(node.userCfgBytes() - before).toBe(280_000);
  });

  it('takes three bytes for each colon, percent sign and control character, and up to twelve for one character', () => {
    expect(encodedBytes('plain text')).toBe(10);
    expect(encodedBytes('a:b%\n')).toBe(11);
    expect(encodedBytes('ü')).toBe(6);
    expect(encodedBytes('😀')).toBe(12);
  });

  it('has the same size after a change and its reversal, also where the change failed', async () => {
    node.addGroup('staff');
    node.addUser({ userid: 'bob@entra', groups: ['staff'] });
    const before = node.userCfgBytes();

    await root('PUT', '/access/users/bob@entra', { form: { comment: 'x: y', groups: '' } });
    await root('PUT', '/access/users/bob@entra', { form: { comment: '', groups: 'staff' } });
    await root('PUT', '/access/users/bob@entra', { form: { comment: 'never', groups: 'staff,nope' } });
    await root('PUT', '/access/acl', { form: { path: '/', roles: 'PVEAuditor', users: 'bob@entra' } });
    await root('PUT', '/access/acl', { form: { path: '/', roles: 'PVEAuditor', users: 'bob@entra', delete: '1' } });

    expect(node.userCfgBytes()).toBe(before);
  });

  it('holds just under six thousand realistic users; what would burst it fails whole, what shrinks it works', async () => {
    node.addGroup('staff-entra');
    let count = 0;
    const next = () => ({
      userid: `first.last${padded(count)}@contoso.com@entra`,
      firstname: `Firstname${padded(count)}`,
      lastname: 'Lastname-ab',
      email: `first.last${padded(count)}@contoso.com`,
      comment: 'entramox 00000000 4000 8000 0123456789abc',
      groups: ['staff-entra'],
    });
    while (node.userCfgBytes() + 176 <= 1_048_576) {
      node.addUser(next());
      count += 1;
    }
    const filling = { ...next(), groups: 'staff-entra' };

    const burst = await root('POST', '/access/users', { form: filling });
    const bytes = node.userCfgBytes();
    const shrunk = await root('PUT', '/access/users/first.last00000@contoso.com@entra', { form: { comment: '' } });
    const list = await root('GET', '/access/users', { query: { full: '1' } });

    expect(Math.abs(count - 5_949)).toBeLessThan(20);
    expect([burst.status, burst.message]).toEqual([
      500,
      "create user failed: unable to write '/etc/pve/user.cfg.tmp.4711' - File too large\n",
    ]);
    expect(node.user(filling.userid)).toBeUndefined();
    expect(node.group('staff-entra')?.members).toHaveLength(count);
    expect(bytes).toBeLessThanOrEqual(1_048_576);
    expect(shrunk.status).toBe(200);
    expect(list.data).toHaveLength(count + 1);
  });
});
