import { describe, expect, it } from 'vitest';
import type { Check } from '../../../../src/commands/doctor/check.js';
import { checkClock } from '../../../../src/commands/doctor/clock.js';
import { checkLakefs, checkLakefsSettings } from '../../../../src/commands/doctor/lakefs.js';
import type { ToldOfLakefs } from '../../../../src/commands/doctor/lakefs-people.js';
import { checkLakefsTls } from '../../../../src/commands/doctor/lakefs-way.js';
import type { LakefsSettings } from '../../../../src/config/settings.js';
import { SourceUnavailable } from '../../../../src/domain/errors.js';
import type { LakefsSelection } from '../../../../src/domain/lakefs.js';
import type { LakefsGroupView, LakefsView } from '../../../../src/operator/lakefs.js';
import type { LakefsClient } from '../../../../src/targets/lakefs/client.js';
import { errorOf, type Subject } from '../../../../src/targets/lakefs/errors.js';
import { answered, failed, NOW } from './looked.js';
import { provoked, unwell } from './provoked.js';

const { signal } = new AbortController();

const SETTINGS: LakefsSettings = {
  endpoint: 'https://lakefs.example.com',
  accessKeyId: 'AKIA',
  secretAccessKey: 'secret',
  source: 'filter',
  filter: 'LakeFS*',
  groupIds: [],
  adoptGroupIds: [],
  mapping: [],
  mappingFile: undefined,
  defaultPolicies: ['FSReadAll'],
  defaultAcl: undefined,
  mode: 'full',
  memberMatch: [],
  missingUsers: 'pending',
  deleteAfterMs: undefined,
  timeoutMs: 1_000,
};

const X = '11111111-0000-4000-8000-000000000001';
const Y = '22222222-0000-4000-8000-000000000002';

const WANTED: LakefsSelection & { certainty: 'complete' } = {
  certainty: 'complete',
  wanted: [{ groupId: X, displayName: 'LakeFS X', lakefsName: 'LakeFS X', policies: ['FSReadAll'] }],
  conflicts: [],
};

const ADMINS = { id: 'Admins', name: 'Admins', description: '' };
const GROUP_X = { id: 'opaque', name: 'LakeFS X', description: `entra:${X}` };

const VIEW: LakefsView = {
  ...{ mode: 'full', groups: [], conflicts: [] },
  ...{ pending: [], pendingCount: 0, people: [] },
};

function remembered(change: Partial<LakefsGroupView>): LakefsGroupView {
  return { group: X, displayName: 'LakeFS X', name: 'LakeFS X', members: 0, policies: [], origin: 'made', ...change };
}

function refusal(status: number, subject: Subject, permission = 'auth:X'): Error {
  const call = 'GET /x';
  return errorOf({ status, text: 'no', noAcl: false, call, host: 'h', accessKeyId: 'AKIA', subject, permission });
}

/** Only reads: a call that is not here is a bug of the doctor. */
function clientWith(change: Partial<LakefsClient> = {}): LakefsClient {
  const reads: Partial<LakefsClient> = {
    host: 'lakefs.example.com',
    accessKeyId: 'AKIA',
    currentUser: async () => ({ id: 'me', friendlyName: undefined, email: undefined }),
    listGroups: async () => [ADMINS, GROUP_X],
    listMembers: async () => [],
    listGroupPolicies: async () => [],
    listUserGroups: async () => [],
    capabilities: async () => ({ canInvite: true }),
    listUsers: async () => [],
    listPolicies: async () => ['FSReadAll', 'Other'],
    ...change,
  };
  return reads as LakefsClient;
}

interface Around {
  selection?: LakefsSelection;
  told?: ToldOfLakefs;
  blocked?: string;
}

function look(
  change: Partial<LakefsClient> = {},
  settings: Partial<LakefsSettings> = {},
  { selection = WANTED, told = { kind: 'view', view: VIEW }, blocked }: Around = {},
): Promise<Check[]> {
  const ports = {
    ...{ settings: { ...SETTINGS, ...settings }, client: clientWith(change) },
    ...{ select: async () => selection, told: Promise.resolve(told), blocked: Promise.resolve(blocked) },
  };
  return checkLakefs(ports, signal);
}

