import { chmodSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type LoadOptions, loadSettings } from '../../../src/config/load.js';
import { CLIENT, GROUP, load, OTHER_GROUP, problemsOf, problemsWith, TENANT, TOKEN, temporaryFile } from './fixture.js';

const SECRET = 'abc8Q~the-client-secret';
const KEYS = {
  LAKEFS_ENDPOINT: 'https://lakefs.example.com/api/v1/',
  LAKEFS_ACCESS_KEY_ID: 'AKIAEXAMPLE',
  LAKEFS_SECRET_ACCESS_KEY: 'the-secret-access-key',
};
/** What the predecessor was configured with, under its names. */
const PREDECESSOR = {
  ENTRA_TENANT_ID: TENANT,
  ENTRA_APPLICATION_ID: CLIENT,
  ENTRA_CLIENT_SECRET_VALUE: SECRET,
  ...KEYS,
};

function lakefsOf(changes: Record<string, string> = {}, options: LoadOptions = {}) {
  const { settings } = loadSettings({ env: { ...PREDECESSOR, ...changes }, command: 'sweep', ...options });
  if (!settings.lakefs) throw new Error('lakeFS is not configured');
  return settings.lakefs;
}

describe("the predecessor's configuration", () => {
  it('is all that a sweep needs: lakeFS alone, every group, the policies of before', () => {
    const { settings } = loadSettings({ env: PREDECESSOR, command: 'sweep' });

    expect(settings.targets).toEqual(['lakefs']);
    expect(settings.entra).toMatchObject({ tenantId: TENANT, clientId: CLIENT, groupIds: [] });
    expect(settings.entra.credential).toEqual({ kind: 'secret', clientSecret: SECRET });
    expect(settings.dryRun).toBe(false);
    expect(settings.lakefs).toMatchObject({
      endpoint: 'https://lakefs.example.com',
      accessKeyId: 'AKIAEXAMPLE',
      secretAccessKey: 'the-secret-access-key',
      source: 'filter',
      filter: '*',
      defaultPolicies: ['AuthManageOwnCredentials', 'FSReadAll'],
      mode: 'full',
      missingUsers: 'pending',
      deleteAfterMs: 24 * 3_600_000,
    });
  });

  it('means by DRY_RUN, GROUP_FILTER and LAKEFS_DEFAULT_POLICIES what it meant', () => {
    const env = { ...PREDECESSOR, DRY_RUN: 'true', GROUP_FILTER: 'LakeFS[!x]*', LAKEFS_DEFAULT_POLICIES: 'B, A b,B' };
    const { settings } = loadSettings({ env, command: 'sweep' });

    expect(settings.dryRun).toBe(true);
    expect(settings.lakefs).toMatchObject({ filter: 'LakeFS[!x]*', defaultPolicies: ['A b', 'B'] });
    expect(lakefsOf({ GROUP_FILTER: '' }).filter).toBe('*');
    expect(lakefsOf({ LAKEFS_DEFAULT_POLICIES: '' }).defaultPolicies).toEqual([]);
  });

  it('may stand in a .env as python-dotenv reads it', () => {
    const text = Object.entries(PREDECESSOR)
      .map(([name, value]) => `export ${name}="${value}" # as it was`)
      .join('\n');

    const { settings } = loadSettings({ env: {}, command: 'sweep', configFile: temporaryFile('.env', text) });

    expect(settings.targets).toEqual(['lakefs']);
    expect(settings.lakefs?.secretAccessKey).toBe('the-secret-access-key');
  });

  it('is told that names of groups can be imitated', () => {
    const { notices } = loadSettings({ env: PREDECESSOR, command: 'sweep' });

    expect(notices.map(({ kind, key }) => [kind, key])).toEqual([['insecure', 'GROUP_FILTER']]);
  });
});

