import { randomUUID } from 'node:crypto';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../lab/wait.js';
import { type LogLine, openWard, sides, type Ward } from './bad-input-lab.js';

const NOTIFICATIONS = '/graph/notifications';
const MIB = 1024 * 1024;

let ward: Ward;
beforeAll(async () => {
  // No trailing looks, so that whatever is looked at is looked at because of what comes in.
  ward = await openWard({ residents: ['alice', 'bob'], admins: ['bob'], settings: { CONFIRM_AFTER: '1h' } });
});
afterAll(() => ward?.close());

/** The subscription on everybody's group, as Graph and the listener know it. */
function subscription() {
  const found = ward.lab.entra.subscriptions().find(({ watched }) => watched.id === ward.lab.groups.everybody);
  if (!found) throw new Error('there is no subscription on the group of everybody');
  return found;
}

/** What Graph would send if alice had been removed from the group. */
function removalOfAlice(change: Record<string, unknown> = {}) {
  const { id, clientState } = subscription();
  const { everybody } = ward.lab.groups;
  return {
    subscriptionId: id,
    clientState,
    changeType: 'updated',
    tenantId: ward.lab.entra.tenantId,
    resource: `Groups/${everybody}`,
    resourceData: {
      '@odata.type': '#Microsoft.Graph.Group',
      id: everybody,
      'members@delta': [{ id: ward.people.alice, '@removed': 'deleted' }],
    },
    ...change,
  };
}

const bodyOf = (...items: unknown[]) => JSON.stringify({ value: items });
const dropped = (outcome: string) => ward.metric('entramox_notifications_total', `outcome="${outcome}"`);

describe(`A handshake with a bad token${sides}`, () => {
  it('gives markup back as plain text that no browser would run', async () => {
    const token = '<script>alert("x")</script>&<img src=x onerror=alert(1)>';

    const answer = await ward.post(`${NOTIFICATIONS}?validationToken=${encodeURIComponent(token)}`);

    expect(answer).toMatchObject({ status: 200, text: token });
    expect(answer.headers).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'x-content-type-options': 'nosniff',
      'content-security-policy': expect.stringContaining("default-src 'none'"),
    });
  });

  it.each([
    ['an empty one', '?validationToken=', 400],
    ['none at all and no body', '', 400],
    ['one of 5,000 characters', `?validationToken=${'t'.repeat(5000)}`, 400],
    ['one that is longer than any header may be', `?validationToken=${'t'.repeat(20_000)}`, 431],
    ['two', '?validationToken=a&validationToken=b', 400],
    ['line breaks that would split the answer', '?validationToken=a%0d%0aX-Injected:%20yes', 400],
  ])('is refused for %s, and work goes on', async (_what, query, status) => {
    const before = ward.world();

    const answer = await ward.post(`${NOTIFICATIONS}${query}`);

    expect(answer).toMatchObject({ status, text: '' });
    expect(answer.headers).not.toHaveProperty('x-injected');
    expect(ward.world()).toEqual(before);
  });

  it('leaves a daemon that provisions the next joiner', async () => {
    const line = await ward.heard('listener.request.refused', ({ kind }) => kind === 'bad-token');

    expect(line).toMatchObject({ status: 400, why: expect.any(String) });
    await ward.welcomesNewcomer();
  });
});

