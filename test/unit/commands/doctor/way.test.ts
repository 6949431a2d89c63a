import { describe, expect, it } from 'vitest';
import { checkClock } from '../../../../src/commands/doctor/clock.js';
import type { Looked } from '../../../../src/commands/doctor/look.js';
import { checkProxy, checkWay, type WayPorts } from '../../../../src/commands/doctor/way.js';
import { answered, failed, NOW } from './looked.js';
import { provoked, unwell } from './provoked.js';

const PROXY = 'the proxy http://proxy:3128 (HTTPS_PROXY)';

function way(looked: Looked, change: Partial<WayPorts> = {}) {
  return checkWay({
    names: { dns: 'login.dns', tls: 'login.tls' },
    url: new URL('https://login.example.com/x'),
    setting: 'ENTRA_AUTHORITY',
    looked,
    resolve: async () => ['192.0.2.1'],
    proxy: undefined,
    ownRoots: new Set(),
    now: NOW,
    ...change,
  });
}

const graph = { names: { dns: 'graph.dns', tls: 'graph.tls' } as const, setting: 'GRAPH_BASE_URL' };
const unknown = async () => Promise.reject(Object.assign(new Error('x'), { code: 'ENOTFOUND' }));

describe('the way to a host of Microsoft', () => {
  it('is fine where its name, its certificate and its answer are, and tells who issued it and the days left', async () => {
    const checks = await way(answered());

    expect(unwell(checks)).toEqual({});
    expect(checks[0]?.saw).toBe('login.example.com is 192.0.2.1');
    expect(checks[1]?.saw).toContain('certificate for host.example.com by Public CA, 90 d left');
  });

  it('is wrong where DNS knows no such name, and unreachable where DNS is silent', async () => {
    const silent = async () => Promise.reject(Object.assign(new Error('x'), { code: 'EAI_AGAIN' }));

    const login = await way(failed({ code: 'ENOTFOUND', certain: true }), { resolve: unknown });
    const service = await way(failed(), { ...graph, resolve: unknown });
    const later = await way(failed(), { resolve: silent });

    expect(provoked('login.dns', login).mend).toBe('check ENTRA_AUTHORITY; ask by: getent hosts login.example.com');
    expect(provoked('graph.dns', service).mend).toContain('GRAPH_BASE_URL');
    expect(provoked('login.dns', later, 'unreachable').mend).toContain('resolv.conf');
  });

  it('is wrong where the certificate is of another name, has ended, or is of an unknown root', async () => {
    const other = provoked('login.tls', await way(answered({ distrust: 'ERR_TLS_CERT_ALTNAME_INVALID' })));
    const ended = provoked('graph.tls', await way(answered({ distrust: 'CERT_HAS_EXPIRED' }), graph));
    const root = provoked('login.tls', await way(answered({ distrust: 'SELF_SIGNED_CERT_IN_CHAIN' })));

    expect(other.saw).toContain('it is for another host name');
    expect(ended.saw).toContain('it has ended');
    expect(root.mend).toContain('CA_FILE');
  });

  it('is unreachable where nobody answers, with what to look at', async () => {
    const check = provoked('login.tls', await way(failed()), 'unreachable');

    expect(check.saw).toContain('the connection was refused');
    expect(check.mend).toContain('TCP 443 to login.example.com');
  });

  it('remarks on a certificate that CA_FILE alone makes trusted: something may read along', async () => {
    const checks = await way(answered(), { ownRoots: new Set(['AA:BB']) });

    expect(checks[1]).toMatchObject({ state: 'remark', saw: expect.stringContaining('trusted by CA_FILE') });
  });

  it('through a proxy leaves the name to the proxy, and blames the proxy for its own refusal', async () => {
    const refusal = failed({ proxy: true, certain: true, text: `${PROXY} does not let us through` });

    const [dns, tls] = await way(refusal, { proxy: PROXY, resolve: unknown });
    const proxy = provoked('proxy.reach', checkProxy(PROXY, [refusal, answered()]));

    expect(dns?.state).toBe('fine');
    expect(tls).toMatchObject({ state: 'skipped', saw: expect.stringContaining('proxy.reach') });
    expect(proxy.mend).toContain('HTTPS_PROXY');
  });

  it('knows a proxy that is away from one that refuses, and none at all', () => {
    provoked('proxy.reach', checkProxy(PROXY, [failed({ proxy: true })]), 'unreachable');

    expect(unwell(checkProxy(PROXY, [answered()]))).toEqual({});
    expect(checkProxy(undefined, [failed()])).toEqual([]);
  });
});

describe('the clock', () => {
  const off = (ms: number) => [answered({ date: NOW, at: NOW + 500 + ms })];

  it('is fine within a minute, remarked on within five, and wrong beyond', () => {
    const states = [0, 59_000, -59_000, 61_000, -299_000, 301_000].map(
      (ms) => checkClock('clock.entra', 'Microsoft', off(ms))[0]?.state,
    );

    expect(states).toEqual(['fine', 'fine', 'fine', 'remark', 'remark', 'wrong']);
  });

  it('that is wrong says by how much, in which direction, and how to set it', () => {
    const ahead = provoked('clock.entra', checkClock('clock.entra', 'Microsoft', off(360_000)));
    const behind = provoked('clock.proxmox', checkClock('clock.proxmox', 'Proxmox VE', off(-3_600_000)));

    expect(ahead.saw).toBe('360 s ahead of Microsoft');
    expect(behind.saw).toBe('3600 s behind Proxmox VE');
    expect(behind.mend).toContain('timedatectl');
  });

  it('goes by whoever answers, and is not looked at where nobody tells the time', () => {
    expect(checkClock('clock.entra', 'Microsoft', [failed(), ...off(0)])[0]?.state).toBe('fine');

    provoked(
      'clock.entra',
      checkClock('clock.entra', 'Microsoft', [failed(), answered({ date: undefined })]),
      'skipped',
    );
  });
});