describe('the targets', () => {
  it('are lakeFS beside those of the people where somebody is in scope', () => {
    expect(load(KEYS).settings.targets).toEqual(['linux', 'lakefs']);
    expect(load({ ...KEYS, PVE_API_TOKEN: TOKEN, REALM: 'entra' }).settings.targets).toEqual([
      'linux',
      'proxmox',
      'lakefs',
    ]);
    expect(load({ ...KEYS, TARGETS: 'lakefs' }).settings.targets).toEqual(['lakefs']);
  });

  it('are lakeFS only where it is configured; without, its settings are told to be ignored', () => {
    const { settings, notices } = load({ LAKEFS_ACCESS_KEY_ID: 'AKIA', GROUP_FILTER: 'x*' });

    expect(settings.targets).toEqual(['linux']);
    expect(settings.lakefs).toBeUndefined();
    expect(notices.map(({ kind, text }) => [kind, text])).toEqual([
      ['ignored', expect.stringContaining('LAKEFS_ACCESS_KEY_ID, GROUP_FILTER are ignored')],
    ]);
  });

  it('with lakeFS named need its address and both keys, and Entra', () => {
    const problems = problemsWith({ TARGETS: 'linux,lakefs' });

    expect(problems.map(({ key }) => key)).toEqual([
      'LAKEFS_ENDPOINT',
      'LAKEFS_ACCESS_KEY_ID',
      'LAKEFS_SECRET_ACCESS_KEY',
    ]);
    expect(problemsWith({ ...KEYS, TARGETS: 'lakefs', GRAPH_ENFORCE: 'false' }).map(({ key }) => key)).toContain(
      'GRAPH_ENFORCE',
    );
  });

  it('still need somebody in scope where there are others than lakeFS', () => {
    const problems = problemsOf({ env: { ...PREDECESSOR, TARGETS: 'linux,lakefs' }, command: 'sweep' });

    expect(problems.map(({ key }) => key)).toEqual(['ENTRA_GROUP_IDS']);
  });

  it('of the listener do not open the secret of lakeFS', () => {
    const env = {
      ...PREDECESSOR,
      LAKEFS_SECRET_ACCESS_KEY: undefined,
      LAKEFS_SECRET_ACCESS_KEY_FILE: '/nowhere/at/all',
    };
    const options = { env: { ...env, PUBLIC_URL: 'https://entramox.example.com' }, command: 'listen' } as const;

    expect(loadSettings(options).settings.lakefs).toMatchObject({ source: 'filter', secretAccessKey: undefined });
    expect(problemsOf({ ...options, command: 'sweep' }).map(({ key }) => key)).toEqual([
      'LAKEFS_SECRET_ACCESS_KEY_FILE',
    ]);
  });
});

describe('the source of groups', () => {
  it.each([
    [{}, 'filter'],
    [{ LAKEFS_GROUP_IDS: GROUP }, 'ids'],
    [{ LAKEFS_GROUP_SOURCE: 'app-assignments' }, 'app-assignments'],
    [{ LAKEFS_GROUP_SOURCE: 'filter', LAKEFS_GROUP_IDS: GROUP }, 'filter'],
  ] as const)('with %j is %s', (changes, source) => {
    expect(lakefsOf(changes).source).toBe(source);
  });

  it('with a mapping file alone is that file, with a filter as well both', () => {
    const LAKEFS_MAPPING_FILE = temporaryFile('map.json', '[]');

    expect(lakefsOf({ LAKEFS_MAPPING_FILE }).source).toBe('mapping-file');
    expect(lakefsOf({ LAKEFS_MAPPING_FILE, GROUP_FILTER: 'x*' }).source).toBe('filter');
  });

  it('cannot be ids without one, or a mapping file without one', () => {
    const none = (LAKEFS_GROUP_SOURCE: string) =>
      problemsOf({ env: { ...PREDECESSOR, LAKEFS_GROUP_SOURCE }, command: 'sweep' }).map(({ key }) => key);

    expect(none('ids')).toEqual(['LAKEFS_GROUP_IDS']);
    expect(none('mapping-file')).toEqual(['LAKEFS_MAPPING_FILE']);
    expect(none('guess')).toEqual(['LAKEFS_GROUP_SOURCE']);
  });
});

