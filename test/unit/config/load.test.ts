import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeOrigin } from '../../../src/config/origin.js';
import { ConfigError } from '../../../src/config/problem.js';
import {
  CLIENT,
  GROUP,
  load,
  OTHER_GROUP,
  problemsOf,
  problemsWith,
  SECRET,
  TENANT,
  TOKEN,
  workingEnv,
} from './fixture.js';

function fileOf(text: string) {
  return { configFile: '/etc/entramox/entramox.env', readFile: () => text };
}

describe('loadSettings', () => {
  it('fills in the documented defaults', () => {
    const { settings } = load();

    expect(settings).toMatchObject({
      dryRun: false,
      targets: ['linux'],
      listener: {
        host: '127.0.0.1',
        port: 8787,
        tls: undefined,
        trustProxy: false,
        notificationUrl: 'https://entramox.example.com/graph/notifications',
        lifecycleUrl: 'https://entramox.example.com/graph/lifecycle',
      },
      subscriptions: { cron: '*/15 * * * *', lifetimeMs: 3 * 86_400_000 },
      schedule: { sweepCron: '15 2 * * *' },
      lifecycle: { deleteAfterMs: 86_400_000, confirmBeforeLockMs: 5000, confirmAfterMs: [30_000, 300_000] },
      firstRun: 'plan',
      guard: {
        windowMs: 3_600_000,
        maxLocks: 10,
        maxLocksPercent: 25,
        maxDeletes: 5,
        maxDeletesPercent: 5,
        rejectForMs: 7 * 86_400_000,
      },
      linux: {
        usernames: { mode: 'useronly', separator: '_', lowercase: true, maxLength: 32 },
        uidRange: [20_000, 59_999],
        homeArchiveDir: '/var/lib/entramox-accounts/archive',
        accountsSocket: '/run/entramox-accounts/accounts.sock',
        accountsCommand: undefined,
        accountsLingerMs: 60_000,
        grantSudo: true,
      },
      proxmox: { apiUrl: 'https://127.0.0.1:8006', apiToken: undefined, provision: 'create' },
      paths: {
        stateDir: '/var/lib/entramox',
        listenerStateDir: '/var/lib/entramox-listener',
        spoolDir: '/var/spool/entramox',
        logDir: '/var/log/entramox',
        operatorSocket: '/run/entramox/operator.sock',
      },
      entra: { enforce: true, failOpen: true, credential: { kind: 'secret', clientSecret: SECRET } },
      telemetry: { logLevel: 'info', metrics: undefined },
    });
  });

  it('prefers the environment to the file and the file to the default, and says which it was', () => {
    const { settings, origins } = load({ LOG_LEVEL: 'warn' }, fileOf('# first\nLOG_LEVEL=debug\nDELETE_AFTER=7d\n'));

    expect(settings.telemetry.logLevel).toBe('warn');
    expect(settings.lifecycle.deleteAfterMs).toBe(7 * 86_400_000);
    expect(describeOrigin(origins.LOG_LEVEL)).toBe('environment');
    expect(describeOrigin(origins.DELETE_AFTER)).toBe('/etc/entramox/entramox.env:3');
    expect(describeOrigin(origins.SWEEP_CRON)).toBe('default');
    expect(describeOrigin(origins.REALM)).toBe('not set');
  });

  it('takes an empty value for the default', () => {
    const { settings, origins } = load({ DELETE_AFTER: '', ENTRA_GROUP_IDS: ' ', ENTRA_USER_IDS: OTHER_GROUP });

    expect(settings.lifecycle.deleteAfterMs).toBe(86_400_000);
    expect(settings.entra.groupIds).toEqual([]);
    expect(origins.DELETE_AFTER).toEqual({ kind: 'default' });
  });

  it('lets the last of several lines win and remarks on it', () => {
    const { settings, notices } = load({}, fileOf('LOG_LEVEL=debug\nLOG_LEVEL=error\n'));

    expect(settings.telemetry.logLevel).toBe('error');
    expect(notices).toContainEqual(expect.objectContaining({ kind: 'repeated', key: 'LOG_LEVEL' }));
  });

  it('suggests the name that was probably meant for one that nobody reads', () => {
    const { notices } = load({ ENTRA_TENANT: 'x', HOME: '/root' }, fileOf('GUARD_MAX_LOKCS=3\nWHATEVER_ELSE=1\n'));

    expect(notices.map(({ key }) => key)).toEqual(['GUARD_MAX_LOKCS', 'WHATEVER_ELSE', 'ENTRA_TENANT']);
    expect(notices[0]?.text).toContain('Did you mean GUARD_MAX_LOCKS?');
    expect(notices[1]?.text).not.toContain('Did you mean');
  });

  it('derives the operator socket from RUN_DIR, wherever that comes from', () => {
    const { settings } = load({}, fileOf('RUN_DIR=/srv/run/\n'));

    expect(settings.paths.operatorSocket).toBe('/srv/run/operator.sock');
  });

  it('counts the groups of the roles among the configured groups, once each', () => {
    const superAdmins = '33333333-4444-4555-8666-777777777777';

    const { settings } = load({
      ENTRA_GROUP_IDS: `${GROUP.toUpperCase()}, ${OTHER_GROUP}`,
      ENTRA_ROLE_MAP: JSON.stringify([{ group: OTHER_GROUP, pve_role: 'PVEAdmin' }]),
      ENTRA_ALLUSERS_GROUP_ID: GROUP,
      ENTRA_SUPERADMIN_GROUP_ID: superAdmins,
      ENTRA_SUPERADMIN_PVE_ROLE: 'Administrator',
    });

    expect(settings.entra.groupIds).toEqual([GROUP, OTHER_GROUP, superAdmins]);
    expect(settings.roles.superAdmin).toEqual({ group: superAdmins, pveRole: 'Administrator' });
    expect(settings.roles.allUsers).toEqual({ group: GROUP, pveRole: undefined });
  });

  it('moves authority, endpoint and scope together with the cloud, and lets each endpoint be moved alone', () => {
    const china = load({ ENTRA_CLOUD: 'china' }).settings.entra;
    const moved = load({ ENTRA_CLOUD: 'dod', GRAPH_BASE_URL: 'https://127.0.0.1:4443/v1.0/' }).settings.entra;

    expect(china.graphBaseUrl).toBe('https://microsoftgraph.chinacloudapi.cn');
    expect(china.authority).toBe('https://login.chinacloudapi.cn');
    expect(moved.graphBaseUrl).toBe('https://127.0.0.1:4443');
    expect(moved.graphScope).toBe('https://dod-graph.microsoft.us/.default');
  });

  it('reports every wrong value at once, each with value, expectation, example and origin', () => {
    const problems = problemsWith(
      { DELETE_AFTER: '24', LISTEN_PORT: '99999', ENTRA_CLIENT_ID: undefined, SWEEP_CRON: 'nightly' },
      fileOf('UID_RANGE=500-60000\nREALM=pam\nno equals sign\n'),
    );

    expect(problems.map(({ key }) => key)).toEqual([
      '/etc/entramox/entramox.env:3',
      'LISTEN_PORT',
      'SWEEP_CRON',
      'DELETE_AFTER',
      'UID_RANGE',
      'REALM',
      'ENTRA_CLIENT_ID',
    ]);
    for (const problem of problems) {
      expect(problem.value).not.toBe('');
      expect(problem.expected).not.toBe('');
      expect(problem.example).not.toBe('');
    }
    expect(problems.find(({ key }) => key === 'UID_RANGE')).toMatchObject({
      value: '500-60000',
      example: 'UID_RANGE=1900000000-2099999999',
      origin: '/etc/entramox/entramox.env:1',
    });
  });

  it('carries the problems in words in the error, with exit code 2', () => {
    const error = new ConfigError(problemsWith({ LISTEN_PORT: 'http' }));

    expect(error.exitCode).toBe(2);
    expect(error.message).toContain('LISTEN_PORT: http');
    expect(error.message).toContain('expected: a whole number from 0 to 65535');
    expect(error.message).toContain('example:  LISTEN_PORT=8443');
  });

  it('tells of a configuration file that cannot be read', () => {
    const problems = problemsOf({ env: workingEnv(), command: 'run', configFile: '/nonexistent/entramox.env' });

    expect(problems).toEqual([expect.objectContaining({ key: '--config', value: '/nonexistent/entramox.env' })]);
  });

  it('masks a secret of the wrong form in what it reports', () => {
    const problems = problemsWith({ PVE_API_TOKEN: 'not-a-token-but-secret', REALM: 'entra' });

    expect(problems).toEqual([expect.objectContaining({ key: 'PVE_API_TOKEN', value: '[redacted]' })]);
    expect(JSON.stringify(problems)).not.toContain('not-a-token-but-secret');
  });

  it('reports exactly the settings that are wrong, whichever and however many they are', () => {
    const wrong = {
      LISTEN_PORT: '-1',
      DELETE_AFTER: 'soon',
      SWEEP_CRON: 'x',
      UID_RANGE: '9-8',
      GRAPH_FAIL_OPEN: 'perhaps',
      ENTRA_GROUP_IDS: 'not-a-guid',
      PVE_API_URL: 'http://pve',
      LOG_LEVEL: 'loud',
      ENTRA_ROLE_MAP: '{',
      GUARD_MAX_LOCKS_PERCENT: '101',
      PUBLIC_URL: 'https://a.example/?x=1',
      CONFIRM_AFTER: '30',
    };

    fc.assert(
      fc.property(fc.subarray(Object.keys(wrong) as (keyof typeof wrong)[], { minLength: 1 }), (names) => {
        const changes = Object.fromEntries(names.map((name) => [name, wrong[name]]));

        const problems = problemsWith(changes);

        expect(problems.map(({ key }) => key).sort()).toEqual([...names].sort());
      }),
    );
  });

  it('gives either settings or a ConfigError for any values at all', () => {
    const name = fc.constantFrom(
      'ENTRA_ROLE_MAP',
      'UID_RANGE',
      'TRUST_PROXY',
      'ACCOUNTS_COMMAND',
      'TZ',
      'PVE_API_TOKEN',
      'PUBLIC_URL',
      'TARGETS',
    );
    const value = fc.oneof(fc.string({ unit: 'binary' }), fc.json());

    fc.assert(
      fc.property(fc.dictionary(name, value), (changes) => {
        try {
          load(changes);
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('old names', () => {
  it('read as the new ones, with one deprecation for each name in use', () => {
    const { settings, deprecations, origins } = load(
      {
        ENTRA_TENANT_ID: undefined,
        ENTRA_CLIENT_ID: undefined,
        ENTRA_CLIENT_SECRET: undefined,
        ENTR_TENANT_ID: TENANT,
      },
      fileOf(`ENTR_TENANT_ID=${TENANT}\nENTRA_APPLICATION_ID=${CLIENT}\nENTR_CLNT_SEC='${SECRET}'\n`),
    );

    expect(settings.entra).toMatchObject({ tenantId: TENANT, clientId: CLIENT, credential: { clientSecret: SECRET } });
    expect(deprecations).toEqual([
      { alias: 'ENTR_TENANT_ID', canonical: 'ENTRA_TENANT_ID' },
      { alias: 'ENTRA_APPLICATION_ID', canonical: 'ENTRA_CLIENT_ID' },
      { alias: 'ENTR_CLNT_SEC', canonical: 'ENTRA_CLIENT_SECRET' },
    ]);
    expect(describeOrigin(origins.ENTRA_CLIENT_ID, 'ENTRA_CLIENT_ID')).toBe(
      '/etc/entramox/entramox.env:2 as ENTRA_APPLICATION_ID',
    );
  });

  it('beside the new name are fine with the same value and an error with another', () => {
    const id = fc.constantFrom(TENANT, CLIENT, GROUP);
    const alias = fc.constantFrom('ENTR_CLNT_ID', 'ENTRA_APPLICATION_ID');

    fc.assert(
      fc.property(id, id, alias, (canonical, old, name) => {
        const changes = { ENTRA_CLIENT_ID: canonical, [name]: old };

        if (canonical === old) {
          expect(load(changes).deprecations).toEqual([{ alias: name, canonical: 'ENTRA_CLIENT_ID' }]);
        } else {
          expect(problemsWith(changes)).toEqual([expect.objectContaining({ key: name, value: old })]);
        }
      }),
    );
  });

  it('disagree without showing secrets', () => {
    const problems = problemsWith({ ENTR_CLNT_SEC: 'another-secret-value' });

    expect(problems).toEqual([expect.objectContaining({ key: 'ENTR_CLNT_SEC', value: '[redacted]' })]);
    expect(JSON.stringify(problems)).not.toContain('another-secret-value');
    expect(JSON.stringify(problems)).not.toContain(SECRET);
  });

  it('that are empty count as not given', () => {
    const { deprecations } = load({ ENTR_CLNT_SEC: '' });

    expect(deprecations).toEqual([]);
  });

  it('of an encrypted secret are ignored with a notice beside a readable credential', () => {
    const { notices } = load({ ENTR_CLNT_SEC_ENC: 'fernet:gAAAAABsecret' });

    expect(notices).toContainEqual(expect.objectContaining({ kind: 'ignored', key: 'ENTR_CLNT_SEC_ENC' }));
  });
});

describe('targets', () => {
  it('are linux alone, or with proxmox where a token is given', () => {
    const both = load({ PVE_API_TOKEN: TOKEN, REALM: 'entra' }).settings;
    const proxmoxAlone = load({ ACCOUNTS_SOCKET: '', PVE_API_TOKEN: TOKEN, REALM: 'entra' }).settings;

    expect(both.targets).toEqual(['linux', 'proxmox']);
    expect(both.proxmox.apiToken).toBe(TOKEN);
    expect(proxmoxAlone.targets).toEqual(['proxmox']);
    expect(proxmoxAlone.linux.accountsSocket).toBeUndefined();
  });

  it('must be at least one where they are written to', () => {
    const problems = problemsWith({ ACCOUNTS_SOCKET: '' });

    expect(problems.map(({ key }) => key)).toEqual(['TARGETS']);
  });

  it('need what they are reached by', () => {
    const problems = problemsWith({ TARGETS: 'linux proxmox', ACCOUNTS_SOCKET: '' });

    expect(problems.map(({ key }) => key)).toEqual(['ACCOUNTS_SOCKET', 'PVE_API_TOKEN', 'REALM']);
  });

  it('say that a realm without a token does nothing', () => {
    const { notices } = load({ REALM: 'entra' });

    expect(notices).toContainEqual(expect.objectContaining({ kind: 'incomplete', key: 'REALM' }));
  });
});
