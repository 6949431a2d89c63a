import { expect, test } from 'vitest';
import { Busy, Conflict } from '../../../../src/domain/errors.js';
import type { ProxmoxFields, ProxmoxStep } from '../../../../src/domain/step.js';
import { createProxmoxTarget } from '../../../../src/targets/proxmox/target.js';
import {
  ADMINS,
  ALICE,
  BASE,
  type FakeWorld,
  fakeApi,
  never,
  OID,
  OTHER_OID,
  REALM,
  worldHandler,
  worldWith,
} from './fake-api.js';

const FIELDS: ProxmoxFields = {
  enabled: true,
  comment: `Entramox: active; entra:${OID}`,
  firstName: 'Alice',
  lastName: '',
  email: 'alice@example.com',
  groups: [BASE, ADMINS],
};

function create(changes: Partial<ProxmoxFields> = {}): ProxmoxStep {
  return {
    target: 'proxmox',
    action: 'create',
    effect: 'create',
    oid: OID,
    name: ALICE,
    fields: { ...FIELDS, ...changes },
  };
}

function update(changes: Partial<Extract<ProxmoxStep, { action: 'update' }>> = {}): ProxmoxStep {
  return {
    target: 'proxmox',
    action: 'update',
    effect: 'lock',
    oid: OID,
    name: ALICE,
    change: { enabled: false },
    groups: [BASE],
    append: false,
    before: FIELDS,
    ...changes,
  };
}

function setUp(
  after: { enable?: number; groups?: string[]; comment?: string } | undefined,
  override?: FakeWorld['override'],
) {
  const users = after ? [{ userid: ALICE, comment: FIELDS.comment, ...after }] : [];
  const api = fakeApi(worldHandler(worldWith({ users, ...(override ? { override } : {}) })));
  const target = createProxmoxTarget({
    client: api.client,
    realm: REALM,
    managedGroups: [BASE, ADMINS],
    adoptExisting: false,
    log: api.log,
    clock: api.time.clock,
  });
  return { api, target, writes: () => api.calls.filter(({ method }) => method !== 'GET') };
}

test('creates a user by one POST without its empty fields', async () => {
  const { target, writes } = setUp({ enable: 1, groups: [ADMINS, BASE] });

  await target.apply(create(), never());

  expect(writes()).toHaveLength(1);
  expect(writes()[0]).toMatchObject({ method: 'POST', path: '/api2/json/access/users' });
  expect(writes()[0]?.body).toEqual({
    userid: ALICE,
    enable: 1,
    comment: FIELDS.comment,
    firstname: 'Alice',
    email: 'alice@example.com',
    groups: `${BASE},${ADMINS}`,
  });
});

test.each(["o'neil@example.com", 'a b@example.com', 'no-at', `${'x'.repeat(250)}@e.com`])(
  'leaves out the address %s, which PVE refuses, and says so',
  async (email) => {
    const { api, target, writes } = setUp({ enable: 1, groups: [ADMINS, BASE] });

    await target.apply(create({ email }), never());

    expect(writes()[0]?.body).not.toHaveProperty('email');
    expect(api.logged.map(({ event }) => event)).toContain('proxmox.email.omitted');
  },
);

test('updates by one PUT with what changes and the groups, and nothing more', async () => {
  const { target, writes } = setUp({ enable: 0, groups: [BASE] });

  await target.apply(update(), never());

  expect(writes()).toHaveLength(1);
  expect(writes()[0]).toMatchObject({ method: 'PUT', path: '/api2/json/access/users/alice%40example.com%40entra' });
  expect(writes()[0]?.body).toEqual({ enable: 0, groups: BASE });
});

test('clears a text by the empty string', async () => {
  const { target, writes } = setUp({ enable: 1, groups: [BASE] });

  await target.apply(update({ effect: 'touch', change: { lastName: '', email: '' } }), never());

  expect(writes()[0]?.body).toEqual({ lastname: '', email: '', groups: BASE });
});

test('clears the old address where PVE refuses the new one', async () => {
  const { target, writes } = setUp({ enable: 1, groups: [BASE] });

  await target.apply(update({ effect: 'touch', change: { email: "o'neil@example.com" } }), never());

  expect(writes()[0]?.body).toEqual({ email: '', groups: BASE });
});

test('appends groups where the step says so, and bears groups that are not ours', async () => {
  const { target, writes } = setUp({ enable: 0, groups: [BASE, 'zoo'] });

  await target.apply(update({ append: true }), never());

  expect(writes()[0]?.body).toEqual({ enable: 0, groups: BASE, append: 1 });
});

test.each([
  ['still enabled', { enable: 1, groups: [BASE] }, 'enable is 1, not 0'],
  ['not in its group', { enable: 0, groups: [] }, `not in ${BASE}`],
  ['still in a group', { enable: 0, groups: [BASE, ADMINS] }, `still in ${ADMINS}`],
  ['gone', undefined, 'does not exist'],
])('fails where the user reads back %s after the write', async (_, after, words) => {
  const { api, target } = setUp(after);

  const applying = target.apply(update(), never());

  await expect(applying).rejects.toThrow(words);
  expect(api.logged.map(({ event }) => event)).toContain('proxmox.user.differs');
});

