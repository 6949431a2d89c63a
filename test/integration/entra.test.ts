import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import tls from 'node:tls';
import { generate } from 'selfsigned';
import { Agent } from 'undici';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../src/domain/clock.js';
import { SourceUnavailable } from '../../src/domain/errors.js';
import { type CredentialOptions, createCredential } from '../../src/entra/credential.js';
import { createEntraDirectory } from '../../src/entra/directory.js';
import { createGraphClient, type GraphClientOptions } from '../../src/entra/graph-client.js';
import { createSubscriptionApi } from '../../src/entra/subscription-api.js';
import type { CallInfo } from '../../src/entra/transport-middleware.js';
import type { Log } from '../../src/telemetry/log.js';
import { type EntraSimulator, startEntraSimulator } from '../simulators/entra/index.js';
import { createTestAuthority, type TestAuthority } from '../simulators/tls.js';

let authority: TestAuthority;
let dispatcher: Agent;
let entra: EntraSimulator;

const signal = new AbortController().signal;

/** Real time, but waits between attempts are written down instead of waited for. */
function createImpatientClock(): Clock & { sleeps: number[] } {
  const sleeps: number[] = [];
  return {
    sleeps,
    now: Date.now,
    async sleep(ms, aborted) {
      aborted?.throwIfAborted();
      sleeps.push(ms);
    },
  };
}

function connect(
  proof: CredentialOptions['proof'] = { kind: 'secret', secret: entra.clientSecret },
  overrides: Partial<GraphClientOptions> = {},
) {
  const clock = createImpatientClock();
  const events: string[] = [];
  const log: Log = (event) => void events.push(event);
  const calls: CallInfo[] = [];
  const credential = createCredential({
    proof,
    tenantId: entra.tenantId,
    clientId: entra.clientId,
    authority: entra.loginUrl,
    scope: 'https://graph.microsoft.com/.default',
    log,
    clock,
    dispatcher,
  });
  const graph = createGraphClient({
    baseUrl: entra.graphUrl,
    credential,
    log,
    clock,
    dispatcher,
    onCall: (info) => calls.push(info),
    ...overrides,
  });
  return { credential, graph, clock, log, events, calls };
}

function connectDirectory(groups: string[], users: string[] = [], overrides: Partial<GraphClientOptions> = {}) {
  const connected = connect(undefined, overrides);
  const { graph, log } = connected;
  return { ...connected, directory: createEntraDirectory({ graph, groups, users, log }) };
}

const addUser = (name: string) => entra.directory.addUser({ userPrincipalName: `${name}@example.test` });

beforeAll(async () => {
  authority = await createTestAuthority();
  dispatcher = new Agent({ connect: { ca: [...tls.rootCertificates, authority.cert] } });
});
afterAll(() => dispatcher.destroy());
beforeEach(async () => {
  entra = await startEntraSimulator({ authority });
});
afterEach(() => entra.close());

