import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const INFRA = fileURLToPath(new URL('../../infra/', import.meta.url));

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'entramox-infra-'));
  mkdirSync(join(folder, 'bin'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A program that writes its arguments to `calls`, then does what `body` says. */
function standIn(name: string, body: string): void {
  const file = join(folder, 'bin', name);
  writeFileSync(file, `#!/bin/sh\nprintf '%s\\n' "${name} $*" >> "${folder}/calls"\n${body}\n`);
  chmodSync(file, 0o755);
}

function script(name: string, args: readonly string[]): { rc: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync('bash', [join(INFRA, name), ...args], {
    encoding: 'utf8',
    timeout: 30_000,
    env: { PATH: `${join(folder, 'bin')}:/usr/sbin:/usr/bin:/sbin:/bin` },
  });
  return { rc: status, stdout, stderr };
}

function calls(): string[] {
  const file = join(folder, 'calls');
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
}

describe('the set-up of Proxmox VE', () => {
  const args = ['--realm', 'entra', '--grant', 'Administrator', '--grant', 'PVEVMUser,/pool/lab'];

  it('only prints what it would do, unless told otherwise', () => {
    standIn('pveum', 'exit 1');

    const { rc, stdout } = script('proxmox-setup.sh', args);

    expect(rc).toBe(0);
    expect(calls()).toEqual([]);
    expect(stdout).toContain('pveum group add entramox-entra ');
    expect(stdout).toContain('pveum acl modify /pool/lab --groups PVEVMUser.pool.lab-entra --roles PVEVMUser');
  });

  it('lets the token change users of the managed groups, and of no others', () => {
    const { stdout } = script('proxmox-setup.sh', args);

    const granting = stdout.split('\n').filter((line) => line.includes('--roles Entramox-User.Modify'));
    expect(granting.map((line) => line.split(' ')[3])).toEqual([
      '/access/groups/entramox-entra',
      '/access/groups/Administrator-entra',
      '/access/groups/PVEVMUser.pool.lab-entra',
    ]);
    expect(stdout).not.toContain('Permissions.Modify');
  });

  it('puts the secret of the token into a file of root alone, and never shows it', (context) => {
    context.skip(process.getuid?.() !== 0, 'the script refuses --apply without root');
    const secret = '11111111-2222-3333-4444-555555555555';
    standIn(
      'pveum',
      `case "$*" in *"token add"*) echo '{"full-tokenid":"x","value":"${secret}"}' ;; *) echo '[]' ;; esac`,
    );
    const out = join(folder, 'credentials', 'pve-api-token');

    const { rc, stdout, stderr } = script('proxmox-setup.sh', [...args, '--apply', '--out', out]);

    expect(rc, stderr).toBe(0);
    expect(readFileSync(out, 'utf8')).toBe(`entramox@pve!sync=${secret}\n`);
    expect(statSync(out).mode & 0o777).toBe(0o600);
    expect(stdout + stderr).not.toContain(secret);
  });

  it('leaves a token that is there alone: its consumers would lose it', (context) => {
    context.skip(process.getuid?.() !== 0, 'the script refuses --apply without root');
    standIn('pveum', `case "$*" in *"token list"*) echo '[{"tokenid":"sync"}]' ;; *) echo '[]' ;; esac`);
    const out = join(folder, 'pve-api-token');

    const { rc, stdout } = script('proxmox-setup.sh', [...args, '--apply', '--out', out]);

    expect(rc).toBe(0);
    expect(stdout).toContain('is there already');
    expect(calls().filter((call) => call.includes('token add'))).toEqual([]);
    expect(existsSync(out)).toBe(false);
  });

  it.each([
    ['no realm', []],
    ['a realm with a space', ['--realm', 'a b']],
    ['a role with shell characters', ['--realm', 'entra', '--grant', 'x;reboot']],
    ['a path that is none', ['--realm', 'entra', '--grant', 'PVEAdmin,pool']],
    ['an unknown argument', ['--realm', 'entra', '--force']],
  ])('refuses %s as wrong usage', (_what, wrong) => {
    const { rc, stdout, stderr } = script('proxmox-setup.sh', wrong);

    expect(rc).toBe(2);
    expect(stdout).not.toContain('pveum');
    expect(stderr).toContain('proxmox-setup.sh: ');
  });
});

describe('the registration in Entra ID', () => {
  it('only prints what it would do, unless told otherwise, and asks for nothing that writes', () => {
    standIn('az', 'exit 1');

    const { rc, stdout, stderr } = script('app-registration.sh', []);

    expect(rc, stderr).toBe(0);
    expect(calls()).toEqual([]);
    expect(stderr).toContain('GroupMember.Read.All');
    expect(stderr).toContain('User.Read.All');
    expect(stderr).not.toMatch(/ReadWrite|Directory\./);
    expect(stdout).toContain('ENTRA_CERT_FILE=/etc/entramox/entra-cert.pem');
  });

  it('asks for no more than reading, and for the assignments only where lakeFS needs them', () => {
    standIn('az', 'exit 1');
    const usual = script('app-registration.sh', []).stderr;
    const { stderr } = script('app-registration.sh', ['--assignments']);

    expect(usual).not.toContain('Application.Read.All');
    expect(stderr).toContain('ID_OF_Application.Read.All=Role');
    expect(stderr).not.toContain('ReadWrite');
  });

  it('makes the key here, and sends the certificate alone', (context) => {
    context.skip(spawnSync('openssl', ['version']).error !== undefined, 'openssl is not installed here');
    standIn('az', 'case "$*" in *"--query"*) echo 00000000-aaaa-bbbb-cccc-000000000000 ;; esac');

    const { rc, stdout, stderr } = script('app-registration.sh', ['--apply', '--folder', folder]);

    expect(rc, stderr).toBe(0);
    expect(readFileSync(join(folder, 'credentials', 'entra-cert-key'), 'utf8')).toContain('PRIVATE KEY');
    expect(statSync(join(folder, 'credentials', 'entra-cert-key')).mode & 0o777).toBe(0o600);
    expect(calls().filter((call) => call.includes('credential reset'))).toEqual([
      `az ad app credential reset --id 00000000-aaaa-bbbb-cccc-000000000000 --append --cert @${folder}/entra-cert.pem --output none`,
    ]);
    expect(stdout).toContain('ENTRA_TENANT_ID=00000000-aaaa-bbbb-cccc-000000000000');
  });

  it('makes an application for logging in that may nothing, and keeps its secret to itself', () => {
    const secret = 'abc8Q~of-the-new-application';
    standIn(
      'az',
      `case "$*" in *"credential reset"*) echo '${secret}' ;; *"--query"*) echo 00000000-aaaa-bbbb-cccc-000000000000 ;; esac`,
    );
    const group = '11111111-2222-3333-4444-555555555555';
    const nodes = ['--origin', 'https://pve1.example.com:8006', '--origin', 'https://pve2.example.com:8006'];
    const args = ['--realm', 'entra', ...nodes, '--group', group, '--folder', folder, '--apply'];

    const { rc, stdout, stderr } = script('app-registration.sh', args);

    expect(rc, stderr).toBe(0);
    const file = join(folder, 'credentials', 'realm-client-secret');
    expect(readFileSync(file, 'utf8')).toBe(`${secret}\n`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(stdout + stderr).not.toContain(secret);
    expect(stdout).toContain('REALM_CLIENT_ID=00000000-aaaa-bbbb-cccc-000000000000\n');
    const made = calls().join('\n');
    expect(made).toContain('--web-redirect-uris https://pve1.example.com:8006 https://pve2.example.com:8006 ');
    expect(made).toContain('tags=["entramox:realm:entra"]');
    expect(made).toContain(`{"principalId":"${group}","resourceId":"00000000-aaaa-bbbb-cccc-000000000000",`);
    expect(made).not.toMatch(/permission add|admin-consent/);

    const before = calls().length;
    const again = script('app-registration.sh', args);

    expect(again).toMatchObject({ rc: 2, stderr: expect.stringMatching(/realm-client-secret is there already/) });
    expect(calls()).toHaveLength(before);
    expect(readFileSync(file, 'utf8')).toBe(`${secret}\n`);
  });

  it.each([
    ['an address with a path', ['--realm', 'entra', '--origin', 'https://pve1.example.com:8006/#v1']],
    ['an address without TLS', ['--realm', 'entra', '--origin', 'http://pve1.example.com:8006']],
    ['a realm that is a command', ['--realm', 'x;reboot', '--origin', 'https://pve1.example.com:8006']],
    ['a realm without an address', ['--realm', 'entra']],
    ['an address without a realm', ['--origin', 'https://pve1.example.com:8006']],
    ['a group by name', ['--realm', 'entra', '--origin', 'https://pve1.example.com:8006', '--group', 'admins']],
  ])('refuses %s as wrong usage', (_what, wrong) => {
    standIn('az', 'exit 0');

    const { rc } = script('app-registration.sh', [...wrong, '--apply', '--folder', folder]);

    expect(rc).toBe(2);
    expect(calls()).toEqual([]);
  });

  it('stops at the first call that fails', () => {
    standIn('az', 'exit 3');

    const { rc } = script('app-registration.sh', ['--apply', '--folder', folder]);

    expect(rc).not.toBe(0);
    expect(calls()).toHaveLength(1);
  });
});

describe('the event hub', () => {
  const args = [
    '--resource-group',
    'rg',
    '--namespace',
    'entramox-events',
    '--client-id',
    'CLIENT',
    '--domain',
    'example.com',
  ];

  it('is only described, unless told otherwise', () => {
    standIn('az', 'exit 1');

    const { rc, stdout, stderr } = script('event-hub.sh', [...args, '--cloud', 'china']);

    expect(rc, stderr).toBe(0);
    expect(calls()).toEqual([]);
    expect(stdout).toContain('EVENTHUB_NAMESPACE=entramox-events.servicebus.chinacloudapi.cn\n');
  });

  it('lets Graph send and the app read, on this hub alone, and makes no key', () => {
    standIn('az', 'case "$*" in *"--query"*) echo /the/hub ;; esac');

    const { rc, stderr } = script('event-hub.sh', [...args, '--apply']);

    expect(rc, stderr).toBe(0);
    expect(calls().filter((call) => call.includes('role assignment'))).toEqual([
      'az role assignment create --assignee 0bf30f3b-4a52-48df-9a82-234910c4a086 --role Azure Event Hubs Data Sender --scope /the/hub --output none',
      'az role assignment create --assignee CLIENT --role Azure Event Hubs Data Receiver --scope /the/hub --output none',
    ]);
    expect(calls().join('\n')).not.toMatch(/authorization-rule|keys/);
  });

  it('is not begun where something is missing', () => {
    const { rc, stderr } = script('event-hub.sh', ['--namespace', 'entramox-events', '--apply']);

    expect(rc).toBe(2);
    expect(stderr).toContain('--resource-group is needed');
  });
});
