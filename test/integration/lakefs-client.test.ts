import { createSecureContext } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { Busy, Rejected, SourceUnavailable } from '../../src/domain/errors.js';
import { createOutbound } from '../../src/entra/outbound.js';
import { readAccessControl } from '../../src/targets/lakefs/capabilities.js';
import { createLakefsClient, type LakefsClient, type LakefsClientOptions } from '../../src/targets/lakefs/client.js';
import { LakefsError } from '../../src/targets/lakefs/errors.js';
import { systemClock } from '../../src/telemetry/system-clock.js';
import { startConnectProxy } from '../simulators/connect-proxy.js';
import {
  type AccessKey,
  type LakefsSimulator,
  type LakefsSimulatorOptions,
  OWN_USER,
  startLakefsSimulator,
} from '../simulators/lakefs/index.js';
import { createTestAuthority } from '../simulators/tls.js';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

async function start(options: Partial<LakefsSimulatorOptions> = {}): Promise<LakefsSimulator> {
  const server = await startLakefsSimulator({ flavour: 'cloud', ...options });
  closers.push(server.close);
  return server;
}

/** Quick to try again, so that no test waits for back-off. */
const IMPATIENT = { firstMs: 1, longestMs: 2, deadlineMs: 30_000 };

function connect(
  server: LakefsSimulator,
  options: Partial<LakefsClientOptions> & Partial<AccessKey> = {},
): LakefsClient {
  const client = createLakefsClient({
    endpoint: server.url,
    ...server.key,
    retry: IMPATIENT,
    clock: systemClock,
    log: () => undefined,
    ...options,
  });
  closers.push(client.close);
  return client;
}

const never = new AbortController().signal;

async function caught(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => {
      throw new Error('expected a rejection');
    },
    (error: Error) => error,
  );
}

describe('groups of lakeFS', () => {
  it('on Cloud are made under a name and go by the id that lakeFS gave them', async () => {
    const server = await start();
    const client = connect(server);

    const made = await client.createGroup({ name: 'LakeFSProject X/Y', description: 'entra:1' }, never);

    expect(made.name).toBe('LakeFSProject X/Y');
    expect(made.id).not.toBe(made.name);
    expect(await client.getGroup(made.id, never)).toEqual(made);
    expect(await client.getGroup(made.name, never)).toBeUndefined();
    expect((await client.listGroups(never)).map(({ name }) => name).sort()).toEqual([
      'Admins',
      'Developers',
      'LakeFSProject X/Y',
      'SuperUsers',
      'Viewers',
    ]);
  });

  it('elsewhere go by their name, also one with characters that mean something in a path', async () => {
    const server = await start({ flavour: 'names' });
    const client = connect(server);

    const made = await client.createGroup({ name: 'a/b c@d?e#f', description: '' }, never);

    expect(made).toEqual({ id: 'a/b c@d?e#f', name: 'a/b c@d?e#f', description: '' });
    expect(await client.getGroup(made.id, never)).toEqual(made);
    expect(await client.deleteGroup(made.id, never)).toBe(true);
    expect(await client.deleteGroup(made.id, never)).toBe(false);
  });

  it('are refused before anything is sent where their name holds a %', async () => {
    const server = await start();

    const error = await caught(connect(server).createGroup({ name: '100%', description: '' }, never));

    expect(error).toBeInstanceOf(Rejected);
    expect(server.calls()).toEqual([]);
  });

  it('that are there already are told apart from other refusals', async () => {
    const server = await start();

    const error = await caught(connect(server).createGroup({ name: 'Admins', description: '' }, never));

    expect(error).toMatchObject({ name: 'LakefsError', kind: 'exists', status: 409 });
  });

  it('are all listed, whatever their number', async () => {
    const server = await start();
    for (let index = 0; index < 2_100; index += 1) server.addGroup({ name: `group ${index}` });

    const groups = await connect(server).listGroups(never);

    expect(groups).toHaveLength(2_104);
    expect(server.calls({ path: '/auth/groups' })).toHaveLength(3);
  });
});