describe('the credential against a token endpoint', () => {
  it('gets one token for many calls at once, and its roles', async () => {
    const { credential } = connect();

    const tokens = await Promise.all([credential.getToken(), credential.getToken(), credential.getToken()]);

    expect(new Set(tokens).size).toBe(1);
    expect(entra.calls.summary()).toEqual({ 'POST /{tenant}/oauth2/v2.0/token 200': 1 });
    expect(await credential.missingRoles()).toBeUndefined();
  });

  it('gets a token with a certificate', async () => {
    const { cert, private: key } = await generate([{ name: 'commonName', value: 'entramox' }], { keySize: 2048 });
    entra.credentials.registerCertificate(cert);
    const { graph } = connect({ kind: 'certificate', certificatePem: cert, privateKeyPem: key });

    expect(await createSubscriptionApi(graph, { now: Date.now }).list(signal)).toEqual([]);
  });

  it('says that the secret has expired', async () => {
    entra.credentials.expireSecret();
    const { directory } = connectDirectory([entra.directory.addGroup({ displayName: 'staff' })]);

    await expect(directory.readScope(signal)).rejects.toThrow(/client secret .* has expired.*AADSTS7000222/);
  });

  it('names what the token lacks', async () => {
    entra.credentials.setRoles(['User.Read.All']);
    const { credential } = connect();

    expect((await credential.missingRoles())?.explanation).toContain('GroupMember.Read.All');
  });

  it('lives through an outage of the token endpoint, and says so when it lasts', async () => {
    const { credential, clock } = connect();
    entra.faults.tokenEndpointDown(2);
    const token = await credential.getToken();
    entra.faults.tokenEndpointDown();

    const failure = await credential.getToken({ forceRefresh: true }).catch((error: unknown) => error);

    expect(token.split('.')).toHaveLength(3);
    expect(clock.sleeps).toHaveLength(2 + 3);
    expect(failure).toBeInstanceOf(SourceUnavailable);
    expect((failure as Error).message).toContain('status 503');
  });

  it('answers a claims challenge with a new token, and goes on with it', async () => {
    const alice = addUser('alice');
    const { directory, events } = connectDirectory([]);
    await directory.readIdentities([alice], signal);
    entra.credentials.revokeTokens({ challenge: true });

    const readings = await directory.readIdentities([alice], signal);
    await directory.readIdentities([alice], signal);

    expect(readings[0]?.certainty).toBe('present');
    expect(events.filter((event) => event === 'entra.token.challenged')).toHaveLength(1);
    expect(entra.calls.count('/{tenant}/oauth2/v2.0/token')).toBe(2);
  });

  it('does not trust a server of an unknown root, and names the setting', async () => {
    const stranger = new Agent();
    const { graph } = connect({ kind: 'bearer', token: entra.credentials.issueToken() }, { dispatcher: stranger });

    const failure = await createSubscriptionApi(graph, { now: Date.now })
      .list(signal)
      .catch((error: unknown) => error);

    expect(failure).toBeInstanceOf(SourceUnavailable);
    expect((failure as Error).message).toContain('CA_FILE');
    await stranger.destroy();
  });
});

