import { describe, expect, it } from 'vitest';
import type { SettingName } from '../../../src/config/schema/index.js';
import { schema } from '../../../src/config/schema/index.js';
import { formatDuration } from '../../../src/config/types/duration.js';
import { GROUP, OTHER_GROUP } from './fixture.js';

function read(name: SettingName, text: string): unknown {
  return schema[name].type.schema.safeParse(text).data;
}

describe('values that are accepted', () => {
  it.each<[SettingName, string, unknown]>([
    ['GRAPH_ENFORCE', 'Yes', true],
    ['GRAPH_ENFORCE', 'OFF', false],
    ['GRAPH_ENFORCE', '1', true],
    ['DELETE_AFTER', '500ms', undefined],
    ['DELETE_AFTER', '1s', 1000],
    ['DELETE_AFTER', '7D', 604_800_000],
    ['CONFIRM_AFTER', '5m, 30s', [30_000, 300_000]],
    ['CONFIRM_BEFORE_LOCK', '0s', 0],
    ['SUBSCRIPTION_LIFETIME', '28d', 28 * 86_400_000],
    ['ENTRA_GROUP_IDS', `${GROUP.toUpperCase()} ,\n${OTHER_GROUP} ${GROUP}`, [GROUP, OTHER_GROUP]],
    ['ALLOWED_UPN_DOMAINS', '@Example.COM sub.example.com', ['example.com', 'sub.example.com']],
    ['GUARD_MAX_LOCKS_PERCENT', '12.5%', 12.5],
    ['PUBLIC_URL', 'https://Entramox.example.com:8443/hooks//', 'https://entramox.example.com:8443/hooks'],
    ['PVE_API_URL', 'https://pve:8006/api2/json/', 'https://pve:8006'],
    ['PVE_API_TOKEN', 'PVEAPIToken=svc@pve!sync=12345678-aaaa', 'svc@pve!sync=12345678-aaaa'],
    ['PVE_API_TOKEN', 'bob@example.com@entra!t1=12345678-aaaa', 'bob@example.com@entra!t1=12345678-aaaa'],
    ['REALM', 'MY-REALM', 'MY-REALM'],
    ['UID_RANGE', '1000 - 60000', [1000, 60_000]],
    ['UID_RANGE', '1900000000-2099999999', [1_900_000_000, 2_099_999_999]],
    ['STATE_DIR', '/srv//x/../entramox/', '/srv/entramox'],
    ['TRUST_PROXY', '2', 2],
    ['TRUST_PROXY', 'loopback, 10.0.0.0/8', ['loopback', '10.0.0.0/8']],
    ['LISTEN_HOST', '::', '::'],
    ['TZ', ':Europe/London', 'Europe/London'],
    [
      'ACCOUNTS_COMMAND',
      `/usr/bin/node "/opt/my dir/accounts.js" --x='1 2'`,
      ['/usr/bin/node', '/opt/my dir/accounts.js', '--x=1 2'],
    ],
    ['ACCOUNTS_COMMAND', '["/bin/sh","-c","true"]', ['/bin/sh', '-c', 'true']],
    ['USERNAME_MODE', 'upn_concat', 'upn_concat'],
    ['TARGETS', 'proxmox linux proxmox', ['proxmox', 'linux']],
  ])('%s=%s', (name, text, expected) => {
    const value = read(name, text);

    expect(value).toEqual(expected);
  });
});

describe('values that are refused', () => {
  it.each<[SettingName, string]>([
    ['GRAPH_ENFORCE', 'maybe'],
    ['DELETE_AFTER', '24'],
    ['DELETE_AFTER', '0s'],
    ['DELETE_AFTER', '-1h'],
    ['DELETE_AFTER', '1h30m'],
    ['SUBSCRIPTION_LIFETIME', '29d'],
    ['SUBSCRIPTION_LIFETIME', '59m'],
    ['CONFIRM_AFTER', '30s,soon'],
    ['ENTRA_TENANT_ID', 'contoso.onmicrosoft.com'],
    ['ENTRA_GROUP_IDS', `${GROUP} {${OTHER_GROUP}}`],
    ['ALLOWED_UPN_DOMAINS', 'example.com, *'],
    ['GUARD_MAX_DELETES_PERCENT', '100.5'],
    ['PUBLIC_URL', 'http://entramox.example.com'],
    ['PUBLIC_URL', 'https://user:pass@entramox.example.com'],
    ['PUBLIC_URL', 'https://entramox.example.com/?a=b'],
    ['PUBLIC_URL', 'entramox.example.com'],
    ['GRAPH_BASE_URL', 'http://127.0.0.1:4000'],
    ['PVE_API_TOKEN', 'svc@pve=12345678-aaaa'],
    ['PVE_API_TOKEN', 'svc@pve!sync=short'],
    ['REALM', 'pam'],
    ['REALM', 'PVE'],
    ['REALM', '1realm'],
    ['REALM', 'a'.repeat(33)],
    ['UID_RANGE', '20000'],
    ['UID_RANGE', '59999-20000'],
    ['UID_RANGE', '900-2000'],
    ['UID_RANGE', '60000-60001'],
    ['UID_RANGE', '20000-200000'],
    ['UID_RANGE', '70000-99999'],
    ['UID_RANGE', '50000-1900000000'],
    ['UID_RANGE', '2000000000-2147483647'],
    ['HOME_ARCHIVE_DIR', '/srv/my archive'],
    ['STATE_DIR', 'relative/dir'],
    ['OPERATOR_SOCKET', `/run/${'x'.repeat(110)}`],
    ['TRUST_PROXY', '10.0.0.0/33'],
    ['TRUST_PROXY', 'everyone'],
    ['LISTEN_HOST', '127.0.0.1:8787'],
    ['LISTEN_HOST', '300.1.1.1'],
    ['METRICS_HOST', '0.0.0.0'],
    ['SWEEP_CRON', '99 * * * *'],
    ['SWEEP_CRON', '0 0 31 2 *'],
    ['TZ', 'Mars/Olympus'],
    ['ACCOUNTS_COMMAND', 'node accounts.js'],
    ['ACCOUNTS_COMMAND', '/usr/bin/node "unclosed'],
    ['EXTRA_GROUPS', 'lab,Über'],
    ['USERNAME_MAXLEN', '33'],
    ['DEFAULT_SHELL', 'bash'],
    ['DEFAULT_SHELL', '/bin/bash -x'],
    ['TARGETS', 'linux,windows'],
    ['ENTRA_CERT_THUMBPRINT_SHA256', 'abcdef'],
  ])('%s=%s', (name, text) => {
    const value = schema[name].type.schema.safeParse(text);

    expect(value.success).toBe(false);
    expect(value.error?.issues[0]?.message).not.toBe('');
  });
});