describe('members and policies', () => {
  it('are added and removed by the id of the user, percent-encoded', async () => {
    const server = await start();
    const client = connect(server);
    const id = server.addPerson({ oid: '11111111-2222-4333-8444-555555555555', upn: 'alice@example.com' }, 'cloud');
    const group = server.addGroup({ name: 'LakeFSProjectX' });

    const added = await client.addMember(group.id, id, never);
    const again = await client.addMember(group.id, id, never);
    const members = await client.listMembers(group.id, never);
    const removed = await client.removeMember(group.id, id, never);
    const gone = await client.removeMember(group.id, id, never);

    expect([added, again, removed, gone]).toEqual([true, false, true, false]);
    expect(members).toEqual([{ id, friendlyName: 'alice@example.com', email: 'alice@example.com' }]);
    expect(server.calls({ status: 409 })).toHaveLength(1);
  });

  it('that are repeated are a success too where lakeFS says 201 again', async () => {
    const server = await start({ conflictOnRepeatedPut: false });
    const client = connect(server);
    const group = server.addGroup({ name: 'X' });

    await client.attachPolicy(group.id, 'FSReadAll', never);
    await client.attachPolicy(group.id, 'FSReadAll', never);

    expect(await client.listGroupPolicies(group.id, never)).toEqual(['FSReadAll']);
    expect(await client.detachPolicy(group.id, 'FSReadAll', never)).toBe(true);
    expect(await client.detachPolicy(group.id, 'FSReadAll', never)).toBe(false);
  });

  it('name a policy that there is none of', async () => {
    const server = await start();
    const group = server.addGroup({ name: 'X' });

    const error = await caught(connect(server).attachPolicy(group.id, 'NoSuchPolicy', never));

    expect(error).toMatchObject({ kind: 'not-found' });
    expect(error.message).toContain('/policies/NoSuchPolicy');
  });
});

describe('people', () => {
  it('are made by id, or invited by an address where lakeFS can', async () => {
    const client = connect(await start());
    const other = connect(await start({ flavour: 'names' }));

    const made = await client.createUser({ id: 'waad|1', invite: false }, never);
    const invited = await client.createUser({ id: 'Bob@Example.com', invite: true }, never);
    const error = await caught(other.createUser({ id: 'bob@example.com', invite: true }, never));

    expect(made).toEqual({ id: 'waad|1', friendlyName: undefined, email: undefined });
    expect(invited).toMatchObject({ id: 'bob@example.com', email: 'bob@example.com' });
    expect(error).toMatchObject({ kind: 'no-inviter', status: 501 });
    expect(await client.capabilities(never)).toEqual({ canInvite: true });
    expect(await other.capabilities(never)).toEqual({ canInvite: false });
  });

  it('are found by id, and so is the user of our own key', async () => {
    const client = connect(await start());

    expect(await client.currentUser(never)).toMatchObject({ id: OWN_USER });
    expect(await client.getUser(OWN_USER, never)).toMatchObject({ id: OWN_USER });
    expect(await client.getUser('nobody', never)).toBeUndefined();
  });
});

describe('kinds of lakeFS', () => {
  it('are told apart by reading alone', async () => {
    const kinds = [];
    for (const flavour of ['cloud', 'names', 'simplified', 'none'] as const) {
      const server = await start({ flavour });
      kinds.push(await readAccessControl(connect(server), never));
      expect(server.nonGets).toBe(0);
    }

    expect(kinds).toEqual(['policies', 'policies', 'acls', 'none']);
  });

  it('without groups say so in words', async () => {
    const error = await caught(connect(await start({ flavour: 'none' })).listGroups(never));

    expect(error).toBeInstanceOf(LakefsError);
    expect(error).toMatchObject({ kind: 'no-rbac', status: 501 });
    expect(error.message).toContain('this lakeFS has no RBAC');
  });

  it('with simplified access control take an ACL for each group', async () => {
    const server = await start({ flavour: 'simplified' });
    const client = connect(server);
    const group = await client.createGroup({ name: 'X', description: '' }, never);

    const before = await client.getAcl(group.id, never);
    await client.setAcl(group.id, 'Write', never);

    expect(before).toBeUndefined();
    expect(await client.getAcl(group.id, never)).toBe('Write');
    expect(await caught(client.listGroupPolicies(group.id, never))).toMatchObject({ kind: 'no-policies' });
    expect(await caught(connect(await start()).getAcl('X', never))).toMatchObject({ kind: 'no-acls' });
  });
});

describe('a refusal', () => {
  it('says that the key or a permission is at fault, and never shows the secret', async () => {
    const server = await start();
    const wrong = connect(server, { secretAccessKey: 'not-the-secret-of-that-key' });
    const limited = connect(server, server.createKey({ permissions: ['auth:ListGroups'] }));

    const errors = [
      await caught(wrong.listGroups(never)),
      await caught(limited.createGroup({ name: 'X', description: '' }, never)),
    ];

    expect(await limited.listGroups(never)).toHaveLength(4);
    for (const error of errors) {
      expect(error).toMatchObject({ kind: 'refused', status: 401 });
      expect(error.message).toMatch(/credentials are wrong .* or their user lacks the permission auth:\w+/);
      expect(error.message).not.toContain('not-the-secret');
    }
  });

  it('that is not in the words of lakeFS proves nothing', async () => {
    const server = await start();
    const elsewhere = connect(server, { endpoint: `${server.url}/elsewhere` });
    server.faults.answerNonsense('<html>Sign in</html>', { path: '/auth/users' });

    const errors = [await caught(elsewhere.getGroup('X', never)), await caught(connect(server).listUsers(never))];

    expect(errors.map(({ name }) => name)).toEqual(['SourceUnavailable', 'SourceUnavailable']);
    expect(errors[0]?.message).toContain('is LAKEFS_ENDPOINT right');
    expect(errors[1]?.message).toContain('<html>Sign in</html>');
  });

  it('by a redirect is not followed, so that the secret goes nowhere else', async () => {
    const server = await start();
    const other = await start();
    server.faults.redirect(`${other.url}/api/v1/auth/groups`);

    const error = await caught(connect(server).listGroups(never));

    expect(error.message).toContain('a redirect is never followed');
    expect(other.calls()).toEqual([]);
  });
});

