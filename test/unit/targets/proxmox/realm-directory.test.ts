import { expect, test } from 'vitest';
import { SourceUnavailable } from '../../../../src/domain/errors.js';
import { isMadeFromUserid, parseGuid } from '../../../../src/domain/identity.js';
import type { LedgerEntry } from '../../../../src/domain/ledger-entry.js';
import { commentFor, retiredComment } from '../../../../src/domain/proxmox-comment.js';
import { createRealmDirectory } from '../../../../src/targets/proxmox/realm-directory.js';
import { objectIdOf } from '../../../../src/targets/proxmox/realm-people.js';
import { entry } from '../../domain/builders.js';
import {
  ALICE,
  type FakeUser,
  type FakeWorld,
  fakeApi,
  never,
  OID,
  OTHER_OID,
  REALM,
  worldHandler,
  worldWith,
} from './fake-api.js';

const START_S = Date.UTC(2026, 10, 22) / 1000;
const BOB = 'bob@entra';

function setUp(users: FakeUser[], changes: Partial<FakeWorld> = {}, remembered: LedgerEntry[] = []) {
  const api = fakeApi(worldHandler(worldWith({ users, ...changes })));
  return {
    api,
    directory: createRealmDirectory({
      client: api.client,
      realm: REALM,
      remembered: () => remembered,
      log: api.log,
      clock: api.time.clock,
    }),
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
  ['does not exist', [{ userid: ALICE }], { domains: [{ realm: 'pam', type: 'pam' }] }],
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
  expect(ids.map(isMadeFromUserid)).toEqual([true, true, true]);
});

const ACTIVE = `Entramox: active; entra:${OID}`;
const CLARA = 'clara@example.com@entra';

async function certainties(directory: ReturnType<typeof setUp>['directory'], ...oids: string[]) {
  return (await directory.readIdentities(oids, never())).map(({ certainty }) => certainty);
}

test('takes a user that carries our mark for the person whom it names', async () => {
  const { directory } = setUp([{ userid: ALICE, comment: ACTIVE }, { userid: BOB }]);

  const { identities } = await directory.readScope(never());

  expect([...identities.keys()].toSorted()).toEqual([OID, objectIdOf(BOB)].toSorted());
  await expect(directory.findByUpn('alice@example.com', never())).resolves.toBe(OID);
  await expect(directory.findByUpn('ALICE@example.com', never())).resolves.toBe(OID);
});

test('keeps the mark of somebody who was locked in the comment, whatever the comment says besides', async () => {
  const wanted = { presence: 'grace', deleteAt: START_S * 1000 } as const;
  const { directory } = setUp([{ userid: ALICE, enable: 0, comment: commentFor(OID, wanted, 'deleted in Entra') }]);

  const [reading] = await directory.readIdentities([OID], never());

  expect(reading).toMatchObject({ certainty: 'present', oid: OID, enabled: false });
});

test('never makes one person of two users with one mark', async () => {
  const users = [
    { userid: ALICE, comment: ACTIVE },
    { userid: BOB, comment: `entra:${OID}` },
  ];
  const { directory } = setUp(users);

  const [reading, ...others] = await directory.readIdentities([OID, objectIdOf(ALICE), objectIdOf(BOB)], never());

  expect(reading).toMatchObject({ certainty: 'unknown', why: expect.stringContaining(`${ALICE} and ${BOB}`) });
  expect(others.map(({ certainty }) => certainty)).toEqual(['absent', 'absent']);
});

test('does not count the disabled userid of a former name, which carries the mark too', async () => {
  const users = [
    { userid: 'a.old@example.com@entra', enable: 0, comment: retiredComment(OID, ALICE) },
    { userid: ALICE, comment: ACTIVE },
  ];
  const { directory } = setUp(users);

  const [reading] = await directory.readIdentities([OID], never());

  expect(reading).toMatchObject({ certainty: 'present', enabled: true, attributes: { upn: 'alice@example.com' } });
});

test('counts the userid of a former name that somebody enabled', async () => {
  const users = [
    { userid: 'a.old@example.com@entra', enable: 1, comment: retiredComment(OID, ALICE) },
    { userid: ALICE, comment: ACTIVE },
  ];
  const { directory } = setUp(users);

  await expect(certainties(directory, OID)).resolves.toEqual(['unknown']);
});

