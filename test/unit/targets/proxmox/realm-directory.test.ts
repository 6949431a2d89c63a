import { expect, test } from 'vitest';
import { SourceUnavailable } from '../../../../src/domain/errors.js';
import { parseGuid } from '../../../../src/domain/identity.js';
import { createRealmDirectory, objectIdOf } from '../../../../src/targets/proxmox/realm-directory.js';
import { ALICE, type FakeUser, type FakeWorld, fakeApi, never, REALM, worldHandler, worldWith } from './fake-api.js';

const START_S = Date.UTC(2026, 10, 22) / 1000;
const BOB = 'bob@entra';

function setUp(users: FakeUser[], changes: Partial<FakeWorld> = {}) {
  const api = fakeApi(worldHandler(worldWith({ users, ...changes })));
  return {
    api,
    directory: createRealmDirectory({ client: api.client, realm: REALM, log: api.log, clock: api.time.clock }),
  };
}

test('lists the users of its realm alone, with their names', async () => {
  const alice = { userid: ALICE, firstname: 'Alice', lastname: 'Doe', email: 'alice@example.com', groups: ['zoo'] };
  const { directory } = setUp([alice, { userid: 'root@pam' }, { userid: 'carol@other-entra' }]);

  const scope = await directory.readScope(never());

  const oid = objectIdOf(ALICE);
  expect([...scope.identities.values()]).toEqual([
    {
      certainty: 'present',
      oid,
      attributes: {
        upn: 'alice@example.com',
        displayName: 'Alice Doe',
        givenName: 'Alice',
        surname: 'Doe',
        mail: 'alice@example.com',
      },
      enabled: true,
      groups: [],
    },
  ]);
  expect(scope.groups.size).toBe(0);
});

test.each([
  ['disabled', { enable: 0 }, false],
  ['never expiring', { expire: 0 }, true],
  ['expired', { expire: START_S - 1 }, false],
  ['expiring now', { expire: START_S }, true],
  ['expiring later, written as text', { expire: String(START_S + 60) }, true],
])('reads a user that is %s', async (_, fields, enabled) => {
  const { directory } = setUp([{ userid: BOB, ...fields }]);

  const [reading] = await directory.readIdentities([objectIdOf(BOB)], never());

  expect(reading).toMatchObject({ certainty: 'present', enabled });
});

test('answers in the order asked, by one listing', async () => {
  const { api, directory } = setUp([{ userid: ALICE }, { userid: BOB }]);
  const gone = objectIdOf('gone@entra');

  const readings = await directory.readIdentities([objectIdOf(BOB), gone, objectIdOf(ALICE)], never());

  expect(readings.map(({ certainty }) => certainty)).toEqual(['present', 'absent', 'present']);
  expect(readings[1]).toEqual({ certainty: 'absent', oid: gone, evidence: 'not-found' });
  expect(api.calls.filter(({ path }) => path.includes('/access/users'))).toHaveLength(1);
});

test('takes a null enable for unknown', async () => {
  const { directory } = setUp([{ userid: ALICE }, { userid: BOB, enable: null }]);

  const [reading] = await directory.readIdentities([objectIdOf(BOB)], never());

  expect(reading).toMatchObject({ certainty: 'unknown', why: expect.stringContaining(BOB) });
});

test('proves nobody absent by a listing with a nameless entry', async () => {
  const override: FakeWorld['override'] = ({ path }) =>
    path.includes('/users?') ? { data: [{ enable: 1 }, { userid: ALICE, enable: 1 }] } : undefined;
  const { directory } = setUp([], { override });

  const [reading] = await directory.readIdentities([objectIdOf(BOB)], never());

  expect(reading?.certainty).toBe('unknown');
});

test.each<[string, FakeUser[], Partial<FakeWorld>]>([
  ['reads empty', [], {}],
  ['has only users of other realms', [{ userid: 'root@pam' }], {}],
  ['may not be read', [{ userid: ALICE }], { permissions: {} }],
  ['refuses the token', [{ userid: ALICE }], { override: () => ({ status: 401, raw: '' }) }],
  ['answers with a page', [{ userid: ALICE }], { override: () => ({ raw: '<html>' }) }],
])('is unavailable where the realm %s', async (_, users, changes) => {
  const { directory } = setUp(users, changes);

  await expect(directory.readScope(never())).rejects.toBeInstanceOf(SourceUnavailable);
  await expect(directory.readIdentities([objectIdOf(ALICE)], never())).rejects.toBeInstanceOf(SourceUnavailable);
});

test('finds a person by the exact name first, then by the only one that differs in case', async () => {
  const { directory } = setUp([{ userid: 'Alice@entra' }, { userid: 'alice@entra' }, { userid: 'Bob@entra' }]);

  await expect(directory.findByUpn('alice', never())).resolves.toBe(objectIdOf('alice@entra'));
  await expect(directory.findByUpn('bob', never())).resolves.toBe(objectIdOf('Bob@entra'));
  await expect(directory.findByUpn('ALICE', never())).resolves.toBeUndefined();
  await expect(directory.findByUpn('nobody', never())).resolves.toBeUndefined();
});

test('calls every asked group existing, as it knows of none', async () => {
  const { directory } = setUp([{ userid: ALICE }]);

  await expect(directory.existingGroups(['g1', 'g2'], never())).resolves.toEqual(new Set(['g1', 'g2']));
});

test('derives an object id that is a GUID, the same each time and another for each spelling', () => {
  const ids = ['alice@entra', 'Alice@entra', 'alice@pve'].map(objectIdOf);

  expect(objectIdOf('alice@entra')).toBe(ids[0]);
  expect(new Set(ids).size).toBe(3);
  expect(ids.map(parseGuid)).toEqual(ids);
});
