import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missing } from '../integration/sinks/tool.js';
import { PROGRAM } from '../lab/program.js';
import { addAdministrator } from '../simulators/proxmox/administrator.js';
import { type ProxmoxSimulator, startProxmoxSimulator } from '../simulators/proxmox/index.js';
import { createTestAuthority } from '../simulators/tls.js';

const ROLE = fileURLToPath(new URL('../../infra/ansible/', import.meta.url));
const unavailable = missing('/usr/bin/ansible-playbook', 'ansible-core');
const noLint = unavailable ?? missing('/usr/bin/ansible-lint', 'ansible-lint');
const COMMENT = 'Company "login", $5 \\ `x`';
const CREDENTIAL = 'a-client-secret-of-this-test';

let simulator: ProxmoxSimulator;
let dir: string;
let adminToken: string;

beforeAll(async () => {
  const authority = await createTestAuthority();
  simulator = await startProxmoxSimulator({ authority });
  adminToken = addAdministrator(simulator);
  dir = mkdtempSync(join(tmpdir(), 'entramox-ansible-test-'));
  for (const name of ['etc', 'run', 'log', 'state', 'tmp', 'root', 'bin']) mkdirSync(join(dir, name), { mode: 0o700 });
  writeFileSync(join(dir, 'ca.pem'), authority.cert);
  writeFileSync(join(dir, 'entramox'), `#!/bin/sh\nexec '${process.execPath}' '${PROGRAM}' "$@"\n`, { mode: 0o700 });
  // The listener is masked, which systemctl would not restart without an error.
  writeFileSync(
    join(dir, 'bin/systemctl'),
    `#!/bin/sh\necho "$*" >>'${dir}/systemctl'\n[ "$1" = restart ] || { printf 'inactive\\nactive\\n'; exit 3; }\n`,
    { mode: 0o700 },
  );
  writeFileSync(
    join(dir, 'play.yml'),
    JSON.stringify([
      { hosts: 'all', gather_facts: false, connection: 'local', roles: [{ role: join(ROLE, 'roles/entramox') }] },
    ]),
  );
});

afterAll(async () => {
  await simulator?.close();
  if (dir) rmSync(dir, { recursive: true, force: true });
});

const TOKEN = {
  name: 'ansible',
  ugid: 'ansible-prov@pve',
  role: 'AnsibleProv',
  comment: 'Ansible token',
  expire: 0,
  privsep: 0,
  privileges: ['VM.PowerMgmt', 'VM.Audit'],
};

function variables() {
  const { username } = userInfo();
  return {
    ansible_python_interpreter: '/usr/bin/python3',
    entramox_program: join(dir, 'entramox'),
    entramox_config_dir: join(dir, 'etc'),
    entramox_owner: username,
    entramox_group: String(process.getgid?.()),
    entramox_settings: {
      TARGETS: ['linux'],
      CHANGE_SOURCE: 'poll',
      ENTRA_CLIENT_ID: '99999999-7777-4888-8999-000000000000',
      ENTRA_GROUP_IDS: ['33333333-7777-4888-8999-000000000000', '44444444-7777-4888-8999-000000000000'],
      REALM: 'entra',
      REALM_IDP: 'entra',
      REALM_COMMENT: COMMENT,
      REALM_ORIGINS: ['https://pve1.example.com:8006'],
      ENTRA_TENANT_ID: '11111111-2222-4333-8444-555555555555',
      REALM_CLIENT_ID: '66666666-7777-4888-8999-000000000000',
      PVE_API_URL: simulator.url,
      PVE_CA_FILE: join(dir, 'ca.pem'),
      RUN_DIR: join(dir, 'run'),
      LOG_DIR: join(dir, 'log'),
      STATE_DIR: join(dir, 'state'),
    },
    entramox_credentials: { 'realm-client-secret': CREDENTIAL, 'entra-client-secret': CREDENTIAL },
    entramox_policy_from_settings: true,
    entramox_admin_way: 'token',
    entramox_admin_token: adminToken,
    entramox_realm_manage: true,
    entramox_tokens: [{ ...TOKEN, sink: { type: 'file', path: join(dir, 'root/.ansible_token') } }],
  };
}