describe('the mapping file', () => {
  it('is read with the settings', () => {
    const entries = [
      { group: GROUP.toUpperCase(), name: 'team-{displayName}', policies: ['B', 'A', 'A'] },
      { filter: 'Data*', acl: 'Write' },
    ];

    const { mapping } = lakefsOf({ LAKEFS_MAPPING_FILE: temporaryFile('map.json', JSON.stringify(entries)) });

    expect(mapping).toEqual([
      { of: { group: GROUP }, name: 'team-{displayName}', policies: ['A', 'B'], acl: undefined },
      { of: { filter: 'Data*' }, name: undefined, policies: undefined, acl: 'Write' },
    ]);
  });

  it('tells everything that is wrong with it at once', () => {
    const entries = [
      { group: 'no-guid' },
      { group: GROUP, filter: 'x' },
      {},
      { filter: 'A*', name: 'the same for all' },
      { group: GROUP, name: 'Admins' },
      { group: GROUP, name: '{upn}' },
      { group: OTHER_GROUP, name: 'one' },
      { group: OTHER_GROUP.replace(/^2/, '3'), name: 'one' },
      { group: OTHER_GROUP, policies: ['a%b'], acl: 'Root', colour: 'red' },
      { filter: 'B*' },
      { filter: 'B*' },
      { group: GROUP, name: '100%' },
    ];
    const LAKEFS_MAPPING_FILE = temporaryFile('map.json', JSON.stringify(entries));

    const problems = problemsOf({ env: { ...PREDECESSOR, LAKEFS_MAPPING_FILE }, command: 'sweep' });

    expect(problems.every(({ key }) => key === 'LAKEFS_MAPPING_FILE')).toBe(true);
    const told = problems.map(({ expected }) => expected.replace(/^.*?this: /, ''));
    expect(told).toEqual(
      expect.arrayContaining([
        'entry 1, group: must be the object id of an Entra group, a GUID',
        'entry 2: needs either group or filter',
        'entry 3: needs either group or filter',
        'entry 4: a filter may match several groups, so its name needs {displayName} or {id}',
        "entry 5, name: is that of lakeFS's own group Admins",
        'entry 6, name: knows {displayName} and {id}, not {upn}',
        'entry 8: entry 7 has the name "one" as well',
        'entry 9, policies.0: must be names of policies',
        'entry 11: entry 10 is for the same filter "B*"',
        'entry 12, name: holds a %, which lakeFS does not take',
      ]),
    );
    expect(told.some((text) => text.startsWith('entry 9, acl'))).toBe(true);
    expect(told.some((text) => text.includes('colour'))).toBe(true);
  });

  it.each([
    ['{', 'is no JSON'],
    ['{}', 'must be a JSON array'],
  ])('%s is refused', (text, words) => {
    const LAKEFS_MAPPING_FILE = temporaryFile('map.json', text);

    const problems = problemsOf({ env: { ...PREDECESSOR, LAKEFS_MAPPING_FILE }, command: 'sweep' });

    expect(problems.map(({ expected }) => expected)).toEqual([expect.stringContaining(words)]);
  });

  it('that cannot be read, or is none, is a problem', () => {
    const missing = { ...PREDECESSOR, LAKEFS_MAPPING_FILE: '/nowhere/at/all.json' };
    const directory = { ...PREDECESSOR, LAKEFS_MAPPING_FILE: '/' };

    for (const env of [missing, directory]) {
      expect(problemsOf({ env, command: 'sweep' }).map(({ key }) => key)).toEqual(['LAKEFS_MAPPING_FILE']);
    }
  });

  it.each([0o666, 0o664])('that somebody else can write (%o) is refused, since it decides who gets what', (mode) => {
    const LAKEFS_MAPPING_FILE = temporaryFile('map.json', '[]');
    chmodSync(LAKEFS_MAPPING_FILE, mode);
    const link = join(dirname(LAKEFS_MAPPING_FILE), 'link.json');
    symlinkSync(LAKEFS_MAPPING_FILE, link);

    for (const path of [LAKEFS_MAPPING_FILE, link]) {
      const problems = problemsOf({ env: { ...PREDECESSOR, LAKEFS_MAPPING_FILE: path }, command: 'sweep' });

      expect(problems.map(({ key }) => key)).toEqual(['LAKEFS_MAPPING_FILE']);
      expect(problems[0]?.expected).toContain(
        `others may write it, its mode is 0${mode.toString(8)} (chmod go-w ${path})`,
      );
    }
  });

  it('is told that names can be imitated where an entry is for a pattern, and only there', () => {
    const insecure = (entries: unknown) => {
      const LAKEFS_MAPPING_FILE = temporaryFile('map.json', JSON.stringify(entries));
      const { notices } = loadSettings({ env: { ...PREDECESSOR, LAKEFS_MAPPING_FILE }, command: 'sweep' });
      return notices.filter(({ kind, key }) => kind === 'insecure' && key === 'LAKEFS_MAPPING_FILE');
    };

    expect(insecure([{ group: GROUP }])).toEqual([]);
    expect(insecure([{ filter: 'A*' }, { filter: 'B*' }])[0]?.text).toContain('matches "A*" (and 1 more)');
  });

  it('is among what only root may be able to change', () => {
    const LAKEFS_MAPPING_FILE = temporaryFile('map.json', '[]');

    const { settings } = loadSettings({ env: { ...PREDECESSOR, LAKEFS_MAPPING_FILE }, command: 'sweep' });

    expect(settings.integrity.files).toContain(LAKEFS_MAPPING_FILE);
  });
});