describe('ENTRA_ROLE_MAP', () => {
  it("reads the predecessor's array, in which an empty role is none", () => {
    const map = read(
      'ENTRA_ROLE_MAP',
      JSON.stringify([
        { group: GROUP.toUpperCase(), pve_role: 'PVEAdmin' },
        { group: OTHER_GROUP, pve_role: '' },
      ]),
    );

    expect(map).toEqual([
      { group: GROUP, pveRole: 'PVEAdmin', sudo: false, linuxGroups: [] },
      { group: OTHER_GROUP, pveRole: undefined, sudo: false, linuxGroups: [] },
    ]);
  });

  it('reads an object from group to role', () => {
    const map = read('ENTRA_ROLE_MAP', JSON.stringify({ [GROUP]: 'PVEAuditor' }));

    expect(map).toEqual([{ group: GROUP, pveRole: 'PVEAuditor', sudo: false, linuxGroups: [] }]);
  });

  it('reads everything that a group can give', () => {
    const entry = {
      group: GROUP,
      pve_role: 'PVEVMUser',
      pve_group: 'lab',
      path: '/pool/lab',
      sudo: true,
      linux_groups: ['lab', 'lab', 'www-data'],
    };

    const map = read('ENTRA_ROLE_MAP', JSON.stringify([entry]));

    expect(map).toEqual([
      {
        group: GROUP,
        pveRole: 'PVEVMUser',
        pveGroup: 'lab',
        path: '/pool/lab',
        sudo: true,
        linuxGroups: ['lab', 'www-data'],
      },
    ]);
  });

  it.each([
    ['broken JSON', '[{', 'a JSON array'],
    ['a bare string', '"x"', 'a JSON array'],
    ['a group that is no GUID', '[{"group":"admins"}]', 'entry 1, group'],
    ['a missing group', '[{"pve_role":"PVEAdmin"}]', 'entry 1, group'],
    ['a misspelt name', `[{"group":"${GROUP}","role":"PVEAdmin"}]`, 'role'],
    ['sudo in quotes', `[{"group":"${GROUP}","sudo":"false"}]`, 'entry 1, sudo'],
    ['groups that are no list', `[{"group":"${GROUP}","linux_groups":"lab"}]`, 'linux_groups'],
    ['a hostile group name', `[{"group":"${GROUP}","linux_groups":["lab:x"]}]`, 'linux_groups'],
    ['a path without a role', `[{"group":"${GROUP}","path":"/vms"}]`, 'path needs a pve_role'],
    ['a path outside of the tree of Proxmox', `[{"group":"${GROUP}","pve_role":"A","path":"/etc"}]`, 'entry 1, path'],
    ['a repeated entry', `[{"group":"${GROUP}"},{"group":"${GROUP}"}]`, 'entry 2 repeats'],
    ['a nested object', `{"__proto__":{"a":1},"${GROUP}":{}}`, 'entry 1'],
  ])('refuses %s and says where', (_, text, expected) => {
    const parsed = schema.ENTRA_ROLE_MAP.type.schema.safeParse(text);

    expect(parsed.success).toBe(false);
    expect(parsed.error?.issues[0]?.message).toContain(expected);
  });
});

describe('formatDuration', () => {
  it.each([
    [500, '500ms'],
    [90_000, '90s'],
    [7_200_000, '2h'],
    [259_200_000, '3d'],
  ])('writes %d ms as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});
