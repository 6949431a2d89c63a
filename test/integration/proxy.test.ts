import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createSecureContext, rootCertificates } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import WebSocket, { WebSocketServer } from 'ws';
import { readHostRule } from '../../src/config/types/host-rule.js';
import type { Clock } from '../../src/domain/clock.js';
import { createCredential } from '../../src/entra/credential.js';
import { createEntraDirectory } from '../../src/entra/directory.js';
import { createGraphClient } from '../../src/entra/graph-client.js';
import { createOutbound, type Outbound, type OutboundOptions } from '../../src/entra/outbound.js';
import { openLab } from '../lab/lab.js';
import { waitForStanding } from '../lab/look.js';
import { type ConnectProxy, type ConnectProxyOptions, startConnectProxy } from '../simulators/connect-proxy.js';
import { type EntraSimulator, startEntraSimulator } from '../simulators/entra/index.js';
import { createTestAuthority, type TestAuthority } from '../simulators/tls.js';

const signal = new AbortController().signal;
const PASSWORD = 'p@ss/w:rd%20-of-the-proxy';
const clock: Clock = { now: Date.now, sleep: async () => undefined };

let authority: TestAuthority;
let entra: EntraSimulator;
const closers: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  authority = await createTestAuthority();
  entra = await startEntraSimulator({ authority });
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
afterAll(() => entra.close());

async function openProxy(options: ConnectProxyOptions = {}): Promise<ConnectProxy> {
  const proxy = await startConnectProxy(options);
  closers.push(() => proxy.close());
  return proxy;
}

function openOutbound(proxyUrl: string, noProxy: string[] = [], more: Partial<OutboundOptions> = {}): Outbound {
  const outbound = createOutbound({
    proxy: { url: proxyUrl, noProxy: noProxy.flatMap((entry) => readHostRule(entry) ?? []) },
    secureContext: createSecureContext({ ca: [...rootCertificates, authority.cert] }),
    ...more,
  });
  closers.push(() => outbound.close());
  return outbound;
}

function connect({ dispatcher }: Outbound) {
  const said: string[] = [];
  const log = (event: string, fields: object = {}) => void said.push(`${event} ${JSON.stringify(fields)}`);
  const credential = createCredential({
    proof: { kind: 'secret', secret: entra.clientSecret },
    tenantId: entra.tenantId,
    clientId: entra.clientId,
    authority: entra.loginUrl,
    scope: 'https://graph.microsoft.com/.default',
    log,
    clock,
    dispatcher,
  });
  const graph = createGraphClient({ baseUrl: entra.graphUrl, credential, log, clock, dispatcher });
  return { graph, log, said };
}

async function readGroup(outbound: Outbound): Promise<number> {
  const { graph, log } = connect(outbound);
  const group = entra.directory.addGroup({ displayName: 'behind a proxy' });
  const directory = createEntraDirectory({ graph, groups: [group], users: [], log });
  return (await directory.groupInfo([group], signal)).size;
}

const localhost = (target: string) => /^localhost:\d+$/.test(target);