describe('the ways in which a member is found', () => {
  it('are tried in the order that is written', () => {
    const text = 'id-template:waad|{oid}, id:{upn},email , friendly-name,email:{upn}';

    const { memberMatch } = lakefsOf({ LAKEFS_MEMBER_MATCH: text });

    expect(memberMatch.map(({ field, template }) => [field, template])).toEqual([
      ['id', 'waad|{oid}'],
      ['id', '{upn}'],
      ['email', '{mail}'],
      ['friendly-name', '{upn}'],
      ['email', '{upn}'],
    ]);
  });

  it.each(['id:waad', 'id-template:x', 'mail', 'id:{name}', 'phone:{upn}', ','])('%s is none', (text) => {
    const env = { ...PREDECESSOR, LAKEFS_MEMBER_MATCH: text };

    expect(problemsOf({ env, command: 'sweep' }).map(({ key }) => key)).toEqual(['LAKEFS_MEMBER_MATCH']);
  });
});

describe('people without a lakeFS user', () => {
  it.each([
    ['create', 'email,friendly-name', 'about ids'],
    ['invite', 'id-template:waad|{oid},id:{mail},email:{upn}', 'email among them'],
  ])('are not made where they would not be found afterwards: %s with %s', (how, LAKEFS_MEMBER_MATCH, words) => {
    const env = { ...PREDECESSOR, LAKEFS_MISSING_USERS: how, LAKEFS_MEMBER_MATCH };
    const wrong = (changes: Record<string, string>) => problemsOf({ env: { ...env, ...changes }, command: 'sweep' });

    expect(wrong({})).toEqual([expect.objectContaining({ key: 'LAKEFS_MEMBER_MATCH' })]);
    expect(wrong({})[0]?.expected).toContain(words);
    expect(lakefsOf({ LAKEFS_MISSING_USERS: how }).missingUsers).toBe(how);
    expect(lakefsOf({ ...env, LAKEFS_MODE: 'policies-only' }).missingUsers).toBe(how);
  });
});

it.each([
  ['policies-only', { LAKEFS_MEMBER_MATCH: 'email', LAKEFS_MISSING_USERS: 'pending' }],
  ['members-only', { LAKEFS_DEFAULT_POLICIES: 'FSReadAll', LAKEFS_DEFAULT_ACL: 'Read' }],
])('what %s leaves to others is told to be ignored', (LAKEFS_MODE, idle) => {
  const ignored = (env: Record<string, string>) =>
    loadSettings({ env: { ...PREDECESSOR, ...idle, ...env }, command: 'sweep' })
      .notices.filter(({ kind }) => kind === 'ignored')
      .map(({ key }) => key)
      .sort();

  expect(ignored({ LAKEFS_MODE })).toEqual(Object.keys(idle).sort());
  expect(ignored({})).toEqual([]);
});

describe('the address of lakeFS', () => {
  it('that holds credentials is refused without showing them, with a scheme or without', () => {
    for (const LAKEFS_ENDPOINT of ['AKIA:hunter2@lake.example.com', 'https://AKIA:hunter2@lake.example.com']) {
      const problems = problemsOf({ env: { ...PREDECESSOR, LAKEFS_ENDPOINT }, command: 'sweep' });

      expect(problems.map(({ key }) => key)).toEqual(['LAKEFS_ENDPOINT']);
      expect(JSON.stringify(problems)).not.toContain('hunter2');
    }
  });

  it.each(['http://127.0.0.1:8000', 'http://localhost:8000', 'https://x.example.com/lake'])('%s is taken', (text) => {
    expect(lakefsOf({ LAKEFS_ENDPOINT: text }).endpoint).toBe(text);
  });

  it.each(['http://lakefs.example.com', 'https://u:p@x.example.com', 'x.example.com', 'https://x.example.com/?a=1'])(
    '%s is refused',
    (text) => {
      const env = { ...PREDECESSOR, LAKEFS_ENDPOINT: text };

      expect(problemsOf({ env, command: 'sweep' }).map(({ key }) => key)).toEqual(['LAKEFS_ENDPOINT']);
    },
  );
});

it('a group of lakeFS that is gone in Entra is kept as long as is said, or for ever', () => {
  expect(lakefsOf({ LAKEFS_DELETE_AFTER: 'never' }).deleteAfterMs).toBeUndefined();
  expect(lakefsOf({ LAKEFS_DELETE_AFTER: '7d' }).deleteAfterMs).toBe(7 * 86_400_000);
  expect(lakefsOf({ DELETE_AFTER: '2h' }).deleteAfterMs).toBe(2 * 3_600_000);
});