interface Ran {
  code: number | null;
  output: string;
  /** `ok`, `changed`, `failed` of the recap. */
  recap: Record<string, number>;
}

function run(program: string, args: readonly string[], cwd = dir): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      env: {
        PATH: `${join(dir, 'bin')}:/usr/bin:/bin`,
        HOME: join(dir, 'tmp'),
        TMPDIR: join(dir, 'tmp'),
        LC_ALL: 'C.UTF-8',
        ANSIBLE_LOCAL_TEMP: join(dir, 'tmp/local'),
        ANSIBLE_REMOTE_TEMP: join(dir, 'tmp/remote'),
        ANSIBLE_NOCOWS: '1',
        ANSIBLE_PIPELINING: '1',
        ANSIBLE_RETRY_FILES_ENABLED: '0',
      },
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    const timer = setTimeout(() => child.kill('SIGKILL'), 110_000);
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      const line = /^localhost\s+: (.*)$/m.exec(output)?.[1] ?? '';
      const recap = Object.fromEntries([...line.matchAll(/(\w+)=(\d+)/g)].map(([, name, n]) => [name, Number(n)]));
      resolve({ code, output, recap });
    });
  });
}

function play(args: readonly string[] = [], more: object = {}): Promise<Ran> {
  writeFileSync(join(dir, 'vars.json'), JSON.stringify({ ...variables(), ...more }), { mode: 0o600 });
  const all = ['-i', 'localhost,', '-e', `@${join(dir, 'vars.json')}`, ...args, join(dir, 'play.yml')];
  return run('/usr/bin/ansible-playbook', all);
}

const secretIn = (name: string) => JSON.parse(readFileSync(join(dir, 'root', name), 'utf8')).value as string;

function nothingLeft() {
  expect(readdirSync(join(dir, 'tmp')).filter((name) => name.startsWith('entramox-ansible-'))).toEqual([]);
  expect(readdirSync('/tmp').filter((name) => name.startsWith('entramox-ansible-') && !dir.endsWith(name))).toEqual([]);
}

/** Several plays, each of which starts dozens of programs. */
const LONG_MS = 400_000;