test('deletes a user again that had groups at once which nobody gave it', async () => {
  const { api, target, writes } = setUp({ enable: 1, groups: [ADMINS, BASE, 'stale-admins'] });

  await expect(target.apply(create(), never())).rejects.toMatchObject({
    name: 'Conflict',
    message: expect.stringContaining('stale-admins'),
  });

  expect(writes().map(({ method }) => method)).toEqual(['POST', 'DELETE']);
  expect(api.logged.map(({ event }) => event)).toContain('proxmox.user.inherited');
});

test('deletes no user with other groups that it did not make in this very step', async () => {
  const { target, writes } = setUp({ enable: 1, groups: [ADMINS, BASE, 'stale-admins'] }, ({ method }) =>
    method === 'POST' ? { status: 500, message: `create user failed: user '${ALICE}' already exists` } : undefined,
  );

  await expect(target.apply(create(), never())).rejects.not.toBeInstanceOf(Conflict);

  expect(writes().map(({ method }) => method)).toEqual(['POST']);
});

test('takes "already exists" for done where the user carries our mark and is as it should be', async () => {
  const { target } = setUp({ enable: 1, groups: [BASE, ADMINS] }, ({ method }) =>
    method === 'POST' ? { status: 500, message: `create user failed: user '${ALICE}' already exists` } : undefined,
  );

  await expect(target.apply(create(), never())).resolves.toBeUndefined();
});

test('takes "already exists" for a conflict where the user is somebody else\'s', async () => {
  const { target } = setUp({ comment: `entra:${OTHER_OID}`, groups: [BASE] }, ({ method }) =>
    method === 'POST' ? { status: 500, message: `create user failed: user '${ALICE}' already exists` } : undefined,
  );

  await expect(target.apply(create(), never())).rejects.toBeInstanceOf(Conflict);
});

test.each([create({ groups: [] }), update({ groups: [] }), update({ groups: ['zoo'] })])(
  'writes nothing for a step that would put a user out of reach',
  async (step) => {
    const { api, target } = setUp({ groups: [BASE] });

    await expect(target.apply(step, never())).rejects.toMatchObject({
      name: 'Conflict',
      remedy: expect.stringContaining(BASE),
    });
    expect(api.calls).toHaveLength(0);
  },
);

test('says how to bring a user into reach that is in none of the managed groups', async () => {
  const { target } = setUp({ groups: [] }, ({ method }) =>
    method === 'PUT' ? { status: 403, message: 'Permission check failed (/access/groups, User.Modify)' } : undefined,
  );

  const applying = target.apply(update({ before: { ...FIELDS, groups: ['zoo'] } }), never());

  await expect(applying).rejects.toMatchObject({
    kind: 'permission',
    message: expect.stringContaining(`pveum user modify ${ALICE} --groups ${BASE} --append 1`),
  });
});

test('leaves it to a person where the user was never ours, and says how', async () => {
  const { target } = setUp({ groups: ['zoo'] }, ({ method }) =>
    method === 'PUT' ? { status: 403, message: 'Permission check failed' } : undefined,
  );
  const before = { ...FIELDS, comment: 'made by hand', groups: ['zoo'] };

  const applying = target.apply(update({ effect: 'grant', change: { comment: FIELDS.comment }, before }), never());

  await expect(applying).rejects.toMatchObject({
    name: 'Conflict',
    remedy: expect.stringContaining(`pveum user modify ${ALICE} --groups ${BASE} --append 1`),
  });
});

test('asks for its rights anew after a refused write', async () => {
  let refuse = true;
  const { api, target } = setUp({ enable: 0, groups: [BASE] }, ({ method }) =>
    method === 'PUT' && refuse ? { status: 403, message: 'Permission check failed' } : undefined,
  );
  const asked = (): number => api.calls.filter(({ path }) => path.includes('permissions')).length;
  await target.observe([{ oid: OID, name: ALICE }], never());

  await expect(target.apply(update(), never())).rejects.toMatchObject({ kind: 'permission' });
  refuse = false;
  await target.observe([{ oid: OID, name: ALICE }], never());

  expect(asked()).toBe(2);
});

test.each([
  ["update user failed: no such group 'x'", 'no-such-group'],
  [`no such user ('${ALICE}')`, 'no-such-user'],
])('passes on the refusal "%s"', async (message, kind) => {
  const { target } = setUp({}, ({ method }) => (method === 'PUT' ? { status: 500, message } : undefined));

  await expect(target.apply(update(), never())).rejects.toMatchObject({ kind });
});

test('says Busy, to be tried again after a minute, where user.cfg is full', async () => {
  const message = "update user failed: unable to write '/etc/pve/user.cfg.tmp.1' - File too large";
  const { target } = setUp({}, ({ method }) => (method === 'PUT' ? { status: 500, message } : undefined));

  const refusal = target.apply(update(), never());

  await expect(refusal).rejects.toBeInstanceOf(Busy);
  await expect(refusal).rejects.toMatchObject({ retryAfterMs: 60_000, cause: { kind: 'full' } });
});

test('says Busy where the cluster has no quorum', async () => {
  const { target } = setUp({}, ({ method }) => (method === 'PUT' ? { status: 500, message: 'no quorum!' } : undefined));

  await expect(target.apply(update(), never())).rejects.toBeInstanceOf(Busy);
});
