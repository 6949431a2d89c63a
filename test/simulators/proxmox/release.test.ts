import { afterEach, describe, expect, it } from 'vitest';
import { createTestAuthority } from '../tls.js';
import { type ProxmoxSimulator, startProxmoxSimulator } from './index.js';
import { type Client, createClient } from './test-client.js';

const authority = createTestAuthority();
let node: ProxmoxSimulator | undefined;

afterEach(() => node?.close());

async function rootOf(version: string): Promise<Client> {
  const signed = await authority;
  node = await startProxmoxSimulator({ authority: signed, version });
  return createClient({ url: node.url, ca: signed.cert, session: node.session('root@pam') });
}

describe('a node of a release', () => {
  it.each([
    ['8.3', '8.3.5', true],
    ['8.4', '8.4.14', true],
    ['9.0', '9.0.11', false],
    ['9.1', '9.1.4', false],
    ['9.2.11', '9.2.11', false],
  ])('%s tells %s and has VM.Monitor: %s, or what took its place', async (named, version, hasMonitor) => {
    const root = await rootOf(named);

    const told = await root('GET', '/version');
    const held = await root('GET', '/access/roles/Administrator');
    const old = await root('POST', '/access/roles', { form: { roleid: 'Old', privs: 'VM.Audit,VM.Monitor' } });
    const young = await root('POST', '/access/roles', { form: { roleid: 'Young', privs: 'VM.GuestAgent.Audit' } });

    expect(told.data).toMatchObject({ version });
    expect('VM.Monitor' in (held.data as object)).toBe(hasMonitor);
    expect('VM.GuestAgent.Audit' in (held.data as object)).toBe(!hasMonitor);
    expect([old.status, young.status]).toEqual(hasMonitor ? [200, 400] : [400, 200]);
    const refused = hasMonitor ? young : old;
    expect(refused.errors.privs).toContain(`invalid privilege '${hasMonitor ? 'VM.GuestAgent.Audit' : 'VM.Monitor'}'`);
  });

  it.each([
    ['8.4', 400],
    ['9.0', 400],
    ['9.1', 200],
  ])('%s makes the secret of a token anew with status %i', async (named, status) => {
    const root = await rootOf(named);
    node?.addUser({ userid: 'svc@pve' });
    const before = node?.createToken('svc@pve', 'ci') ?? '';

    const answer = await root('PUT', '/access/users/svc@pve/token/ci', { form: { regenerate: '1' } });
    const signed = await authority;
    const old = await createClient({ url: node?.url ?? '', ca: signed.cert, token: before })('GET', '/version');

    expect(answer.status).toBe(status);
    expect(old.status).toBe(status === 200 ? 401 : 200);
    if (status === 400) expect(answer.errors.regenerate).toMatch(/not defined in schema/);
  });
});

describe('a login that takes a second factor', () => {
  it('gives what is no ticket, and says that more is needed', async () => {
    const root = await rootOf('9.1');
    node?.addUser({ userid: 'alice@pve', password: 'correct horse', keys: 'x' });

    const answer = await root('POST', '/access/ticket', { form: { username: 'alice@pve', password: 'correct horse' } });
    const { ticket, NeedTFA } = answer.data as { ticket: string; NeedTFA: number };
    const cookie = `PVEAuthCookie=${encodeURIComponent(ticket)}`;
    const signed = await authority;
    const half = createClient({ url: node?.url ?? '', ca: signed.cert, session: { cookie } });

    expect([ticket.startsWith('PVE:!tfa!'), NeedTFA]).toEqual([true, 1]);
    expect((await half('GET', '/version')).status).toBe(401);
  });
});