describe.skipIf(unavailable)(`the Ansible role${unavailable ? ` (${unavailable})` : ''}`, { timeout: LONG_MS }, () => {
  it('tells in check mode what it would do, on a host where nothing is yet, and does nothing', async () => {
    const { code, output, recap } = await play(['--check']);

    expect(code === 0 ? '' : output).toBe('');
    expect(recap.changed).toBeGreaterThan(0);
    expect(output).toMatch(/create the role AnsibleProv: VM\.Audit VM\.PowerMgmt/);
    expect(output).toMatch(/create the realm entra/);
    expect(simulator.writes).toBe(0);
    expect(existsSync(join(dir, 'etc/entramox.env'))).toBe(false);
    nothingLeft();
  });

  it('changes something the first time, nothing the second, and mends what has drifted since', async () => {
    const first = await play(['-vvv']);

    expect(first.code === 0 ? '' : first.output).toBe('');
    const secret = secretIn('.ansible_token');
    for (const hidden of [secret, CREDENTIAL, adminToken.slice(adminToken.indexOf('=') + 1)]) {
      expect(first.output).not.toContain(hidden);
    }
    expect(statSync(join(dir, 'etc/credentials/realm-client-secret')).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(dir, 'etc/entramox.env'), 'utf8')).not.toContain(CREDENTIAL);
    expect(JSON.parse(readFileSync(join(dir, 'etc/accounts.policy.json'), 'utf8'))).toHaveProperty('uidRange');
    // The comment went through quotes of three kinds, and the key through a credential.
    expect(simulator.realm('entra')).toMatchObject({ comment: COMMENT, settings: { 'client-key': CREDENTIAL } });
    expect(readFileSync(join(dir, 'systemctl'), 'utf8').trim().split('\n').at(-1)).toBe(
      'restart entramox-reconciler.service',
    );

    const second = await play();

    expect(second.code === 0 ? '' : second.output).toBe('');
    expect(second.recap).toMatchObject({ changed: 0, failed: 0 });
    expect(secretIn('.ansible_token')).toBe(secret);
    expect(second.output).not.toContain(secret);

    simulator.addRole('AnsibleProv', ['VM.Audit']);
    simulator.addUser({ userid: 'other-prov@pve', comment: 'by hand' });
    const other = { ...TOKEN, name: 'other', ugid: 'other-prov@pve', role: 'OtherProv' };
    const tokens = [
      ...variables().entramox_tokens,
      { ...other, sink: { type: 'file', path: join(dir, 'root/.other') } },
    ];
    const third = await play(['--tags', 'setup_roles_users_tokens', '-vvv'], { entramox_tokens: tokens });

    // One is mended though another is in the way, which is said, although the call itself is hidden.
    expect(third.code).not.toBe(0);
    expect(third.output).toMatch(/change the role AnsibleProv: \+VM\.PowerMgmt/);
    expect(third.output).toMatch(/the user other-prov@pve is there and is not marked as ours/);
    for (const hidden of [secret, adminToken.slice(adminToken.indexOf('=') + 1)]) {
      expect(third.output).not.toContain(hidden);
    }
    nothingLeft();
  });

  it('shows a token only when its tag is named, and fails where there is none to show', async () => {
    const { code, output, recap } = await play(['--tags', 'display_token'], {
      entramox_display_names: ['ansible', 'nobody'],
    });

    expect(output).toContain(`ansible-prov@pve!ansible=${secretIn('.ansible_token')}`);
    expect(output).toMatch(/nobody: not shown, see above/);
    expect(code).not.toBe(0);
    expect(recap).toMatchObject({ changed: 0, failed: 1 });
  });

  it('writes nothing where a setting is a secret, or would be two lines', async () => {
    const before = readFileSync(join(dir, 'etc/entramox.env'), 'utf8');
    const proxy = { HTTPS_PROXY: 'http://me:word@proxy.example.com:3128' };
    const settings = { ...proxy, EVENTHUB_CONNECTION_STRING: 'Endpoint=sb://x', REALM_COMMENT: 'a\nDRY_RUN=false' };

    const { code, output } = await play(['--tags', 'entramox_configure'], {
      entramox_settings: settings,
      entramox_credentials: { '../entramox.env': 'x' },
    });

    expect(output).toMatch(/EVENTHUB_CONNECTION_STRING, HTTPS_PROXY: a secret belongs/);
    expect(output).toMatch(/"REALM_COMMENT, \.\.\/entramox\.env: expected settings/);
    expect(output).not.toMatch(/me:word|sb:/);
    expect(code).not.toBe(0);
    expect(readFileSync(join(dir, 'etc/entramox.env'), 'utf8')).toBe(before);
  });
});

describe.skipIf(noLint)(`the files of the Ansible role${noLint ? ` (${noLint})` : ''}`, () => {
  it('have an example whose settings the program takes', async () => {
    const args = ['-i', 'inventory.example.yml', '--host', 'pve1.example.com'];
    const { output } = await run('/usr/bin/ansible-inventory', args, ROLE);
    const settings: Record<string, string | string[]> = JSON.parse(output).entramox_settings;
    const file = join(dir, 'example.env');
    writeFileSync(
      file,
      Object.entries(settings)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(''),
    );
    writeFileSync(join(dir, 'bin/entra-client-secret'), CREDENTIAL, { mode: 0o600 });

    const checked = await run('/usr/bin/env', [
      `CREDENTIALS_DIRECTORY=${join(dir, 'bin')}`,
      join(dir, 'entramox'),
      'config',
      'check',
      '--config',
      file,
    ]);

    expect(checked.code === 0 ? '' : checked.output).toBe('');
  });

  // It reads the play with Ansible, too.
  it('have nothing that ansible-lint objects to', async () => {
    const { code, output } = await run('/usr/bin/ansible-lint', ['--offline', '--nocolor', '-p'], ROLE);

    expect(code === 0 ? '' : output).toBe('');
  });
});