describe('lakeFS where all is well', () => {
  it('is told in one line for each subject, by reading alone', async () => {
    const checks = await look();

    expect(unwell(checks)).toEqual({});
    expect(checks.map(({ name }) => name)).toEqual([
      ...['lakefs.access', 'lakefs.kind', 'lakefs.rights', 'lakefs.beyond', 'lakefs.policies'],
      ...['lakefs.managed', 'lakefs.groups', 'lakefs.people'],
    ]);
  });

  it('may have ACLs instead of policies', async () => {
    const listPolicies = () => Promise.reject(refusal(501, 'policies'));
    const listUserGroups = async () => [ADMINS];

    const checks = await look({ listPolicies, listUserGroups }, { defaultAcl: 'Read' });

    expect(unwell(checks)).toEqual({});
  });

  it('is asked for nothing that its mode does not need', async () => {
    const no = () => Promise.reject(new Error('nobody needs this'));

    const policies = await look({ listUsers: no, listMembers: no }, { mode: 'policies-only' });
    const members = await look({ listPolicies: no, listGroupPolicies: no }, { mode: 'members-only' });

    expect([unwell(policies), unwell(members)]).toEqual([{}, {}]);
  });

  it('may have groups that were given to us, by the name that they had then', async () => {
    const old = { id: 'old', name: 'Old name', description: '' };
    const view = { ...VIEW, groups: [remembered({ name: 'Old name', origin: 'adopted' })] };

    const checks = await look({ listGroups: async () => [old] }, {}, { told: { kind: 'view', view } });

    expect(unwell(checks)).toEqual({});
  });

  it('may be on this machine without TLS', () => {
    const url = new URL('http://127.0.0.1:8000/api/v1/healthcheck');

    expect(checkLakefsTls({ url, looked: undefined, proxy: undefined, now: NOW })).toMatchObject({ state: 'fine' });
  });

  it('is a target or not, and says so', () => {
    expect(checkLakefsSettings(SETTINGS, ['LAKEFS_ENDPOINT'])).toMatchObject({ state: 'fine' });
    expect(checkLakefsSettings(undefined, [])).toMatchObject({ state: 'fine' });
  });
});