describe('a lakeFS that is unwell', () => {
  it('is asked again after 429, 503 and a lost connection, and the call ends well', async () => {
    const server = await start();
    const client = connect(server);
    const group = server.addGroup({ name: 'X' });
    const put = { method: 'PUT' };
    server.faults.failNext({ path: '/auth/groups' }, { status: 429 }, 2);
    server.faults.failNext(put, { status: 503, message: 'Throughput exceeded. Slow down and retry' });
    server.faults.dropNext(put, 1, 'after');

    const groups = await client.listGroups(never);
    const attached = await client.attachPolicy(group.id, 'FSReadAll', never);

    expect(groups).toHaveLength(5);
    // It was attached before the connection was lost, so the second attempt finds it there.
    expect(attached).toBe(false);
    expect(server.group('X')?.policies).toEqual(['FSReadAll']);
    expect(server.calls().map(({ status }) => status)).toEqual([429, 429, 200, 503, 0, 409]);
  });

  it('is not asked twice to make something where the first call may have arrived', async () => {
    const server = await start();
    server.faults.dropNext({ method: 'POST' }, 1, 'after');

    const error = await caught(connect(server).createGroup({ name: 'X', description: '' }, never));

    expect(error).toBeInstanceOf(Busy);
    expect(server.calls({ method: 'POST' })).toHaveLength(1);
    expect(server.group('X')).toBeDefined();
  });

  it('is left alone once patience ends: a read is unknown, a write undecided', async () => {
    const server = await start();
    server.faults.failNext({}, { status: 503 }, Number.POSITIVE_INFINITY);
    const client = connect(server, { retry: { firstMs: 1, longestMs: 1, deadlineMs: 0 } });

    const errors = [await caught(client.listUsers(never)), await caught(client.addMember('X', 'y', never))];

    expect(errors.map(({ name }) => name)).toEqual(['SourceUnavailable', 'Busy']);
    expect(server.calls()).toHaveLength(2);
  });

  it('that is slow is given up, and tried again', async () => {
    const server = await start();
    server.faults.stall(60_000, { path: '/user' });

    const user = await connect(server, { timeoutMs: 300 }).currentUser(never);

    expect(user.id).toBe(OWN_USER);
  });

  it('that never gets past an offset is not asked for ever', async () => {
    const server = await start();
    server.faults.stickOffset({ path: '/auth/groups' });

    const error = await caught(connect(server).listGroups(never));

    expect(error).toBeInstanceOf(SourceUnavailable);
    // Whatever comes first: a group that is listed again, or an offset.
    expect(error.message).toMatch(/twice|does not advance/);
    expect(server.calls({ path: '/auth/groups' }).length).toBeLessThan(4);
  });

  it('ends at once when it is called off', async () => {
    const server = await start();
    const off = new AbortController();
    server.faults.stall(60_000);

    const call = caught(connect(server).listGroups(off.signal));
    off.abort(new Error('called off'));

    expect((await call).message).toBe('called off');
  });
});

describe('the way to lakeFS', () => {
  it('is trusted by the root that is given, and refused in words without it', async () => {
    const authority = await createTestAuthority();
    const server = await start({ authority });

    const trusted = connect(server, { ca: authority.cert });
    const error = await caught(connect(server).currentUser(never));

    expect((await trusted.currentUser(never)).id).toBe(OWN_USER);
    expect(error).toBeInstanceOf(SourceUnavailable);
    expect(error.message).toMatch(/signed by an authority that is not trusted .* CA_FILE/);
  });

  it('goes through a proxy where there is one, and the proxy sees nothing but the name', async () => {
    const authority = await createTestAuthority();
    const server = await start({ authority });
    const proxy = await startConnectProxy();
    const outbound = createOutbound({
      proxy: { url: `http://127.0.0.1:${proxy.port}`, noProxy: [] },
      secureContext: createSecureContext({ ca: authority.cert }),
    });
    closers.push(outbound.close, proxy.close);

    const user = await connect(server, { dispatcher: outbound.dispatcher }).currentUser(never);

    expect(user.id).toBe(OWN_USER);
    expect(proxy.passages).toEqual([{ target: `localhost:${server.port}`, status: 200 }]);
  });

  it('may be written with the base path and a trailing slash', async () => {
    const server = await start();

    for (const endpoint of [`${server.url}/`, `${server.url}/api/v1`, `${server.url}/api/v1/`]) {
      expect((await connect(server, { endpoint }).currentUser(never)).id).toBe(OWN_USER);
    }
  });
});
