import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { Busy, SourceUnavailable } from '../../src/domain/errors.js';
import { commentFor } from '../../src/domain/proxmox-comment.js';
import type { ProxmoxFields, ProxmoxStep } from '../../src/domain/step.js';
import { type CallReport, createProxmoxClient, type ProxmoxClient } from '../../src/targets/proxmox/client.js';
import { createRealmDirectory } from '../../src/targets/proxmox/realm-directory.js';
import { objectIdOf } from '../../src/targets/proxmox/realm-people.js';
import { createProxmoxTarget, type ProxmoxTarget } from '../../src/targets/proxmox/target.js';
import { systemClock as clock } from '../../src/telemetry/system-clock.js';
import { type ProxmoxSimulator, startProxmoxSimulator } from '../simulators/proxmox/index.js';
import { createTestAuthority, type TestAuthority, type TlsMaterial } from '../simulators/tls.js';

const REALM = 'entra';
const BASE = 'entramox-entra';
const ADMINS = 'Administrator-entra';
const OID = '11111111-2222-4333-8444-555555555555';
const OTHER_OID = '99999999-2222-4333-8444-555555555555';
const ALICE = 'alice@example.com@entra';
const ACTIVE = commentFor(
  OID,
  { presence: 'active', entitlement: { sudo: false, linuxGroups: [], pveGroups: [] } },
  undefined,
);
const FIELDS: ProxmoxFields = {
  enabled: true,
  comment: ACTIVE,
  firstName: 'Älice',
  lastName: "O'Neil: the 2nd",
  email: 'alice@example.com',
  groups: [BASE, ADMINS],
};

let authority: TestAuthority;
let simulator: ProxmoxSimulator;
let token: string;
let closers: (() => Promise<unknown>)[];
let reports: CallReport[];
let logged: unknown[];

beforeAll(async () => {
  authority = await createTestAuthority();
});

beforeEach(async () => {
  closers = [];
  reports = [];
  logged = [];
  simulator = await startProxmoxSimulator({ authority, lockDeadlineMs: 100 });
  token = simulator.prepareFor({ realm: REALM, groups: ['entramox', 'Administrator'] }).token;
});

afterEach(async () => {
  await Promise.all(closers.map((close) => close()));
  await simulator.close();
});

function clientOf(
  options: { baseUrl?: string; ca?: string | undefined; token?: string; timeoutMs?: number } = {},
): ProxmoxClient {
  const client = createProxmoxClient({
    baseUrl: simulator.url,
    token,
    ca: authority.cert,
    timeoutMs: 5_000,
    clock,
    log: (event, fields) => logged.push({ event, fields }),
    onCall: (report) => reports.push(report),
    ...options,
  });
  closers.push(() => client.close());
  return client;
}

function targetOf(client = clientOf(), managedGroups = [BASE, ADMINS]): ProxmoxTarget {
  return createProxmoxTarget({
    client,
    realm: REALM,
    managedGroups,
    adoptExisting: false,
    log: () => undefined,
    clock,
  });
}

function create(name = ALICE, fields: Partial<ProxmoxFields> = {}, oid = OID): ProxmoxStep {
  return { target: 'proxmox', action: 'create', effect: 'create', oid, name, fields: { ...FIELDS, ...fields } };
}

function lock(): ProxmoxStep {
  const before = { ...FIELDS, groups: [ADMINS, BASE] };
  return {
    target: 'proxmox',
    action: 'update',
    effect: 'lock',
    oid: OID,
    name: ALICE,
    change: { enabled: false },
    groups: [BASE],
    append: false,
    before,
  };
}

function never(): AbortSignal {
  return new AbortController().signal;
}

function caught(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => {
      throw new Error('expected a rejection');
    },
    (error: Error) => error,
  );
}