describe('lakeFS where something is not well', () => {
  it('has settings in vain', () => {
    const check = provoked('lakefs.settings', [checkLakefsSettings(undefined, ['GROUP_FILTER'])], 'remark');

    expect(check.saw).toContain('GROUP_FILTER is set, but lakeFS is not a target');
  });

  it('is not reached, or shows a certificate that cannot be trusted; only Entra is asked then', async () => {
    const url = new URL('https://lakefs.example.com/api/v1/healthcheck');
    const way = { url, proxy: undefined, now: NOW };
    const tls = (looked: Parameters<typeof checkLakefsTls>[0]['looked'], proxy?: string) => [
      checkLakefsTls({ ...way, looked, proxy }),
    ];
    const untrusted = answered({ distrust: 'SELF_SIGNED_CERT_IN_CHAIN' });
    const other = answered({ distrust: 'ERR_TLS_CERT_ALTNAME_INVALID' });

    const checks = await look({ currentUser: () => Promise.reject(new Error('was asked')) }, {}, { blocked: 'no way' });

    expect(provoked('lakefs.tls', tls(failed()), 'unreachable').mend).toContain('lakefs.example.com:443');
    expect(provoked('lakefs.tls', tls(failed({ certain: true }))).mend).toContain('LAKEFS_ENDPOINT');
    expect(provoked('lakefs.tls', tls(untrusted)).mend).toContain('CA_FILE');
    expect(provoked('lakefs.tls', tls(other)).mend).toContain('a name that the certificate carries');
    const through = tls(failed({ certain: true, proxy: true }), 'the proxy');
    expect(provoked('lakefs.tls', through).mend).toContain('NO_PROXY');
    expect(tls(answered())).toMatchObject([{ state: 'fine' }]);
    expect(Object.values(unwell(checks))).toEqual(Array(6).fill('skipped'));
    expect(unwell(checks)).not.toHaveProperty('lakefs.groups');
  });

  it('has a clock of its own', () => {
    const looks = [answered({ date: NOW - 10 * 60_000 })];

    expect(provoked('clock.lakefs', checkClock('clock.lakefs', 'lakeFS', looks)).saw).toContain('ahead of lakeFS');
  });

  it('does not take the key, or does not answer; the rest is not looked at but for groups and people', async () => {
    const refused = await look({ currentUser: () => Promise.reject(refusal(401, 'users')) });
    const away = await look({ currentUser: () => Promise.reject(new SourceUnavailable('nobody there')) });

    expect(provoked('lakefs.access', refused).saw).toContain('does not take the key AKIA: no such key, or another');
    expect(provoked('lakefs.access', away, 'unreachable').saw).toContain('nobody there');
    expect(unwell(refused)).toMatchObject({ 'lakefs.kind': 'skipped', 'lakefs.managed': 'skipped' });
    expect(unwell(refused)).not.toHaveProperty('lakefs.groups');
    expect(unwell(refused)).not.toHaveProperty('lakefs.people');
  });

  it('has no groups at all', async () => {
    const none = () => Promise.reject(refusal(501, 'groups'));

    const checks = await look({ listGroups: none, listUserGroups: none, listPolicies: none });

    expect(provoked('lakefs.kind', checks).saw).toContain('no RBAC');
    expect(unwell(checks)).toMatchObject({ 'lakefs.rights': 'skipped', 'lakefs.managed': 'skipped' });
  });

  it('has ACLs and nobody says which', async () => {
    const listPolicies = () => Promise.reject(refusal(501, 'policies'));

    provoked('lakefs.kind', await look({ listPolicies }), 'remark');
  });

  it('does not let the key read, each permission named', async () => {
    const checks = await look({
      listUsers: () => Promise.reject(refusal(401, 'users', 'auth:ListUsers')),
      listMembers: () => Promise.reject(refusal(401, 'groups', 'auth:ReadGroup')),
    });

    expect(provoked('lakefs.rights', checks).saw).toContain(
      'is taken, but its user lacks auth:ListUsers, auth:ReadGroup',
    );
  });

  it('does not show its policies', async () => {
    const checks = await look({ listPolicies: () => Promise.reject(refusal(401, 'policies', 'auth:ListPolicies')) });

    expect(provoked('lakefs.rights', checks).saw).toContain('auth:ListPolicies');
    expect(unwell(checks)).toMatchObject({ 'lakefs.kind': 'skipped', 'lakefs.policies': 'skipped' });
  });

  it('gives no answer to one of the reads', async () => {
    const away = await look({ listUsers: () => Promise.reject(new SourceUnavailable('nobody there')) });

    provoked('lakefs.rights', away, 'unreachable');
  });

  it('has our user among its administrators, or does not show that', async () => {
    const admin = await look({ listUserGroups: async () => [ADMINS] });
    const hidden = await look(
      { listUserGroups: () => Promise.reject(refusal(401, 'groups', 'auth:ReadUser')) },
      { mode: 'policies-only' },
    );

    expect(provoked('lakefs.beyond', admin, 'remark').saw).toContain('me is in Admins');
    expect(unwell(hidden)).toEqual({ 'lakefs.beyond': 'remark' });
  });

  it('lacks a declared policy', async () => {
    const mapping = [{ of: { filter: 'x' }, policies: ['NoSuch'] }];

    expect(provoked('lakefs.policies', await look({}, { mapping })).saw).toBe('lakeFS has no policy NoSuch');
    expect(unwell(await look({}, { mapping, mode: 'members-only' }))).toEqual({});
  });

  it('has groups in conflict, unknown ones, or none', async () => {
    const conflict = { groupId: Y, displayName: 'X', why: 'two groups would be X', remedy: 'rename one' };
    const clash = await look({}, {}, { selection: { ...WANTED, conflicts: [conflict] } });
    const unknown = await look({}, {}, { selection: { certainty: 'unknown', why: 'Graph is away' } });
    const none = await look({ listGroups: async () => [] }, {}, { selection: { ...WANTED, wanted: [] } });
    const absent = await look({}, {}, { selection: { ...WANTED, absent: [Y] } });

    expect(provoked('lakefs.groups', absent, 'remark').saw).toContain(`none of the id ${Y}`);
    expect(provoked('lakefs.groups', clash).mend).toBe('rename one');
    expect(provoked('lakefs.groups', unknown, 'unreachable').saw).toContain('Graph is away');
    expect(unwell(unknown)).toMatchObject({ 'lakefs.managed': 'skipped' });
    provoked('lakefs.groups', none, 'remark');
  });

  it('lacks a wanted group so far, or has somebody else’s of that name', async () => {
    const missing = await look({ listGroups: async () => [ADMINS] });
    const foreign = await look({ listGroups: async () => [{ ...GROUP_X, description: 'ours since 2019' }] });
    const others = await look({ listGroups: async () => [{ ...GROUP_X, description: `entra:${Y}` }] });

    expect(provoked('lakefs.managed', missing, 'remark').saw).toBe(
      '0 of 1 wanted groups are there; not yet "LakeFS X"',
    );
    expect(provoked('lakefs.managed', foreign).mend).toContain('LAKEFS_ADOPT_GROUP_IDS');
    expect(others.filter(({ name }) => name === 'lakefs.managed').map(({ state }) => state)).toEqual([
      ...['wrong', 'remark'],
    ]);
  });

  it('has groups with our mark that nobody wants, unless they are on their way out', async () => {
    const old = { id: 'old', name: 'Old', description: `entra:${Y}` };
    const ends = { since: '2026-11-22T09:00:00.000Z' };
    const view = { ...VIEW, groups: [remembered({ group: Y, name: 'Old', ends })] };
    const groups = { listGroups: async () => [GROUP_X, old] };

    const left = await look(groups);
    const ending = await look(groups, {}, { told: { kind: 'view', view } });

    expect(provoked('lakefs.managed', left, 'remark').saw).toContain('"Old"');
    expect(unwell(ending)).toEqual({});
  });

  it('has no user for members, two for one of them, or refuses somebody', async () => {
    const person = { oid: '3', upn: 'carol@example.com' };
    const pending = [{ ...person, since: '2026-11-22T09:00:00.000Z' }];
    const conflict = { what: 'email finds several lakeFS users', remedy: 'delete one' };
    const told = (view: Partial<LakefsView>): Around => ({ told: { kind: 'view', view: { ...VIEW, ...view } } });

    const waiting = await look({}, {}, told({ pending, pendingCount: 7 }));
    const doubled = await look({}, {}, told({ people: [{ ...person, conflict }] }));
    const failing = await look({}, {}, told({ people: [{ ...person, problem: 'lakeFS says no' }] }));

    const seen = provoked('lakefs.people', waiting, 'remark');
    expect(seen.saw).toBe('7 members have no lakeFS user yet: carol@example.com (and 6 more)');
    expect(seen.mend).toContain('LAKEFS_MEMBER_MATCH');
    expect(provoked('lakefs.people', doubled).mend).toBe('delete one');
    expect(provoked('lakefs.people', failing).saw).toContain('lakeFS says no');
  });

  it('cannot invite whom it should, or is looked after by nobody', async () => {
    const none = async () => ({ canInvite: false });

    const uninviting = await look({ capabilities: none }, { missingUsers: 'invite' });
    const silent = await look({}, {}, { told: { kind: 'silent' } });
    const otherwise = await look({}, {}, { told: { kind: 'none' } });

    expect(provoked('lakefs.people', uninviting).mend).toContain('LAKEFS_MISSING_USERS');
    provoked('lakefs.people', silent, 'skipped');
    expect(provoked('lakefs.people', otherwise).mend).toContain('restart it');
    expect(unwell(await look({ capabilities: none }, { missingUsers: 'create' }))).toEqual({});
  });
});