test('takes who has only the disabled userid of a former name for disabled', async () => {
  const { directory } = setUp([{ userid: ALICE, enable: 0, comment: retiredComment(OID, 'gone@entra') }]);

  const [reading] = await directory.readIdentities([OID], never());

  expect(reading).toMatchObject({ certainty: 'present', enabled: false });
});

test.each(['Entramox: active; entra:11111111-2222', `entra:${OID.slice(0, 35)}`, 'Entramox: active', 'entra:zz'])(
  'proves nobody absent while a user has the comment %j, whose mark may have been theirs',
  async (comment) => {
    const damaged = comment !== 'entra:zz';
    const { directory } = setUp([{ userid: ALICE, comment }, { userid: BOB }]);

    const readings = await directory.readIdentities([OID, objectIdOf(ALICE), objectIdOf(BOB)], never());

    expect(readings.map(({ certainty }) => certainty)).toEqual(
      damaged ? ['unknown', 'unknown', 'present'] : ['absent', 'present', 'present'],
    );
    if (damaged) expect(readings[0]).toMatchObject({ why: expect.stringContaining(ALICE) });
  },
);

test.each<[string, Partial<LedgerEntry>]>([
  ['had before', { names: { proxmox: ALICE } }],
  ['would have by the name in Entra', { names: { linux: 'alice' } }],
])('keeps somebody whom Entra named unknown while the user that they %s carries no mark', async (_, known) => {
  const { directory } = setUp([{ userid: ALICE }, { userid: BOB }], {}, [entry({ oid: OID, ...known })]);

  const [reading, made] = await directory.readIdentities([OID, objectIdOf(ALICE)], never());

  expect(reading).toMatchObject({
    certainty: 'unknown',
    why: expect.stringContaining(`pveum user modify ${ALICE} --comment entra:${OID}`),
  });
  expect(made?.certainty).toBe('absent');
});

test.each<[string, Partial<LedgerEntry>, FakeUser[]]>([
  ['was deleted', { state: 'deleted' }, []],
  ['never got an account', { names: {} }, []],
  ['has another user by the mark', {}, [{ userid: CLARA, comment: ACTIVE }]],
])('takes a user without a mark for somebody new where the one of that name %s', async (_, known, others) => {
  const { directory } = setUp([{ userid: ALICE }, ...others], {}, [entry({ oid: OID, ...known })]);

  await expect(certainties(directory, objectIdOf(ALICE))).resolves.toEqual(['present']);
});

test.each([{}, { proxmox: ALICE }])(
  'goes on with somebody whom the realm named, though Entra had a person of that name with %j',
  async (names) => {
    const made = objectIdOf(ALICE);
    const waiting = entry({ oid: OID, names });
    const { directory } = setUp([{ userid: ALICE }], {}, [entry({ oid: made }), waiting]);

    await expect(certainties(directory, made, OID)).resolves.toEqual(['present', 'absent']);
  },
);

test('decides nothing where two people with accounts have a claim to one user', async () => {
  const made = objectIdOf(ALICE);
  const other = entry({ oid: OID, names: { linux: 'alice2', proxmox: ALICE } });
  const { directory } = setUp([{ userid: ALICE }], {}, [entry({ oid: made }), other]);

  await expect(certainties(directory, made, OID)).resolves.toEqual(['unknown', 'unknown']);
});

test('proves nobody absent whom the realm named, and whose user carries a mark by now', async () => {
  const made = objectIdOf(ALICE);
  const { directory } = setUp([{ userid: ALICE, comment: ACTIVE }], {}, [entry({ oid: made })]);

  await expect(certainties(directory, made, OID)).resolves.toEqual(['unknown', 'present']);
});

test('proves nobody absent by a listing with an unreadable user, whose mark it may be', async () => {
  const { directory } = setUp([{ userid: ALICE, enable: null, comment: ACTIVE }, { userid: BOB }]);

  await expect(certainties(directory, OTHER_OID, objectIdOf(BOB))).resolves.toEqual(['unknown', 'present']);
});

test('names the realm that does not exist, and those that do', async () => {
  const { directory } = setUp([{ userid: ALICE }], { domains: [{ realm: 'pam', type: 'pam' }] });

  await expect(directory.readScope(never())).rejects.toThrow(
    `the realm ${REALM} does not exist in Proxmox VE, so nobody of it can log in; there are pam`,
  );
});

test('does not believe a listing without any realm', async () => {
  const { directory } = setUp([{ userid: ALICE }], { domains: [] });

  await expect(directory.readScope(never())).rejects.toThrow('not even pam');
});
