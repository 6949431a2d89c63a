import { Agent, type Dispatcher } from 'undici';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createLakefsClient, type LakefsClient } from '../../src/targets/lakefs/client.js';
import { systemClock } from '../../src/telemetry/system-clock.js';
import { type Proxy as ContractProxy, prismUnavailable, startProxy } from '../contract-proxy/prism.js';
import { type Flavour, type LakefsSimulator, startLakefsSimulator } from '../simulators/lakefs/index.js';

const why = prismUnavailable();
const where = why === undefined ? '' : ` (skipped: ${why})`;
const never = new AbortController().signal;
const ALICE = { oid: '11111111-2222-4333-8444-555555555555', upn: 'alice@example.com' };

describe.skipIf(why !== undefined)(`the published contract, with Prism between client and simulator${where}`, () => {
  const used = new Set<string>();
  const closers: (() => Promise<void>)[] = [];
  let proxy: ContractProxy;
  let through: Dispatcher;
  let server: LakefsSimulator;

  beforeAll(async () => {
    // Prism serves the paths of the document without the base path that the document names.
    const agent = new Agent();
    through = agent.compose((dispatch) => (options, handler) => {
      const path = options.path.replace(/^\/api\/v1/, '');
      return dispatch({ ...options, path }, handler);
    });
    closers.push(() => agent.destroy());
    await open('cloud');
  });

  afterAll(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  beforeEach(() => server.resetCounters());

  /** From now on a lakeFS of this kind, behind a proxy of its own. */
  async function open(flavour: Flavour): Promise<void> {
    server = await startLakefsSimulator({ flavour });
    closers.push(server.close);
    proxy = await startProxy(`${server.url}/api/v1`);
    closers.push(proxy.close);
  }

  function connect(key = server.key): LakefsClient {
    const client = createLakefsClient({
      endpoint: proxy.url,
      ...key,
      dispatcher: through,
      retry: { firstMs: 1, longestMs: 1, deadlineMs: 0 },
      clock: systemClock,
      log: () => undefined,
    });
    return watched(client, used);
  }

  /** What the call came to: its value, or the kind of error. A violation of the contract is neither. */
  async function outcome(call: Promise<unknown>): Promise<unknown> {
    try {
      return await call;
    } catch (error) {
      const kind = (error as { kind?: unknown }).kind;
      if (kind === undefined) throw new Error(`${String(error)}\n${proxy.output().slice(-3_000)}`);
      return kind;
    }
  }

  it('holds for every call of the client and for every answer of a lakeFS with policies', async () => {
    const client = connect();
    const user = server.addPerson(ALICE, 'cloud');

    const group = await client.createGroup({ name: 'Team / a|b@c d', description: 'entra:1' }, never);
    const steps = [
      await outcome(client.createGroup({ name: 'Team / a|b@c d', description: '' }, never)),
      await outcome(client.getGroup(group.id, never)),
      await outcome(client.getGroup('a/b|c @', never)),
      await outcome(client.addMember(group.id, user, never)),
      await outcome(client.addMember(group.id, user, never)),
      await outcome(client.addMember(group.id, 'waad|nobody/at all', never)),
      (await client.listMembers(group.id, never)).map(({ id }) => id),
      (await client.listUserGroups(user, never))?.map(({ id }) => id),
      await outcome(client.listUserGroups('no|body', never)),
      await outcome(client.attachPolicy(group.id, 'FSReadAll', never)),
      await outcome(client.attachPolicy(group.id, 'FSReadAll', never)),
      await outcome(client.attachPolicy(group.id, 'NoSuch', never)),
      await outcome(client.listGroupPolicies(group.id, never)),
      await outcome(client.detachPolicy(group.id, 'FSReadAll', never)),
      await outcome(client.detachPolicy(group.id, 'FSReadAll', never)),
      await outcome(client.removeMember(group.id, user, never)),
      await outcome(client.removeMember(group.id, user, never)),
      await outcome(client.deleteGroup(group.id, never)),
      await outcome(client.deleteGroup(group.id, never)),
    ];
    const made = await client.createUser({ id: 'waad|2', invite: false }, never);
    const rest = [
      await outcome(client.createUser({ id: 'waad|2', invite: false }, never)),
      await outcome(client.createUser({ id: 'Bob@Example.com', invite: true }, never)),
      await outcome(client.getUser(made.id, never)),
      await outcome(client.getUser('no/body', never)),
    ];
    const sizes = [await client.listGroups(never), await client.listUsers(never), await client.listPolicies(never)];

    expect(steps).toEqual([
      ...['exists', group, undefined, true, false, 'not-found', [user], [group.id], undefined],
      ...[true, false, 'not-found', ['FSReadAll'], true, false],
      ...[true, false, true, false],
    ]);
    expect(rest).toMatchObject(['exists', { id: 'bob@example.com' }, { id: 'waad|2' }, undefined]);
    expect(sizes.map((list) => list.length)).toEqual([4, 4, 7]);
    expect(await client.currentUser(never)).toMatchObject({ id: 'entramox-sync' });
    expect(await client.capabilities(never)).toEqual({ canInvite: true });
  });

  it('holds for listings of several pages', async () => {
    for (let index = 0; index < 1_500; index += 1) server.addGroup({ name: `page ${index}` });

    const groups = await connect().listGroups(never);

    expect(groups.filter(({ name }) => name.startsWith('page '))).toHaveLength(1_500);
    expect(server.calls({ path: '/auth/groups' })).toHaveLength(2);
  });

  it('holds for refusals of every kind', async () => {
    const client = connect();
    const limited = connect(server.createKey({ permissions: [] }));
    const wrong = connect({ ...server.key, secretAccessKey: 'wrong' });
    const users = { method: 'GET', path: '/auth/users' };

    const refused = [await outcome(limited.listUsers(never)), await outcome(wrong.listGroups(never))];
    server.faults.failNext(users, { status: 429 });
    server.faults.failNext(users, { status: 503, message: 'Throughput exceeded. Slow down and retry' });
    const busy = [await messageOf(client.listUsers(never)), await messageOf(client.listUsers(never))];

    expect(refused).toEqual(['refused', 'refused']);
    expect(busy).toEqual([expect.stringContaining('asks for fewer calls'), expect.stringContaining('Slow down')]);
  });

  // Prism takes a 501 for "make an answer up", so those answers are looked at without it, by the tests of the client.
  it('holds for a lakeFS with ACLs', async () => {
    await open('simplified');
    const client = connect();
    const group = await client.createGroup({ name: 'Team', description: '' }, never);

    const answers = [
      await outcome(client.getAcl(group.id, never)),
      await outcome(client.setAcl(group.id, 'Super', never)),
      await outcome(client.getAcl(group.id, never)),
      await outcome(client.getAcl('nothing', never)),
    ];

    expect(answers).toEqual([undefined, undefined, 'Super', 'not-found']);
  });

  it('was held against every call that the client can make', () => {
    const calls = Object.entries(connect()).filter(([name, call]) => typeof call === 'function' && name !== 'close');

    expect([...used].sort()).toEqual(calls.map(([name]) => name).sort());
  });
});

/** The client; the names of what is called of it end up in `used`. */
function watched(client: LakefsClient, used: Set<string>): LakefsClient {
  return new Proxy(client, {
    get(target, name, receiver) {
      const value: unknown = Reflect.get(target, name, receiver);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        used.add(String(name));
        return (value as (...args: unknown[]) => unknown)(...args);
      };
    },
  });
}

function messageOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'no error',
    (error: Error) => error.message,
  );
}