describe('a forward proxy', () => {
  it('carries the token request and the calls of Graph, over connections that are kept', async () => {
    const proxy = await openProxy();
    const outbound = openOutbound(`http://127.0.0.1:${proxy.port}`);

    const first = await readGroup(outbound);
    const opened = proxy.passages.length;
    const second = await readGroup(outbound);

    expect([first, second]).toEqual([1, 1]);
    expect(proxy.passages.every(({ target, status }) => status === 200 && localhost(target))).toBe(true);
    expect(opened).toBeGreaterThan(0);
    expect(proxy.passages).toHaveLength(opened);
    expect(proxy.bytes()).toBeGreaterThan(1000);
  });

  it('is given its user and password, whatever characters are in them', async () => {
    const proxy = await openProxy({ user: 'svc entramox', password: PASSWORD });
    const userinfo = `${encodeURIComponent('svc entramox')}:${encodeURIComponent(PASSWORD)}`;

    const found = await readGroup(openOutbound(`http://${userinfo}@127.0.0.1:${proxy.port}`));

    expect(found).toBe(1);
    expect(proxy.passages.length).toBeGreaterThan(0);
    expect(proxy.passages.every(({ status }) => status === 200)).toBe(true);
  });

  it('may speak TLS itself, trusted by the same roots', async () => {
    const proxy = await openProxy({ tls: await authority.issue(['localhost', '127.0.0.1']) });

    const found = await readGroup(openOutbound(`https://localhost:${proxy.port}`));

    expect(found).toBe(1);
    expect(proxy.passages[0]?.status).toBe(200);
  });

  it('that speaks TLS and is named by its address must have a certificate for that address, and no other', async () => {
    const proxy = await openProxy({ tls: await authority.issue(['127.0.0.1']) });
    const impostor = await openProxy({ tls: await authority.issue(['localhost']) });

    const found = await readGroup(openOutbound(`https://127.0.0.1:${proxy.port}`));
    const fooled = await readGroup(openOutbound(`https://127.0.0.1:${impostor.port}`));

    expect(impostor.passages).toEqual([]);
    expect([found, fooled]).toEqual([1, 0]);
  });

  it.each(['localhost', '.localhost', '*', 'localhost:PORT'])(
    'is left out for a host that NO_PROXY=%s names',
    async (entry) => {
      const proxy = await openProxy();
      const rule = entry.replace('PORT', new URL(entra.graphUrl).port);

      const found = await readGroup(openOutbound(`http://127.0.0.1:${proxy.port}`, [rule]));

      expect(found).toBe(1);
      expect(proxy.passages).toEqual([]);
    },
  );

  it('carries WebSockets too', async () => {
    const proxy = await openProxy();
    const server = createServer(await authority.issue(['localhost']));
    const sockets = new WebSocketServer({ server });
    sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(`heard ${data}`)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closers.push(async () => {
      for (const client of sockets.clients) client.terminate();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    const { agent } = openOutbound(`http://127.0.0.1:${proxy.port}`);

    const heard = await new Promise((resolve, reject) => {
      const socket = new WebSocket(`wss://localhost:${port}/`, { agent });
      socket.on('error', reject);
      socket.on('open', () => socket.send('hello'));
      socket.on('message', (data) => {
        resolve(String(data));
        socket.close();
      });
    });

    expect(heard).toBe('heard hello');
    expect(proxy.passages).toEqual([{ target: `localhost:${port}`, status: 200 }]);
  });
});

describe('a proxy that does not let us through is named, with its setting and without its password', () => {
  async function failureOf(outbound: Outbound): Promise<string> {
    const { graph, log, said } = connect(outbound);
    const directory = createEntraDirectory({ graph, groups: ['11111111-2222-4333-8444-555555555555'], users: [], log });
    const failure = await directory.groupInfo(['11111111-2222-4333-8444-555555555555'], signal).catch(String);
    return `${failure}\n${said.join('\n')}`;
  }

  it('when it wants other credentials, which is not tried again', async () => {
    const proxy = await openProxy({ user: 'svc', password: 'the right one' });

    const text = await failureOf(openOutbound(`http://svc:${encodeURIComponent(PASSWORD)}@127.0.0.1:${proxy.port}`));

    expect(text).toContain(
      `localhost:${new URL(entra.graphUrl).port} cannot be reached: the proxy http://127.0.0.1:${proxy.port} (HTTPS_PROXY) does not accept its user and password (status 407)`,
    );
    expect(text).not.toContain(PASSWORD);
    expect(text).not.toContain(encodeURIComponent(PASSWORD));
    expect(text).not.toContain('svc');
    expect(proxy.passages).toHaveLength(1);
  });

  it('when it asks for credentials that it was not given', async () => {
    const proxy = await openProxy({ user: 'svc', password: 'x' });

    expect(await failureOf(openOutbound(`http://127.0.0.1:${proxy.port}`))).toContain(
      '(HTTPS_PROXY) asks for a user and password (status 407): write it as http://user:password@host:port',
    );
  });

  it('when it forbids the target', async () => {
    const proxy = await openProxy();
    proxy.behave(403);

    expect(await failureOf(openOutbound(`http://127.0.0.1:${proxy.port}`))).toMatch(
      /\(HTTPS_PROXY\) does not let us through to localhost:\d+ \(status 403\)/,
    );
  });

  it('when it cannot reach the target', async () => {
    const proxy = await openProxy();
    proxy.behave(502);

    expect(await failureOf(openOutbound(`http://127.0.0.1:${proxy.port}`))).toMatch(
      /\(HTTPS_PROXY\) cannot reach localhost:\d+ \(status 502 Refused\)/,
    );
  });

  it('when it is down', async () => {
    const proxy = await startConnectProxy();
    await proxy.close();

    expect(await failureOf(openOutbound(`http://127.0.0.1:${proxy.port}`))).toContain(
      `the proxy http://127.0.0.1:${proxy.port} (HTTPS_PROXY) refuses connections: is it running, is its port right? (ECONNREFUSED)`,
    );
  });

  it('when it hangs', async () => {
    const proxy = await openProxy();
    proxy.behave('hang');
    const outbound = openOutbound(`http://127.0.0.1:${proxy.port}`, [], { connectTimeoutMs: 100 });

    expect(await failureOf(outbound)).toContain('(HTTPS_PROXY) did not answer within 100 ms');
  });

  it('when it answers something else', async () => {
    const proxy = await openProxy();
    proxy.behave('garbage');

    expect(await failureOf(openOutbound(`http://127.0.0.1:${proxy.port}`))).toMatch(
      /\(HTTPS_PROXY\) answers something that is not HTTP \(HPE_\w+\): is it a proxy for CONNECT\?/,
    );
  });

  it('when it does not speak TLS as its URL says', async () => {
    const proxy = await openProxy();

    expect(await failureOf(openOutbound(`https://127.0.0.1:${proxy.port}`))).toMatch(
      /the proxy https:\/\/127\.0\.0\.1:\d+ \(HTTPS_PROXY\) does not speak TLS as its https:\/\/ says/,
    );
  });

  it('and is not blamed for a certificate of the other side', async () => {
    const proxy = await openProxy();

    const text = await failureOf(openOutbound(`http://127.0.0.1:${proxy.port}`, [], { secureContext: undefined }));

    expect(text).toContain('see CA_FILE');
    expect(text).not.toContain('HTTPS_PROXY');
  });
});

describe('the program behind a proxy', () => {
  it('reaches Graph through it and Proxmox without it, and never tells the password', async () => {
    const proxy = await openProxy({ user: 'svc', password: PASSWORD });
    const lab = await openLab({
      settings: { HTTPS_PROXY: `http://svc:${encodeURIComponent(PASSWORD)}@127.0.0.1:${proxy.port}` },
    });
    closers.push(() => lab.close());

    lab.join('ada');
    lab.start('run');
    await lab.ready();
    await waitForStanding(lab, 'ada', { pve: 'enabled' });
    const [shown, doctor] = await Promise.all([lab.entramox('config', 'show'), lab.entramox('doctor')]);
    await lab.stopAll();

    const entraPort = new URL(lab.entra.graphUrl).port;
    const targets = new Set(proxy.passages.map(({ target }) => target));
    expect(targets).toContain(`localhost:${entraPort}`);
    // Our own public address is looked at from outside, as Graph sees it.
    expect(targets).toContain(new URL(lab.publicUrl).host);
    expect([...targets].some((target) => target.endsWith(`:${new URL(lab.proxmox.url).port}`))).toBe(false);
    expect(shown.stdout).toContain(`HTTPS_PROXY=http://[redacted]@127.0.0.1:${proxy.port}`);
    for (const text of [lab.log(), shown.stdout, doctor.stdout, doctor.stderr]) {
      expect(text).not.toContain(PASSWORD);
      expect(text).not.toContain(encodeURIComponent(PASSWORD));
      expect(text).not.toContain(Buffer.from(`svc:${PASSWORD}`).toString('base64'));
    }
  });
});