/** A TLS server that answers every request in the way given, for what no well-behaved API does. */
async function hostileServer(answer: RequestListener, tls?: TlsMaterial): Promise<{ baseUrl: string; server: Server }> {
  const server = createServer(tls ?? (await authority.issue(['127.0.0.1'])), answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { server, baseUrl: `https://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function hostile(answer: RequestListener, tls?: TlsMaterial): Promise<string> {
  return (await hostileServer(answer, tls)).baseUrl;
}

test('lists the users once for the marks and the sights of a sweep, and anew after a write', async () => {
  const target = targetOf();
  await target.apply(create(), never());
  const asks = [
    { oid: OID, name: ALICE },
    ...[1, 2, 3].map((n) => ({ oid: `o${n}`, name: `p${n}@example.com@entra` })),
  ];
  const listings = () => simulator.calls({ method: 'GET', path: '/access/users' }).length;
  const before = listings();
  const sweep = target.listedOnce();

  const marks = await sweep.marks(never());
  const sights = await sweep.observe(asks, never());
  const once = listings() - before;
  await sweep.apply(lock(), never());
  const again = await sweep.observe(asks, never());

  expect(marks).toMatchObject([{ oid: OID }]);
  expect(sights.get(OID)).toMatchObject({ certainty: 'present', value: { enabled: true } });
  expect(once).toBe(1);
  expect(again.get(OID)).toMatchObject({ certainty: 'present', value: { enabled: false } });
});

test('creates a user, sees it as it was written, locks it by one write, and sees that', async () => {
  const target = targetOf();
  const before = (await target.observe([{ oid: OID, name: ALICE }], never())).get(OID);

  await target.apply(create(), never());
  const created = (await target.observe([{ oid: OID, name: ALICE }], never())).get(OID);
  await target.apply(lock(), never());
  const locked = simulator.user(ALICE);

  expect(before).toEqual({ certainty: 'absent' });
  expect(created).toEqual({ certainty: 'present', value: { userid: ALICE, ...FIELDS, groups: [ADMINS, BASE] } });
  expect(locked).toMatchObject({ enabled: false, groups: [BASE], comment: ACTIVE, firstname: 'Älice' });
  expect(simulator.writes).toBe(2);
});

test('keeps groups that are not ours when it appends', async () => {
  simulator.addGroup('zoo');
  simulator.addUser({ userid: ALICE, comment: ACTIVE, groups: [BASE, 'zoo'] });
  const target = targetOf();

  await target.apply({ ...lock(), append: true } as ProxmoxStep, never());

  expect(simulator.user(ALICE)).toMatchObject({ enabled: false, groups: [BASE, 'zoo'] });
});

test.each(["o'neil+x#1%41!@example.com@entra", 'bob.smith_contoso.com#EXT#@x.io@entra'])(
  'handles the userid %s, which needs encoding',
  async (name) => {
    const target = targetOf();

    await target.apply(create(name), never());
    const sight = (await target.observe([{ oid: OID, name }], never())).get(OID);

    expect(sight).toMatchObject({ certainty: 'present', value: { userid: name } });
    expect(simulator.users().map(({ userid }) => userid)).toContain(name);
  },
);

test('says the same of a sweep as of single reads, for all that stands in the way', async () => {
  simulator.addUser({ userid: ALICE, comment: ACTIVE, groups: [BASE] });
  simulator.addUser({ userid: 'bob@entra', comment: 'by hand', groups: [BASE] });
  simulator.addUser({ userid: 'carol@entra', comment: `entra:${OTHER_OID}`, groups: [BASE] });
  simulator.addUser({ userid: 'Dave@entra', groups: [BASE] });
  simulator.addGroup('Auditor-entra', { members: ['erin@entra'] });
  grantModifyOn('Auditor-entra');
  const names = [ALICE, 'bob@entra', 'carol@entra', 'dave@entra', 'erin@entra', 'frank@entra'];
  const asks = names.map((name, n) => ({ name, oid: n === 0 ? OID : objectIdOf(name) }));
  const target = targetOf(clientOf(), [BASE, ADMINS, 'Auditor-entra']);

  const swept = await target.observe(asks, never());
  const single = new Map();
  for (const ask of asks) single.set(ask.oid, (await target.observe([ask], never())).get(ask.oid));

  expect(asks.map(({ oid }) => swept.get(oid)?.certainty)).toEqual([
    'present',
    'foreign',
    'foreign',
    'foreign',
    'foreign',
    'absent',
  ]);
  expect(swept).toEqual(single);
});

/** Lets the prepared token write users of one more group. */
function grantModifyOn(group: string): void {
  for (const entry of simulator.acl().filter(({ path }) => path === `/access/groups/${BASE}`)) {
    simulator.setAcl({ ...entry, path: `/access/groups/${group}` });
  }
}

test('takes what a token without rights sees for unknown, not for absent', async () => {
  simulator.addUser({ userid: 'idle@pve' });
  simulator.addUser({ userid: ALICE, comment: ACTIVE, groups: [BASE] });
  const client = clientOf({ token: simulator.createToken('idle@pve', 'nothing') });

  const sight = (await targetOf(client).observe([{ oid: OID, name: ALICE }], never())).get(OID);
  const directory = createRealmDirectory({ client, realm: REALM, remembered: () => [], log: () => undefined, clock });

  expect(sight).toMatchObject({ certainty: 'unknown', why: expect.stringContaining('on /access/groups') });
  await expect(directory.readScope(never())).rejects.toThrow('on /access/groups');
});

test('accepts rights that are inherited from above', async () => {
  simulator.addUser({ userid: 'wide@pve' });
  simulator.setAcl({ path: '/access', type: 'user', ugid: 'wide@pve', roleid: 'Administrator' });
  simulator.addUser({ userid: ALICE, comment: ACTIVE, groups: [BASE] });
  const client = clientOf({ token: simulator.createToken('wide@pve', 'all', { privsep: false }) });

  const findings = await targetOf(client).check(never());
  const sight = (await targetOf(client).observe([{ oid: OID, name: ALICE }], never())).get(OID);

  expect(findings.filter(({ ok }) => !ok)).toEqual([]);
  expect(sight?.certainty).toBe('present');
});

test('finds nothing wrong with a node that is set up, and names a managed group that is not', async () => {
  const well = await targetOf().check(never());
  const target = targetOf(clientOf(), [BASE, 'Auditor-entra']);
  const lacking = await target.check(never());

  expect(well.filter(({ ok }) => !ok)).toEqual([]);
  expect(lacking.filter(({ ok }) => !ok).map(({ mend }) => mend)).toContainEqual(
    expect.stringContaining('pveum group add Auditor-entra'),
  );
  await expect(target.missingGroups(never())).resolves.toEqual(['Auditor-entra']);
});

test('reads the enabled users of a realm as the source', async () => {
  simulator.addUser({ userid: ALICE, firstname: 'Alice' });
  simulator.addUser({ userid: 'bob@entra', enabled: false });
  simulator.addUser({ userid: 'carol@entra', expire: 1_000 });
  const directory = createRealmDirectory({
    client: clientOf(),
    realm: REALM,
    remembered: () => [],
    log: () => undefined,
    clock,
  });

  const scope = await directory.readScope(never());

  const enabled = [...scope.identities.values()].map((reading) =>
    reading.certainty === 'present' ? [reading.attributes.upn, reading.enabled] : [],
  );
  expect(enabled.toSorted()).toEqual([
    ['alice@example.com', true],
    ['bob', false],
    ['carol', false],
  ]);
});

test('never lets two writes overlap, and reads beside them', async () => {
  let writing = 0;
  let mostWriting = 0;
  let letGo = (): void => undefined;
  const readIsDone = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const order: string[] = [];
  const baseUrl = await hostile((request, response) => {
    if (request.method === 'GET') return void response.end('{"data":"read"}');
    writing += 1;
    mostWriting = Math.max(mostWriting, writing);
    order.push(request.url ?? '');
    void readIsDone.then(() => {
      writing -= 1;
      response.end('{"data":null}');
    });
  });
  const client = clientOf({ baseUrl });
  const put = (userid: string) =>
    client.write({ method: 'PUT', route: '/access/users/{userid}', params: { userid }, body: { enable: 0 } }, never());
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];

  const writes = Promise.all(names.map(put));
  await vi.waitUntil(() => writing > 0, { timeout: 10_000 });
  const read = await client.get({ route: '/version' }, z.unknown(), never());
  const sentMeanwhile = order.length;
  letGo();
  await writes;

  expect(read).toBe('read');
  expect(sentMeanwhile).toBe(1);
  expect(mostWriting).toBe(1);
  expect(order.map((url) => url.slice(-1))).toEqual(names);
});

test('gets its write through once another holder of the lock lets go', async () => {
  const release = await simulator.faults.holdLock();
  const applying = targetOf().apply(create(), never());
  await vi.waitUntil(() => JSON.stringify(logged).includes('proxmox.call.retried'), { timeout: 10_000 });

  release();
  await applying;

  expect(simulator.user(ALICE)?.enabled).toBe(true);
});

test('says Busy where the cluster has lost its quorum, and writes nothing', async () => {
  simulator.faults.loseQuorum(true);

  const error = await caught(targetOf().apply(create(), never()));

  expect(error).toBeInstanceOf(Busy);
  expect(error.message).toContain('quorum');
  expect(simulator.user(ALICE)).toBeUndefined();
});

test('says that user.cfg is full', async () => {
  const small = await startProxmoxSimulator({ authority, userCfgCapBytes: 2_000 });
  closers.push(() => small.close());
  const prepared = small.prepareFor({ realm: REALM, groups: ['entramox', 'Administrator'] });
  const client = clientOf({ baseUrl: small.url, token: prepared.token });

  const error = await caught(
    targetOf(client).apply(create(ALICE, { comment: `${'é'.repeat(300)} ${ACTIVE}` }), never()),
  );

  expect(error).toMatchObject({ name: 'Busy', cause: { kind: 'full' } });
  expect(small.user(ALICE)).toBeUndefined();
});

test('does not repeat a write whose answer was lost, and takes it for done on the next attempt', async () => {
  const target = targetOf();
  simulator.faults.dropNext({ method: 'POST' }, 1, 'after');

  const first = await caught(target.apply(create(), never()));
  const posts = simulator.calls({ method: 'POST' }).length;
  await target.apply(create(), never());

  expect(first).toBeInstanceOf(Busy);
  expect(posts).toBe(1);
  expect(simulator.user(ALICE)?.enabled).toBe(true);
});

test('reads again over a dropped connection', async () => {
  simulator.addUser({ userid: ALICE, comment: ACTIVE, groups: [BASE] });
  simulator.faults.dropNext({ method: 'GET' }, 2);

  const sight = (await targetOf().observe([{ oid: OID, name: ALICE }], never())).get(OID);

  expect(sight?.certainty).toBe('present');
});

test('works over many more calls than one connection may carry', async () => {
  simulator.addUser({ userid: ALICE, comment: ACTIVE, groups: [BASE] });
  const target = targetOf();

  for (let n = 0; n < 250; n += 1) {
    const sight = (await target.observe([{ oid: OID, name: ALICE }], never())).get(OID);
    if (sight?.certainty !== 'present') throw new Error(`pass ${n}: ${JSON.stringify(sight)}`);
  }

  expect(logged).toEqual([]);
});

test('explains a disabled service user', async () => {
  simulator.setUser('entramox@pve', { enabled: false });

  const findings = await targetOf().check(never());

  expect(findings).toEqual([expect.objectContaining({ ok: false, mend: expect.stringContaining('PVE_API_TOKEN') })]);
});

test('sights 5,000 users by four calls', async () => {
  const people = Array.from({ length: 5_000 }, (_, n) => `p${n}@entra`);
  const busy = await startProxmoxSimulator({ authority, userCfgCapBytes: 64 * 1024 * 1024 });
  closers.push(() => busy.close());
  const prepared = busy.prepareFor({ realm: REALM, groups: ['entramox', 'Administrator'] });
  for (const userid of people) busy.addUser({ userid, comment: `entra:${objectIdOf(userid)}`, groups: [BASE] });
  const target = targetOf(clientOf({ baseUrl: busy.url, token: prepared.token }));

  const sights = await target.observe(
    [...people, 'gone@entra'].map((name) => ({ name, oid: objectIdOf(name) })),
    never(),
  );

  expect([...sights.values()].filter(({ certainty }) => certainty === 'present')).toHaveLength(5_000);
  expect(sights.get(objectIdOf('gone@entra'))).toEqual({ certainty: 'absent' });
  expect(reports).toHaveLength(4);
});

test('names PVE_CA_FILE and the host where the authority is unknown', async () => {
  const stranger = await createTestAuthority('another authority');

  const withOther = await caught(clientOf({ ca: stranger.cert }).get({ route: '/version' }, z.unknown(), never()));
  const withNone = await caught(clientOf({ ca: undefined }).get({ route: '/version' }, z.unknown(), never()));

  for (const error of [withOther, withNone]) {
    expect(error).toBeInstanceOf(SourceUnavailable);
    expect(error.message).toContain('PVE_CA_FILE');
    expect(error.message).toContain(`localhost:${simulator.port}`);
  }
  expect(simulator.calls()).toEqual([]);
});

test('names the names of a certificate that is for another host, sends it nothing, and tries anew each time', async () => {
  let requests = 0;
  const tls = await authority.issue(['pve9.example.test']);
  const baseUrl = await hostile((_, response) => {
    requests += 1;
    response.end();
  }, tls);
  const client = clientOf({ baseUrl });

  const write = { method: 'POST' as const, route: '/access/users', body: {} };
  const errors = [
    await caught(client.write(write, never())),
    await caught(client.write(write, never())),
    await caught(client.get({ route: '/version' }, z.unknown(), never())),
    await caught(client.get({ route: '/version' }, z.unknown(), never())),
  ];

  for (const error of errors) {
    expect(error).toBeInstanceOf(SourceUnavailable);
    expect(error.message).toContain('DNS:pve9.example.test');
    expect(error.message).toContain('PVE_CA_FILE');
  }
  expect(requests).toBe(0);
});

test('takes up work again once the certificate is mended, with the same client', async () => {
  const wrong = await authority.issue(['pve9.example.test']);
  const right = await authority.issue(['127.0.0.1']);
  const { baseUrl, server } = await hostileServer((_, response) => response.end('{"data":"ok"}'), wrong);
  const client = clientOf({ baseUrl });
  await caught(client.get({ route: '/version' }, z.unknown(), never()));

  server.setSecureContext(right);
  const data = await client.get({ route: '/version' }, z.unknown(), never());

  expect(data).toBe('ok');
});

test('sends a content-length, never chunks, and keeps its connection', async () => {
  const seen: { length: string | undefined; encoding: string | undefined; port: number | undefined }[] = [];
  const baseUrl = await hostile((request, response) => {
    const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
    seen.push({ length, encoding, port: request.socket.remotePort });
    request.resume().on('end', () => response.end('{"data":null}'));
  });
  const client = clientOf({ baseUrl });
  const body = { comment: 'ü'.repeat(10) };

  await client.write({ method: 'PUT', route: '/access/users/{userid}', params: { userid: 'a@entra' }, body }, never());
  await client.write({ method: 'PUT', route: '/access/users/{userid}', params: { userid: 'a@entra' }, body }, never());

  const length = String(Buffer.byteLength(JSON.stringify(body)));
  expect(seen.map((request) => [request.length, request.encoding])).toEqual([
    [length, undefined],
    [length, undefined],
  ]);
  expect(seen[0]?.port).toBe(seen[1]?.port);
});

test('gives up an answer that never ends', async () => {
  let closed = false;
  const baseUrl = await hostile((_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const chunk = Buffer.alloc(256 * 1024, 0x20);
    const pump = (): void => {
      while (!response.destroyed && response.write(chunk));
    };
    response.on('drain', pump).on('close', () => {
      closed = true;
    });
    pump();
  });

  const error = await caught(clientOf({ baseUrl }).get({ route: '/version' }, z.unknown(), never()));

  expect(error).toBeInstanceOf(SourceUnavailable);
  expect(error.message).toContain('longer than');
  await vi.waitUntil(() => closed, { timeout: 10_000 });
});

test('does not wait for the gigabyte that an answer announces', async () => {
  let closed = false;
  const baseUrl = await hostile((_, response) => {
    response.on('close', () => {
      closed = true;
    });
    response.writeHead(200, { 'content-length': 2 ** 30 });
    response.write('{"data":[');
  });

  const error = await caught(clientOf({ baseUrl }).get({ route: '/version' }, z.unknown(), never()));

  expect(error).toBeInstanceOf(SourceUnavailable);
  expect(error.message).toContain(String(2 ** 30));
  await vi.waitUntil(() => closed, { timeout: 10_000 });
});

test('ends an answer that drips, after the time-out', async () => {
  const baseUrl = await hostile((_, response) => {
    response.writeHead(200);
    const drip = setInterval(() => response.write(' '), 20);
    response.on('close', () => clearInterval(drip));
  });

  const error = await caught(clientOf({ baseUrl, timeoutMs: 200 }).get({ route: '/version' }, z.unknown(), never()));

  expect(error).toBeInstanceOf(SourceUnavailable);
  expect(error.message).toContain('within 200 ms');
});

test('takes an answer that is cut off for a broken read, and tries it again', async () => {
  let requests = 0;
  const baseUrl = await hostile((_, response) => {
    requests += 1;
    if (requests > 1) return void response.end('{"data":"whole"}');
    response.writeHead(200, { 'content-length': 100 });
    response.write('{"data":', () => response.destroy());
  });

  const data = await clientOf({ baseUrl }).get({ route: '/version' }, z.unknown(), never());

  expect(data).toBe('whole');
  expect(requests).toBe(2);
});

test('lets go of a stalled write, and of the one that waits behind it, at once when told to stop', async () => {
  let requests = 0;
  const baseUrl = await hostile(() => {
    requests += 1;
  });
  const stop = new AbortController();
  const client = clientOf({ baseUrl });
  const put = {
    method: 'PUT' as const,
    route: '/access/users/{userid}',
    params: { userid: ALICE },
    body: { enable: 0 },
  };

  const stalled = caught(client.write(put, stop.signal));
  const waiting = caught(client.write(put, stop.signal));
  await vi.waitUntil(() => requests > 0, { timeout: 10_000 });
  stop.abort(new Error('stopping'));

  expect((await stalled).message).toBe('stopping');
  expect((await waiting).message).toBe('stopping');
  expect(requests).toBe(1);
});

test('answers unknown where nothing listens', async () => {
  const client = clientOf({ baseUrl: 'https://127.0.0.1:1' });

  const sight = (await targetOf(client).observe([{ oid: OID, name: ALICE }], never())).get(OID);
  const written = await caught(targetOf(client).apply(create(), never()));

  expect(sight).toMatchObject({ certainty: 'unknown', why: expect.stringContaining('ECONNREFUSED') });
  expect(written).toBeInstanceOf(Busy);
});
