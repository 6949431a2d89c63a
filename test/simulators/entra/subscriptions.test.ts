import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Bed, startBed, subscriptionBody } from './harness.js';

interface Shown {
  id: string;
  clientState: string | null;
  expirationDateTime: string;
  notificationUrl: string;
}

const MINUTE_MS = 60_000;

function inMinutes(minutes: number): string {
  return new Date(Date.now() + minutes * MINUTE_MS).toISOString();
}

describe('subscriptions of the Entra simulator', () => {
  let bed: Bed;
  let group: string;

  beforeEach(async () => {
    bed = await startBed({ timeouts: { handshakeMs: 200 }, subscriptionPageSize: 2 });
    group = bed.sim.directory.addGroup({ displayName: 'linux' });
  });

  afterEach(async () => {
    await bed.close();
  });

  function create(fields: Record<string, unknown> = {}) {
    return bed.call('POST', '/subscriptions', { ...subscriptionBody(bed.webhook, `/groups/${group}`), ...fields });
  }

  it('shakes hands with both addresses before it answers 201 with the client state', async () => {
    const reply = await create();

    expect(reply.status).toBe(201);
    expect(reply.body).toMatchObject({ resource: `/groups/${group}`, clientState: 'state-of-the-client' });
    expect(bed.webhook.handshakes.map(({ path }) => path)).toEqual(['/graph/notifications', '/graph/lifecycle']);
    expect(bed.webhook.handshakes[0]).toMatchObject({ contentType: 'text/plain; charset=utf-8', text: '' });
  });

  it.each([
    ['silence', { status: 0, silent: true }, 'Subscription validation request timed out.'],
    ['a refusal', { status: 403 }, "HTTP status code is 'Forbidden'"],
    ['202', { status: 202 }, 'must respond with 200 OK'],
    ['another text', { status: 200, contentType: 'text/plain', text: 'hello' }, 'must exactly match validationToken'],
    ['the still encoded token', 'encoded', 'must exactly match validationToken'],
    ['the token as HTML', 'html', 'must exactly match validationToken'],
  ] as const)('refuses an endpoint that answers the handshake with %s', async (_, answer, text) => {
    bed.webhook.behave((received) => {
      const token = received.query.get('validationToken') ?? '';
      if (answer === 'encoded') return { status: 200, contentType: 'text/plain', text: encodeURIComponent(token) };
      if (answer === 'html') return { status: 200, contentType: 'text/html', text: token };
      return answer;
    });

    const reply = await create();

    expect(reply.status).toBe(400);
    expect(reply.body).toMatchObject({ error: { code: 'InvalidRequest', message: expect.stringContaining(text) } });
    expect(bed.sim.subscriptions()).toHaveLength(0);
  });

  it('refuses when only the lifecycle address fails its handshake', async () => {
    bed.webhook.behave(({ path }) => (path === '/graph/lifecycle' ? { status: 500 } : undefined));

    const reply = await create();

    expect(reply.status).toBe(400);
    expect(bed.sim.subscriptions()).toHaveLength(0);
  });

  it('refuses an endpoint that is not there', async () => {
    const reply = await create({ notificationUrl: 'https://localhost:1/graph/notifications' });

    expect(reply.status).toBe(400);
  });

  it('answers 409 with the old id for the same resource and change types, however written', async () => {
    const id = await bed.subscribe(`/groups/${group}`);

    const reply = await create({ resource: `groups/${group.toUpperCase()}`, changeType: 'deleted,updated' });

    expect(reply.status).toBe(409);
    expect(reply.body).toMatchObject({
      error: { message: `Subscription Id ${id} already exists for the requested combination` },
    });
  });

  it('lets another application subscribe to the same resource and hides the first one from it', async () => {
    const id = await bed.subscribe(`/groups/${group}`);
    const app = bed.sim.credentials.registerApp();
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: app.clientId,
      client_secret: app.clientSecret,
      scope: 'https://graph.microsoft.com/.default',
    });
    const token = await bed.bare('POST', `${bed.sim.loginUrl}/${bed.sim.tenantId}/oauth2/v2.0/token`, `${form}`);
    const authorization = `Bearer ${(token.body as { access_token: string }).access_token}`;
    const body = subscriptionBody(bed.webhook, `/groups/${group}`);

    const second = await bed.call('POST', '/subscriptions', body, { authorization });
    const foreign = await bed.call('GET', `/subscriptions/${id}`, undefined, { authorization });
    const list = await bed.call('GET', '/subscriptions', undefined, { authorization });

    expect(second.status).toBe(201);
    expect(foreign.status).toBe(404);
    expect((list.body as { value: Shown[] }).value).toHaveLength(1);
  });

  it('refuses the 101st subscription and names the limit', async () => {
    for (let count = 0; count < 100; count += 1) {
      const id = bed.sim.directory.addUser({ userPrincipalName: `user${count}@example.com` });
      await bed.subscribe(`/users/${id}`);
    }

    const reply = await create();

    expect(reply.status).toBe(403);
    expect(reply.body).toMatchObject({ error: { code: 'Forbidden', message: expect.stringContaining('100') } });
  });

  it.each([
    ['a change type of created', { changeType: 'created' }, "Invalid 'changeType' attribute: 'created'."],
    ['an expiry beyond 41,760 minutes', { expirationDateTime: inMinutes(41_770) }, 'can only be 41760 minutes'],
    ['an expiry in the past', { expirationDateTime: inMinutes(-1) }, 'in the future'],
    ['an http address', { notificationUrl: 'http://localhost/graph' }, 'https'],
    ['a client state of 129 characters', { clientState: 'x'.repeat(129) }, '128'],
    ['a resource that Graph does not have', { resource: '/users/x/memberOf' }, 'not supported'],
    ['an unknown property', { color: 'red' }, 'color'],
  ])('refuses %s', async (_, fields, text) => {
    const reply = await create(fields);

    expect(reply.status).toBe(400);
    expect(reply.body).toMatchObject({ error: { code: 'InvalidRequest', message: expect.stringContaining(text) } });
  });

  it('raises a short lifetime to 45 minutes', async () => {
    const reply = await create({ expirationDateTime: inMinutes(5) });

    const lifetimeMs = Date.parse((reply.body as Shown).expirationDateTime) - Date.now();
    expect(reply.status).toBe(201);
    expect(Math.round(lifetimeMs / MINUTE_MS)).toBe(45);
  });

  it('explains a missing role as Graph does', async () => {
    bed.sim.credentials.setRoles(['User.Read.All']);

    const reply = await create();

    expect(reply.status).toBe(403);
    expect(reply.body).toMatchObject({
      error: { code: 'ExtensionError', message: 'Operation: Create; Exception: [Status Code: Forbidden; Reason: ]' },
    });
  });

  it('never shows the client state again and pages the list', async () => {
    const ids = [
      await bed.subscribe(`/groups/${group}`),
      await bed.subscribe('/groups'),
      await bed.subscribe('/users'),
    ];

    const single = await bed.call('GET', `/subscriptions/${ids[0]}`);
    const first = await bed.call('GET', '/subscriptions');
    const link = (first.body as { '@odata.nextLink': string })['@odata.nextLink'];
    const second = await bed.call('GET', link);

    const listed = [first, second].flatMap((reply) => (reply.body as { value: Shown[] }).value);
    expect((single.body as Shown).clientState).toBeNull();
    expect(listed.map(({ id }) => id).sort()).toEqual([...ids].sort());
    expect(listed.every(({ clientState }) => clientState === null)).toBe(true);
    expect(second.body).not.toHaveProperty('@odata.nextLink');
  });

  it('renews and answers the new expiry', async () => {
    const id = await bed.subscribe('/users');
    const expirationDateTime = inMinutes(3000);

    const reply = await bed.call('PATCH', `/subscriptions/${id}`, { expirationDateTime });

    expect(reply.status).toBe(200);
    expect((reply.body as Shown).expirationDateTime).toBe(expirationDateTime);
  });

  it('can answer 200 to a renewal and leave everything as it was', async () => {
    const id = await bed.subscribe('/users');
    const before = bed.sim.subscriptions()[0]?.expiresAt;
    bed.sim.faults.ignoreRenewals(1);

    const reply = await bed.call('PATCH', `/subscriptions/${id}`, { expirationDateTime: inMinutes(3000) });

    expect(reply.status).toBe(200);
    expect(Date.parse((reply.body as Shown).expirationDateTime)).toBe(before);
  });

  it('shakes hands with a new address before it moves there', async () => {
    const id = await bed.subscribe('/users');
    const notificationUrl = `${bed.webhook.url}?tenant=1`;

    const reply = await bed.call('PATCH', `/subscriptions/${id}`, { notificationUrl });

    const last = bed.webhook.handshakes.at(-1);
    expect((reply.body as Shown).notificationUrl).toBe(notificationUrl);
    expect(last?.query.get('tenant')).toBe('1');
    expect(last?.query.get('validationToken')).toMatch(/^Validation/);
  });

  it('does not let a renewal set the lifecycle address', async () => {
    const id = await bed.subscribe('/users');

    const reply = await bed.call('PATCH', `/subscriptions/${id}`, { lifecycleNotificationUrl: bed.webhook.url });

    expect(reply.status).toBe(400);
  });

  it('reauthorizes without touching the expiry', async () => {
    const id = await bed.subscribe('/users');
    const before = bed.sim.subscriptions()[0]?.expiresAt;

    const reply = await bed.call('POST', `/subscriptions/${id}/reauthorize`);

    expect(reply.status).toBe(204);
    expect(reply.body).toBeUndefined();
    expect(bed.sim.subscriptions()[0]?.expiresAt).toBe(before);
  });

  it('is gone after deletion, for every verb', async () => {
    const id = await bed.subscribe('/users');

    const deleted = await bed.call('DELETE', `/subscriptions/${id}`);
    const again = await bed.call('DELETE', `/subscriptions/${id}`);
    const read = await bed.call('GET', `/subscriptions/${id}`);
    const renewed = await bed.call('PATCH', `/subscriptions/${id}`, { expirationDateTime: inMinutes(60) });

    expect([deleted.status, again.status, read.status, renewed.status]).toEqual([204, 404, 404, 404]);
    expect(again.body).toMatchObject({ error: { code: 'ResourceNotFound', message: 'The object was not found.' } });
  });

  it('expires when its time has come', async () => {
    const id = await bed.subscribe('/users');

    bed.sim.advance(25 * 60 * MINUTE_MS);
    const reply = await bed.call('GET', `/subscriptions/${id}`);

    expect(reply.status).toBe(404);
  });
});

describe('subscriptions that name an event hub', () => {
  it('are probed with NA fields and then get the same bodies', async () => {
    const events: string[] = [];
    const bed = await startBed({ eventHub: (_, body) => events.push(body) });
    const url = 'EventHub:https://example.servicebus.windows.net/eventhubname/changes?tenantId=example.com';
    await bed.subscribe('/users', { notificationUrl: url, lifecycleNotificationUrl: url });

    bed.sim.directory.addUser({ userPrincipalName: 'alice@example.com' });
    await bed.sim.deliveries.idle();
    await bed.close();

    const values = events.map((event) => (JSON.parse(event) as { value: Record<string, unknown>[] }).value[0]);
    expect(values[0]).toMatchObject({ subscriptionId: 'NA', clientState: 'NA', resource: 'NA' });
    expect(values.at(-1)).toMatchObject({ changeType: 'updated', resource: expect.stringMatching(/^Users\//) });
  });
});
