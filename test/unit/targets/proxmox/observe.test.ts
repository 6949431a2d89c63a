import { describe, expect, test } from 'vitest';
import type { Ask, ProxmoxUser, Sight } from '../../../../src/domain/sight.js';
import { createProxmoxTarget } from '../../../../src/targets/proxmox/target.js';
import {
  ADMINS,
  ALICE,
  BASE,
  errorWithCode,
  type FakeApi,
  type FakeWorld,
  FULL_RIGHTS,
  fakeApi,
  never,
  OID,
  OTHER_OID,
  REALM,
  SECRET,
  worldHandler,
  worldWith,
} from './fake-api.js';

const ASK_ALICE: Ask = { oid: OID, name: ALICE };
const MANY: Ask[] = [ASK_ALICE, ...[1, 2, 3, 4].map((n) => ({ oid: oidOf(n), name: `p${n}@example.com@entra` }))];

function oidOf(n: number): string {
  return `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
}

function setUp(world: FakeWorld, options: { adoptExisting?: boolean } = {}) {
  const api = fakeApi(worldHandler(world));
  const target = createProxmoxTarget({
    client: api.client,
    realm: REALM,
    managedGroups: [BASE, ADMINS],
    adoptExisting: options.adoptExisting ?? false,
    log: api.log,
    clock: api.time.clock,
  });
  return { api, target };
}

async function lookAt(world: FakeWorld, ask: Ask = ASK_ALICE, options = {}): Promise<Sight<ProxmoxUser> | undefined> {
  const { target } = setUp(world, options);
  return (await target.observe([ask], never())).get(ask.oid);
}

function pathsOf(api: FakeApi): string[] {
  return api.calls.map(({ method, path }) => `${method} ${path.replace('/api2/json', '')}`);
}

test('shows a user that carries our mark, with its groups sorted and its empty fields as empty texts', async () => {
  const users = [
    { userid: ALICE, enable: '1', comment: `x; entra:${OID}`, firstname: 'Alice', groups: [BASE, ADMINS, 'zoo'] },
  ];

  const sight = await lookAt(worldWith({ users }));

  expect(sight).toEqual({
    certainty: 'present',
    value: {
      userid: ALICE,
      enabled: true,
      comment: `x; entra:${OID}`,
      firstName: 'Alice',
      lastName: '',
      email: '',
      groups: [ADMINS, BASE, 'zoo'],
    },
  });
});

test('answers a few asks by single reads, with the userid percent-encoded', async () => {
  const { api, target } = setUp(worldWith());

  await target.observe([ASK_ALICE], never());

  expect(pathsOf(api)).toEqual(['GET /access/permissions', 'GET /access/users/alice%40example.com%40entra']);
});

test('answers many asks by one listing, and the groups and realms where somebody is absent', async () => {
  const { api, target } = setUp(worldWith());

  const sights = await target.observe(MANY, never());

  expect(pathsOf(api)).toEqual([
    'GET /access/permissions',
    'GET /access/users?full=1',
    'GET /access/groups',
    'GET /access/domains',
  ]);
  expect(sights.get(OID)?.certainty).toBe('present');
  expect(sights.get(oidOf(3))).toEqual({ certainty: 'absent' });
  expect(sights.size).toBe(MANY.length);
});

test('says the same of a user whether it is listed or read singly', async () => {
  const users = [{ userid: ALICE, enable: 0, comment: `entra:${OID}`, email: 'a@example.com', groups: [BASE, 'zoo'] }];
  const { target } = setUp(worldWith({ users }));

  const single = (await target.observe([ASK_ALICE], never())).get(OID);
  const listed = (await target.observe(MANY, never())).get(OID);

  expect(single).toEqual(listed);
  expect(single).toMatchObject({ certainty: 'present', value: { enabled: false, groups: [BASE, 'zoo'] } });
});

test.each([
  [0, false],
  ['0', false],
  ['', false],
  [false, false],
  [1, true],
  ['1', true],
  [true, true],
])('reads enable %j as %s', async (enable, enabled) => {
  const sight = await lookAt(worldWith({ users: [{ userid: ALICE, enable, comment: `entra:${OID}` }] }));

  expect(sight).toMatchObject({ certainty: 'present', value: { enabled } });
});

test.each([null, 'yes', 2, undefined])(
  'takes enable %j for unknown, singly and in a listing, without hiding others',
  async (enable) => {
    const odd = { userid: ALICE, comment: `entra:${OID}`, ...{ enable } };
    const fine = { userid: 'p1@example.com@entra', enable: 1, comment: `entra:${oidOf(1)}` };
    const { target } = setUp(worldWith({ users: [odd, fine] }));

    const single = await target.observe([ASK_ALICE], never());
    const listed = await target.observe(MANY, never());

    expect(single.get(OID)?.certainty).toBe('unknown');
    expect(listed.get(OID)).toMatchObject({ certainty: 'unknown', why: expect.stringContaining('enable') });
    expect(listed.get(oidOf(1))?.certainty).toBe('present');
    expect(listed.get(oidOf(2))?.certainty).toBe('absent');
  },
);

test('proves nobody absent by a listing with a nameless entry', async () => {
  const override: FakeWorld['override'] = ({ path }) =>
    path.includes('/users?')
      ? { data: [{ enable: 1 }, { userid: ALICE, enable: 1, comment: `entra:${OID}` }] }
      : undefined;
  const { target } = setUp(worldWith({ override }));

  const sights = await target.observe(MANY, never());

  expect(sights.get(OID)?.certainty).toBe('present');
  expect(sights.get(oidOf(1))?.certainty).toBe('unknown');
});

test('proves nobody absent by a listing without the owner of its own token, whatever the rights say', async () => {
  const short = worldWith({ users: [], groups: { [BASE]: [], [ADMINS]: [] }, hidesTokenOwner: true });

  const sight = await lookAt(short);

  expect(sight).toMatchObject({ certainty: 'unknown', why: expect.stringContaining('nothing is proved absent') });
});

test('proves nobody absent where no group at all is listed', async () => {
  const sight = await lookAt(worldWith({ users: [], groups: {}, hiddenGroups: { [BASE]: [], [ADMINS]: [] } }));

  expect(sight).toMatchObject({ certainty: 'unknown', why: expect.stringContaining('nothing is proved absent') });
});

test('takes an empty listing without rights for unknown, and names privilege and path', async () => {
  const sight = await lookAt(worldWith({ users: [], groups: {}, permissions: {} }));

  expect(sight).toMatchObject({
    certainty: 'unknown',
    why: expect.stringContaining('Sys.Audit or User.Modify on /access/groups'),
  });
  expect(sight).toMatchObject({ why: expect.stringContaining(`User.Modify on /access/groups/${BASE}`) });
});

test('takes a managed group without User.Modify for unknown', async () => {
  const { [`/access/groups/${ADMINS}`]: _, ...permissions } = FULL_RIGHTS;

  const sight = await lookAt(worldWith({ permissions }));

  expect(sight).toMatchObject({
    certainty: 'unknown',
    why: expect.stringContaining(`User.Modify on /access/groups/${ADMINS}`),
  });
});

test('is not stopped by lacking rights on a managed group that was never made', async () => {
  const { [`/access/groups/${ADMINS}`]: _, ...permissions } = FULL_RIGHTS;

  const sight = await lookAt(worldWith({ permissions, groups: { [BASE]: [ALICE] } }));

  expect(sight?.certainty).toBe('present');
});

test('asks singly for a path that the tree does not list, for what it inherits', async () => {
  const { [`/access/groups/${ADMINS}`]: inherited, ...permissions } = FULL_RIGHTS;
  const override: FakeWorld['override'] = ({ path }) =>
    path.endsWith(`permissions?path=${encodeURIComponent(`/access/groups/${ADMINS}`)}`)
      ? { data: { [`/access/groups/${ADMINS}`]: inherited } }
      : undefined;

  const sight = await lookAt(worldWith({ permissions, override }));

  expect(sight?.certainty).toBe('present');
});

test('remembers its rights for a minute', async () => {
  const { api, target } = setUp(worldWith());
  const asked = (): number => pathsOf(api).filter((path) => path.includes('permissions')).length;

  await target.observe([ASK_ALICE], never());
  await target.observe([ASK_ALICE], never());
  const within = asked();
  api.time.advance(60_001);
  await target.observe([ASK_ALICE], never());

  expect(within).toBe(1);
  expect(asked()).toBe(2);
});

test.each([401, 403])('asks for its rights again after a %i', async (status) => {
  const world = worldWith();
  const { api, target } = setUp(world);
  await target.observe([ASK_ALICE], never());
  world.override = ({ path }) =>
    path.includes('/users/') ? { status, message: 'Permission check failed' } : undefined;

  const refused = await target.observe([ASK_ALICE], never());
  await target.observe([ASK_ALICE], never());

  expect(refused.get(OID)?.certainty).toBe('unknown');
  expect(pathsOf(api).filter((path) => path.includes('permissions'))).toHaveLength(2);
});

test('never remembers a lack of rights', async () => {
  const world = worldWith({ permissions: {} });
  const { target } = setUp(world);

  const before = await target.observe([ASK_ALICE], never());
  world.permissions = FULL_RIGHTS;
  const after = await target.observe([ASK_ALICE], never());

  expect(before.get(OID)?.certainty).toBe('unknown');
  expect(after.get(OID)?.certainty).toBe('present');
});

test("holds a user with another person's mark for foreign, even where existing users are adopted", async () => {
  const users = [{ userid: ALICE, comment: `Entramox: active; entra:${OTHER_OID}`, groups: [BASE] }];

  const sight = await lookAt(worldWith({ users }), ASK_ALICE, { adoptExisting: true });

  expect(sight).toMatchObject({ certainty: 'foreign', what: expect.stringContaining(OTHER_OID) });
  expect(sight).not.toHaveProperty('adoptable');
});

test('holds a user without a mark for foreign and points to adoption', async () => {
  const sight = await lookAt(worldWith({ users: [{ userid: ALICE, comment: 'made by hand' }] }));

  expect(sight).toMatchObject({
    certainty: 'foreign',
    remedy: expect.stringContaining('entramox adopt alice@example.com'),
    adoptable: { userid: ALICE, comment: 'made by hand' },
  });
});

test('shows a user without a mark where existing users are adopted', async () => {
  const sight = await lookAt(worldWith({ users: [{ userid: ALICE, groups: [BASE] }] }), ASK_ALICE, {
    adoptExisting: true,
  });

  expect(sight?.certainty).toBe('present');
});

test('holds a twin that differs in case alone for foreign', async () => {
  const users = [{ userid: 'Alice@example.com@entra', comment: `entra:${OID}`, groups: [BASE] }];

  const sight = await lookAt(worldWith({ users }));

  expect(sight).toMatchObject({ certainty: 'foreign', what: expect.stringContaining('Alice@example.com@entra') });
});

test('sees a twin even where its own entry is unreadable', async () => {
  const users = [{ userid: 'ALICE@example.com@entra', enable: null }];

  const sight = await lookAt(worldWith({ users }));

  expect(sight?.certainty).toBe('foreign');
});

test('holds a name that a group names already for foreign', async () => {
  const sight = await lookAt(worldWith({ users: [], groups: { [BASE]: [], [ADMINS]: [ALICE] } }));

  expect(sight).toMatchObject({ certainty: 'foreign', what: expect.stringContaining(ADMINS) });
  expect(sight).toMatchObject({ remedy: expect.stringContaining(`pveum user delete ${ALICE}`) });
});

test('shows an absent user as absent', async () => {
  const sight = await lookAt(worldWith({ users: [], groups: { [BASE]: [], [ADMINS]: [] } }));

  expect(sight).toEqual({ certainty: 'absent' });
});

test.each([
  'müller@example.com@entra',
  'a,b@entra',
  'a;b@entra',
  'a:b@entra',
  'a/b@entra',
  'a b@entra',
  `${'x'.repeat(60)}@entra`,
  '@entra',
  'alice@other',
  'a\nb@entra',
])('holds %j for a name that cannot be managed, and asks PVE nothing', async (name) => {
  const { api, target } = setUp(worldWith());

  const sights = await target.observe([{ oid: OID, name }], never());

  expect(sights.get(OID)).toMatchObject({ certainty: 'foreign', what: expect.any(String), remedy: expect.any(String) });
  expect(api.calls).toHaveLength(0);
});

test('never touches the user of its own token', async () => {
  const api = fakeApi(worldHandler(worldWith()));
  const target = createProxmoxTarget({
    client: api.client,
    realm: 'pve',
    managedGroups: [BASE],
    adoptExisting: true,
    log: api.log,
    clock: api.time.clock,
  });

  const sights = await target.observe([{ oid: OID, name: 'svc@pve' }], never());

  expect(sights.get(OID)?.certainty).toBe('foreign');
});

test.each([
  ['an unreachable API', { failure: errorWithCode('ECONNREFUSED', 'connect ECONNREFUSED') }],
  ['a refused token', { status: 401, raw: '' }],
  ['an error of PVE', { status: 500, message: 'oops' }],
  ['a page of HTML', { raw: '<html>' }],
])('takes %s for unknown, for every ask', async (_, reply) => {
  const { api, target } = setUp(worldWith({ override: () => reply }));

  const sights = await target.observe(MANY, never());

  expect(sights.size).toBe(MANY.length);
  expect([...sights.values()].every(({ certainty }) => certainty === 'unknown')).toBe(true);
  expect(JSON.stringify([...sights.values(), api.logged])).not.toContain(SECRET);
});

test('keeps what single reads have shown when the listing behind them fails', async () => {
  const override: FakeWorld['override'] = ({ path }) =>
    path.includes('/users?') ? { status: 500, message: 'oops' } : undefined;
  const { target } = setUp(worldWith({ override }));

  const sights = await target.observe(MANY.slice(0, 2), never());

  expect(sights.get(OID)?.certainty).toBe('present');
  expect(sights.get(oidOf(1))?.certainty).toBe('unknown');
});

test('rejects with the reason of an abort', async () => {
  const { target } = setUp(worldWith());

  const observing = target.observe([ASK_ALICE], AbortSignal.abort(new Error('stopping')));

  await expect(observing).rejects.toThrow('stopping');
});

test('sights 5,000 users by four calls', async () => {
  const people = Array.from({ length: 5_000 }, (_, n) => ({ oid: oidOf(n), name: `person${n}@example.com@entra` }));
  const users = people.map(({ oid, name }) => ({
    userid: name,
    comment: `Entramox: active; entra:${oid}`,
    groups: [BASE],
  }));
  const { api, target } = setUp(worldWith({ users }));

  const sights = await target.observe([...people, ASK_ALICE], never());

  expect(people.every(({ oid }) => sights.get(oid)?.certainty === 'present')).toBe(true);
  expect(api.calls).toHaveLength(4);
});

describe('a user without a mark in none of the managed groups', () => {
  const COMMAND = `pveum user modify ${ALICE} --groups ${BASE} --append 1`;
  const ZOO = '/access/groups/zoo';
  const stranger = worldWith({ users: [{ userid: ALICE, groups: ['zoo'] }, ...people(4)] });

  function people(count: number) {
    return Array.from({ length: count }, (_, n) => ({
      userid: `p${n + 1}@example.com@entra`,
      comment: `entra:${oidOf(n + 1)}`,
      groups: [BASE],
    }));
  }

  test.each([
    ['singly', [ASK_ALICE]],
    ['in a listing', MANY],
  ])('is foreign with the command that brings it into reach, read %s', async (_, asks) => {
    const { target } = setUp(stranger, { adoptExisting: true });

    const sight = (await target.observe(asks, never())).get(OID);

    expect(sight).toMatchObject({
      certainty: 'foreign',
      what: expect.stringContaining('in none of the managed groups'),
      remedy: expect.stringContaining(COMMAND),
      adoptable: { userid: ALICE },
      outOfReach: COMMAND,
    });
  });

  test('is to be brought into reach before its adoption', async () => {
    const sight = await lookAt(stranger);

    expect(sight).toMatchObject({
      certainty: 'foreign',
      remedy: expect.stringMatching(/pveum user modify .* and then run "entramox adopt alice@example.com"/),
      outOfReach: COMMAND,
    });
  });

  test.each([
    ['every user', { '/access/groups': { 'User.Modify': 1, 'Sys.Audit': 1 } }],
    ['the users of another group of theirs', { [ZOO]: { 'User.Modify': 1 } }],
  ])('is within reach of a token that may write %s', async (_, rights) => {
    const world = { ...stranger, permissions: { ...FULL_RIGHTS, ...rights } };

    expect(await lookAt(world, ASK_ALICE, { adoptExisting: true })).toMatchObject({ certainty: 'present' });
    expect(await lookAt(world)).not.toHaveProperty('outOfReach', expect.any(String));
  });

  test('costs no question for each of many', async () => {
    const asks = Array.from({ length: 50 }, (_, n) => ({ oid: oidOf(n), name: `q${n}@example.com@entra` }));
    const users = asks.map(({ name }) => ({ userid: name, groups: ['zoo'] }));
    const { api, target } = setUp(worldWith({ users }), { adoptExisting: true });

    const sights = await target.observe(asks, never());

    expect([...sights.values()].every(({ certainty }) => certainty === 'foreign')).toBe(true);
    expect(pathsOf(api)).toEqual([
      'GET /access/permissions',
      'GET /access/users?full=1',
      `GET /access/permissions?path=${encodeURIComponent(ZOO)}`,
    ]);
  });
});

describe('a realm that does not exist', () => {
  const domains = [{ realm: 'pam', type: 'pam' }];

  test('has nobody absent, so that nobody is made there', async () => {
    const sight = await lookAt(worldWith({ users: [], groups: { [BASE]: [], [ADMINS]: [] }, domains }));

    expect(sight).toMatchObject({
      certainty: 'unknown',
      why: expect.stringMatching(/the realm entra does not exist .* there are pam: correct REALM, or add it/),
    });
  });

  test('does not hide a user of ours, who may still have to be disabled', async () => {
    expect(await lookAt(worldWith({ domains }))).toMatchObject({ certainty: 'present' });
  });

  test.each([
    ['there is a list without pam', { data: [] }],
    ['the list is no list', { data: 'none' }],
  ])('is not concluded where %s', async (_, reply) => {
    const override: FakeWorld['override'] = ({ path }) => (path.endsWith('/access/domains') ? reply : undefined);

    const sight = await lookAt(worldWith({ users: [], groups: { [BASE]: [], [ADMINS]: [] }, override }));

    expect(sight?.certainty).toBe('unknown');
    expect(sight).not.toMatchObject({ why: expect.stringContaining('does not exist') });
  });
});