describe('readIdentities against a directory', () => {
  it('follows a person through groups, nesting, suspension, deletion and return', async () => {
    const outer = entra.directory.addGroup({ displayName: 'linux' });
    const inner = entra.directory.addGroup({ displayName: 'linux-admins' });
    entra.directory.addMember(outer, inner);
    const alice = addUser('alice');
    const { directory } = connectDirectory([outer, inner]);
    const read = async () => (await directory.readIdentities([alice], signal))[0];

    expect(await read()).toMatchObject({ certainty: 'present', enabled: true, groups: [] });
    entra.directory.addMember(inner, alice);
    expect(await read()).toMatchObject({ groups: [outer, inner] });
    entra.directory.updateUser(alice, { accountEnabled: false });
    expect(await read()).toMatchObject({ certainty: 'present', enabled: false, groups: [outer, inner] });
    entra.directory.softDeleteUser(alice);
    expect(await read()).toEqual({ certainty: 'absent', oid: alice, evidence: 'soft-deleted' });
    entra.directory.restoreUser(alice);
    expect(await read()).toMatchObject({ certainty: 'present' });
    entra.directory.hardDeleteUser(alice);
    expect(await read()).toEqual({ certainty: 'absent', oid: alice, evidence: 'not-found' });
  });

  it('reads guests by their id', async () => {
    const guest = entra.directory.addUser({ userPrincipalName: 'eve_partner.test#EXT#@example.test' });
    const { directory } = connectDirectory([]);

    const [reading] = await directory.readIdentities([guest], signal);

    expect(reading).toMatchObject({ certainty: 'present', attributes: { upn: 'eve_partner.test#EXT#@example.test' } });
    expect(await directory.findByUpn('EVE_partner.test#EXT#@example.test', signal)).toBe(guest);
  });

  it('repeats an item that is throttled inside of the batch, and no other', async () => {
    const staff = entra.directory.addGroup({ displayName: 'staff' });
    const [alice, bob] = [addUser('alice'), addUser('bob')];
    const { directory, clock } = connectDirectory([staff]);
    entra.faults.throttle((call) => call.path.startsWith(`/users/${alice}?`), 7);

    const readings = await directory.readIdentities([alice, bob], signal);

    expect(readings.map(({ certainty }) => certainty)).toEqual(['present', 'present']);
    expect(clock.sleeps).toEqual([7_000]);
    expect(entra.calls.count(/\/users\/.*checkMemberGroups/)).toBe(2);
    expect(entra.calls.count('GET /users/{id}')).toBe(3);
  });

  it('knows nothing of a person whose fields Graph hides', async () => {
    const [alice, bob] = [addUser('alice'), addUser('bob')];
    entra.faults.limitInformation([alice]);
    const { directory } = connectDirectory([]);

    const readings = await directory.readIdentities([alice, bob], signal);

    expect(readings.map(({ certainty }) => certainty)).toEqual(['unknown', 'present']);
  });

  it('knows nothing without the permission to read people', async () => {
    entra.credentials.setRoles(['GroupMember.Read.All']);
    const { directory } = connectDirectory([entra.directory.addGroup({ displayName: 'staff' })]);

    const [reading] = await directory.readIdentities([addUser('alice')], signal);

    expect(reading).toMatchObject({ certainty: 'unknown', why: expect.stringContaining('User.Read.All') });
  });

  it.each([
    ['a cut connection', () => entra.faults.dropConnection('/$batch')],
    ['an HTML page', () => entra.faults.htmlUnavailable('/$batch')],
    ['JSON that ends in the middle', () => entra.faults.garbage('/$batch')],
    ['a throttled batch', () => entra.faults.throttle('/$batch', 3)],
    ['no answer in time', () => entra.faults.stall('/$batch', 2_000)],
  ])('lives through %s', async (_what, strike) => {
    const alice = addUser('alice');
    const { directory } = connectDirectory([], [], { timeoutMs: 500 });
    const fault = strike();

    const [reading] = await directory.readIdentities([alice], signal);

    expect(reading).toMatchObject({ certainty: 'present', oid: alice });
    expect(fault.hits()).toBe(1);
  });

  it('throws when the outage lasts, and when nothing listens', async () => {
    const alice = addUser('alice');
    entra.faults.htmlUnavailable('/$batch', Number.POSITIVE_INFINITY);
    const { directory, credential } = connectDirectory([]);

    await expect(directory.readIdentities([alice], signal)).rejects.toThrow(SourceUnavailable);

    const token = await credential.getToken();
    await entra.close();
    const alone = connect({ kind: 'bearer', token });
    const orphan = createEntraDirectory({ graph: alone.graph, groups: [], users: [], log: alone.log });
    await expect(orphan.readIdentities([alice], signal)).rejects.toThrow(/refused|cut/);
  });

  it('ends at once when it is aborted in the middle', async () => {
    const controller = new AbortController();
    entra.faults.stall('/$batch', 3_000);
    const { directory } = connectDirectory([]);
    const work = directory.readIdentities([addUser('alice')], controller.signal);

    const reached = expect.poll(() => entra.calls.count('/{tenant}/oauth2/v2.0/token'), { timeout: 5_000 });
    await reached.toBe(1);
    controller.abort(new Error('the process is stopping'));

    await expect(work).rejects.toThrow('the process is stopping');
  });
});