describe(`A body that is no notification${sides}`, () => {
  const nested = `{"value":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
  it.each<[string, () => Buffer | string, number, string]>([
    ['text', () => 'hello', 400, 'malformed'],
    ['JSON that breaks off', () => bodyOf(removalOfAlice()).slice(0, -5), 400, 'malformed'],
    ['not UTF-8', () => Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]), 400, 'malformed'],
    ['a list', () => '[]', 400, 'malformed'],
    ['null', () => 'null', 400, 'malformed'],
    ['nested 100,000 deep', () => nested, 400, 'malformed'],
    ['one with a __proto__', () => '{"__proto__":{"admin":true},"value":[]}', 400, 'malformed'],
    [
      'one with a __proto__ in an item',
      () => bodyOf(removalOfAlice()).replace('{"subscriptionId"', '{"__proto__":{"x":1},"subscriptionId"'),
      400,
      'malformed',
    ],
    ['a byte more than 1 MiB', () => `{"value":[]}${' '.repeat(MIB - 11)}`, 413, 'too-large'],
  ])('is refused: %s', async (_what, body, status, outcome) => {
    const [before, counted] = [ward.world(), await dropped(outcome)];

    const answer = await ward.post(NOTIFICATIONS, body());

    expect(answer).toMatchObject({ status, text: '' });
    expect(await dropped(outcome)).toBe(counted + 1);
    await ward.heard('listener.request.refused', ({ kind }) => kind === outcome);
    expect(ward.world()).toEqual(before);
  });

  it('leaves a daemon that provisions the next joiner, and is told of once rather than each time', async () => {
    await ward.welcomesNewcomer();

    expect(ward.events('listener.request.refused', ({ kind }) => kind === 'malformed')).toHaveLength(1);
    expect((await ward.readyz()).status).toBe(200);
  });
});

describe(`An item that is not for us${sides}`, () => {
  it.each<[string, () => Record<string, unknown>, string]>([
    ['a wrong clientState', () => ({ clientState: 'x'.repeat(43) }), 'wrong-client-state'],
    ['a clientState that is null', () => ({ clientState: null }), 'wrong-client-state'],
    ['no clientState', () => ({ clientState: undefined }), 'wrong-client-state'],
    ['a clientState in a list', () => ({ clientState: [subscription().clientState] }), 'wrong-client-state'],
    ['another tenant', () => ({ tenantId: randomUUID() }), 'wrong-tenant'],
    ['an unknown subscription', () => ({ subscriptionId: randomUUID() }), 'unknown-subscription'],
    ['a subscription id that is a path', () => ({ subscriptionId: '../../etc/passwd' }), 'unknown-subscription'],
    ['a resource that is a path', () => ({ resource: 'Groups/../../../etc/shadow' }), 'wrong-resource'],
    ['a group id that is no GUID', () => ({ resource: "Groups/1' or '1'='1" }), 'bad-id'],
    ['a group that is not watched', () => ({ resource: `Groups/${randomUUID()}` }), 'wrong-resource'],
    ['__proto__ as its resource', () => ({ resource: '__proto__' }), 'wrong-resource'],
  ])('is dropped and still answered 202: %s', async (_what, change, outcome) => {
    await ward.rests();
    const alice = new RegExp(ward.people.alice ?? 'nobody');
    const [before, counted, asked] = [ward.world(), await dropped(outcome), ward.lab.entra.calls.count(alice)];

    const answer = await ward.post(NOTIFICATIONS, bodyOf(removalOfAlice(change())));

    expect(answer).toMatchObject({ status: 202, text: '' });
    expect(await dropped(outcome)).toBe(counted + 1);
    await ward.heard('listener.item.dropped', ({ kind }) => kind === outcome);
    expect(ward.events('listener.item.dropped', ({ kind }) => kind === outcome)).toHaveLength(1);
    const { queue } = await ward.status();
    expect(queue.pending - queue.deferred + queue.processing).toBe(0);
    expect(ward.lab.entra.calls.count(alice)).toBe(asked);
    expect(ward.world()).toEqual(before);
  });

  it('makes no key of a member id that is a path or no GUID, and takes the good ones beside it', async () => {
    const before = ward.world();
    const settled = ward.events('reconcile.identity.settled', ({ oid }) => oid === ward.people.bob).length;
    const hostile = ['../../../etc/shadow', '', 'ALL', 7, null, ['a'], `${ward.people.alice}/../x`, '-rf'];
    const members = [...hostile.map((id) => ({ id })), { id: ward.people.bob }];
    const resourceData = { id: ward.lab.groups.everybody, 'members@delta': members };

    const answer = await ward.post(NOTIFICATIONS, bodyOf(removalOfAlice({ resourceData })));

    expect(answer.status).toBe(202);
    expect(await dropped('bad-id')).toBeGreaterThanOrEqual(hostile.length);
    await ward.heard('reconcile.identity.settled', ({ oid }) => oid === ward.people.bob, settled);
    expect(ward.world()).toEqual(before);
  });

  it('does not keep the genuine item beside it from being worked on', async () => {
    const name = 'newcomer900';
    const oid = ward.lab.entra.notifications.silently(() => ward.lab.join(name));
    const genuine = removalOfAlice({
      resourceData: { id: ward.lab.groups.everybody, 'members@delta': [{ id: oid }] },
    });
    const bad = [null, 7, [], 'text', {}, removalOfAlice({ clientState: 'no' }), removalOfAlice({ tenantId: null })];

    const answer = await ward.post(NOTIFICATIONS, bodyOf(...bad, genuine, ...bad));

    expect(answer.status).toBe(202);
    await waitFor('the one of the genuine item', () => ward.provisioned(name));
  });

  it('leaves a daemon that provisions the next joiner', async () => {
    await ward.welcomesNewcomer();

    expect(ward.provisioned('alice') && ward.provisioned('bob')).toBe(true);
  });
});

describe(`A genuine item that says somebody was removed${sides}`, () => {
  it.each<[string, unknown]>([
    ['text', 'deleted'],
    ['an object', { reason: 'deleted' }],
    ['an object with a __proto__-like key', { constructor: { prototype: {} } }],
  ])('as %s locks nobody who is still a member', async (_what, mark) => {
    const before = ward.world();
    const fits = ({ oid }: LogLine) => oid === ward.people.alice;
    const settled = ward.events('reconcile.identity.settled', fits).length;
    const members = [{ id: ward.people.alice, '@removed': mark }];
    const resourceData = { id: ward.lab.groups.everybody, 'members@delta': members };

    const answer = await ward.post(NOTIFICATIONS, bodyOf(removalOfAlice({ resourceData })));

    expect(answer.status).toBe(202);
    // The second look comes after the pause that a lock needs; neither finds that she left.
    await ward.heard('reconcile.identity.settled', fits, settled + 1);
    expect(ward.world()).toEqual(before);
  });

  it.each(['deleted', { reason: 'changed' }])('as %j locks the one who is none any more', async (mark) => {
    const name = typeof mark === 'string' ? 'newcomer901' : 'newcomer902';
    const oid = ward.lab.join(name);
    await waitFor('the person', () => ward.provisioned(name));
    ward.lab.entra.notifications.silently(() => ward.lab.entra.directory.removeMember(ward.lab.groups.everybody, oid));
    const resourceData = { id: ward.lab.groups.everybody, 'members@delta': [{ id: oid, '@removed': mark }] };

    await ward.post(NOTIFICATIONS, bodyOf(removalOfAlice({ resourceData })));

    await waitFor('the lock', () => ward.lockedOut(name));
    expect(ward.provisioned('alice') && ward.provisioned('bob')).toBe(true);
  });
});

describe(`Clients that hold connections${sides}`, () => {
  const sockets: TLSSocket[] = [];
  afterAll(() => {
    for (const socket of sockets) socket.destroy();
  });

  /** Opens a connection that says this much and then nothing more. */
  function open(words: string): Promise<void> {
    const port = Number(new URL(ward.lab.publicUrl).port);
    return new Promise((resolve) => {
      const socket = connectTls({ host: '127.0.0.1', port, servername: 'localhost', ca: ward.ca() });
      sockets.push(socket);
      // Whoever does not read never learns that the other side hung up.
      socket.resume();
      // The listener may hang up on us at any time, which is its good right.
      for (const end of ['error', 'close'] as const) socket.once(end, () => resolve());
      socket.once('secureConnect', () => {
        socket.write(words);
        resolve();
      });
    });
  }

  async function openMany(count: number): Promise<void> {
    const head = `POST ${NOTIFICATIONS} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;
    const words = ['', head, `${head}Content-Length: 5000\r\n\r\n{"value":[`, `${head}X-Slow: `];
    for (let opened = 0; opened < count; opened += 50) {
      const some = Array.from(
        { length: Math.min(50, count - opened) },
        (_, index) => words[index % words.length] ?? '',
      );
      await Promise.all(some.map(open));
    }
  }

  it('idle or slow, 400 of them, do not keep a genuine notification from its 202 at the first try', async () => {
    await openMany(400);
    ward.lab.entra.deliveries.clear();

    await ward.welcomesNewcomer();

    await ward.lab.entra.deliveries.idle();
    const tries = ward.lab.entra.deliveries.list();
    expect(tries.every(({ detail, attempt }) => detail === '202' && attempt === 1)).toBe(true);
  });

  it('more of them than the listener takes lose nothing', async () => {
    await openMany(400);

    const name = await ward.welcomesNewcomer();

    for (const socket of sockets) socket.destroy();
    expect(ward.provisioned(name)).toBe(true);
    await ward.welcomesNewcomer();
    expect((await ward.readyz()).status).toBe(200);
  });
});