describe('readScope against a directory', () => {
  it('lists nested members, several pages of them, with few calls', async () => {
    const outer = entra.directory.addGroup({ displayName: 'linux' });
    const inner = entra.directory.addGroup({ displayName: 'more' });
    entra.directory.addMember(outer, inner);
    entra.directory.addObject('device', 'laptop');
    for (let n = 0; n < 2_500; n += 1) entra.directory.addMember(n % 2 ? outer : inner, addUser(`person${n}`));
    const lone = addUser('lone');
    const { directory, calls } = connectDirectory([outer, inner], [lone]);

    const { groups, identities } = await directory.readScope(signal);

    expect(groups.get(outer)).toEqual({ certainty: 'present', members: 2_500 });
    expect(groups.get(inner)).toEqual({ certainty: 'present', members: 1_250 });
    expect(identities.size).toBe(2_501);
    expect(identities.get(lone)).toMatchObject({ certainty: 'present', groups: [] });
    expect(calls).toHaveLength(3 + 2 + 1);
  });

  it('leaves soft-deleted people out, and takes a lagging index for what it says', async () => {
    const staff = entra.directory.addGroup({ displayName: 'staff' });
    const alice = addUser('alice');
    entra.directory.addMember(staff, alice);
    entra.directory.softDeleteUser(alice);
    const { directory } = connectDirectory([staff]);

    expect((await directory.readScope(signal)).identities.size).toBe(0);
    entra.faults.listSoftDeleted(true);
    expect((await directory.readScope(signal)).identities.size).toBe(1);
  });

  it('does not know a group that is gone, and reads the others', async () => {
    const [staff, old] = [
      entra.directory.addGroup({ displayName: 'staff' }),
      entra.directory.addGroup({ displayName: 'old' }),
    ];
    entra.directory.deleteGroup(old);
    const { directory } = connectDirectory([staff, old]);

    const { groups } = await directory.readScope(signal);

    expect(groups.get(staff)).toEqual({ certainty: 'present', members: 0 });
    expect(groups.get(old)).toMatchObject({ certainty: 'unknown', why: expect.stringContaining('gone') });
    expect(await directory.existingGroups([staff, old], signal)).toEqual(new Set([staff]));
    expect((await directory.groupInfo([staff, old], signal)).get(staff)?.displayName).toBe('staff');
  });

  it('knows nothing of a group whose second page fails for good', async () => {
    const staff = entra.directory.addGroup({ displayName: 'staff' });
    for (let n = 0; n < 1_200; n += 1) entra.directory.addMember(staff, addUser(`person${n}`));
    const { directory } = connectDirectory([staff], [addUser('lone')]);
    entra.faults.failNext(/transitiveMembers.*skiptoken/, 500, Number.POSITIVE_INFINITY);

    const { groups, identities } = await directory.readScope(signal);

    expect(groups.get(staff)).toMatchObject({ certainty: 'unknown' });
    expect(identities.size).toBe(1);
  });
});

describe('the subscription calls against Graph', () => {
  const wanted = (resource: string, port: number, expiresAt = Date.now() + 3 * 86_400_000) => ({
    resource,
    changeType: 'updated,deleted',
    notificationUrl: `https://localhost:${port}/graph/notifications`,
    lifecycleNotificationUrl: `https://localhost:${port}/graph/lifecycle`,
    expiresAt,
    clientState: 'a-state-that-nobody-guesses',
  });

  /** An endpoint that answers the handshake, or whatever else it is told to. */
  async function startEndpoint(status = 200, body?: string) {
    const server = createServer(await authority.issue(['localhost']), (request, response) => {
      const token = new URL(request.url ?? '/', 'https://localhost').searchParams.get('validationToken');
      response.writeHead(status, { 'content-type': 'text/plain' }).end(body ?? token ?? '');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return {
      port: (server.address() as AddressInfo).port,
      close: () =>
        new Promise<void>((resolve) => {
          server.close(() => resolve());
          server.closeAllConnections();
        }),
    };
  }

  it('creates, meets the one that exists, reads, lists, renews, reauthorises and deletes', async () => {
    const endpoint = await startEndpoint();
    const group = entra.directory.addGroup({ displayName: 'staff' });
    const api = createSubscriptionApi(connect().graph, { now: Date.now });

    const created = await api.create(wanted(`/groups/${group}`, endpoint.port), signal);
    const again = await api.create(wanted(`/groups/${group}`, endpoint.port), signal);
    if (created.kind !== 'created') throw new Error(JSON.stringify(created));
    const { id } = created.subscription;
    const later = created.subscription.expiresAt + 86_400_000;

    expect(again).toEqual({ kind: 'exists', existingId: id });
    expect((await api.get(id, signal))?.resource).toBe(`/groups/${group}`);
    expect((await api.list(signal)).map((subscription) => subscription.id)).toEqual([id]);
    expect(Math.abs(((await api.renew(id, later, signal))?.expiresAt ?? 0) - later)).toBeLessThan(1_000);
    expect(await api.reauthorize(id, signal)).toBe(true);
    expect(await api.delete(id, signal)).toBe(true);
    expect(await api.get(id, signal)).toBeUndefined();
    expect(await api.renew(id, later, signal)).toBeUndefined();
    expect(await api.delete(id, signal)).toBe(false);
    expect(await api.reauthorize(id, signal)).toBe(false);
    await endpoint.close();
  });

  it('never asks for more time than Graph gives', async () => {
    const endpoint = await startEndpoint();
    const api = createSubscriptionApi(connect().graph, { now: Date.now });

    const outcome = await api.create(wanted('/users', endpoint.port, Date.now() + 400 * 86_400_000), signal);

    expect(outcome.kind).toBe('created');
    await endpoint.close();
  });

  it.each([
    ['is forbidden to strangers', 403, undefined, /refused with Forbidden/],
    ['is unknown to the proxy', 404, undefined, /path is not known/],
    ['is behind a proxy that does not reach it', 502, undefined, /does not reach the listener/],
    ['answers with a page of its own', 200, '<html>hello</html>', /was not the validation token/],
    ['answers 202', 202, undefined, /not with 200/],
  ] as const)('tells why an endpoint failed that %s', async (_what, status, body, expected) => {
    const endpoint = await startEndpoint(status, body);
    const api = createSubscriptionApi(connect().graph, { now: Date.now });

    const outcome = await api.create(wanted('/users', endpoint.port), signal);

    expect(outcome).toMatchObject({ kind: 'endpoint-failed', explanation: expect.stringMatching(expected) });
    await endpoint.close();
  });

  it('explains a missing permission and a full quota', async () => {
    const endpoint = await startEndpoint();
    const groups = Array.from({ length: 101 }, (_, n) => entra.directory.addGroup({ displayName: `group ${n}` }));
    const api = createSubscriptionApi(connect().graph, { now: Date.now });
    entra.credentials.setRoles(['GroupMember.Read.All']);

    const forbidden = await api.create(wanted('/users', endpoint.port), signal);
    const outcomes = [];
    for (const group of groups) outcomes.push(await api.create(wanted(`/groups/${group}`, endpoint.port), signal));

    expect(forbidden).toMatchObject({ kind: 'forbidden', explanation: expect.stringContaining('User.Read.All') });
    expect(outcomes.filter(({ kind }) => kind === 'created')).toHaveLength(100);
    expect(outcomes.at(-1)).toMatchObject({ kind: 'forbidden', explanation: expect.stringContaining('quota') });
    expect(await api.list(signal)).toHaveLength(100);
    await endpoint.close();
  });

  it('reads back an expiry that a renewal did not move', async () => {
    const endpoint = await startEndpoint();
    const api = createSubscriptionApi(connect().graph, { now: Date.now });
    const created = await api.create(wanted('/users', endpoint.port), signal);
    if (created.kind !== 'created') throw new Error(JSON.stringify(created));
    const { id, expiresAt } = created.subscription;
    entra.faults.ignoreRenewals(1);

    const renewed = await api.renew(id, expiresAt + 86_400_000, signal);

    expect(renewed?.expiresAt).toBe(expiresAt);
    await endpoint.close();
  });
});
