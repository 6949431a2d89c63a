import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lab, openLab } from '../lab/lab.js';
import { addAdministrator } from '../simulators/proxmox/administrator.js';

const PEOPLE = 'alice@example.com@entra';

let lab: Lab;

beforeAll(async () => {
  lab = await openLab({ settings: { CONFIRM_BEFORE_LOCK: '0s' } });
  const { proxmox, dir } = lab;
  // Nothing is prepared but the realm and an administrator.
  proxmox.removeUser('entramox@pve');
  for (const group of proxmox.groups()) proxmox.removeGroup(group);
  const admin = addAdministrator(proxmox);
  writeFileSync(join(dir, 'admin-token'), admin, { mode: 0o600 });
});

afterAll(async () => {
  await lab?.close();
});

const place = () => join(lab.dir, 'pve-api-token');

function token(verb: string, ...args: string[]) {
  return lab.entramox('token', verb, ...args, '--admin-token-file', join(lab.dir, 'admin-token'));
}

describe('entramox token self', () => {
  it('prepares Proxmox by one command, and the main work is done with exactly that token', async () => {
    const shown = await token('self', '--out', place());
    const untouched = lab.proxmox.writes;
    const made = await token('self', '--out', place(), '--yes');
    lab.setSettings({ PVE_API_TOKEN: readFileSync(place(), 'utf8').trim() });
    const oid = lab.join('alice');
    const joined = await lab.entramox('sweep', '--foreground');
    const active = lab.proxmox.user(PEOPLE);
    lab.entra.directory.addMember(lab.groups.admins, oid);
    await lab.entramox('sweep', '--foreground');
    const promoted = lab.proxmox.user(PEOPLE);
    lab.entra.directory.removeMember(lab.groups.admins, oid);
    lab.entra.directory.removeMember(lab.groups.everybody, oid);
    await lab.entramox('sweep', '--foreground');
    const left = lab.proxmox.user(PEOPLE);

    expect(shown).toMatchObject({ code: 0, stdout: expect.stringMatching(/would: create the group entramox-entra/) });
    expect(shown.stdout).toMatch(/nothing was changed; --yes does it/);
    expect(untouched).toBe(0);
    expect(made, made.stderr).toMatchObject({ code: 0 });
    expect(made.stderr).toBe('');
    expect(made.stdout).toMatch(/proved: may not take root@pam into its group entramox-entra/);
    expect(joined, joined.stderr).toMatchObject({ code: 0 });
    expect(active).toMatchObject({ enabled: true, groups: ['PVEAuditor-entra', 'entramox-entra'] });
    expect(promoted?.groups).toEqual(['Administrator-entra', 'entramox-entra']);
    expect(left).toMatchObject({ enabled: false, groups: ['entramox-entra'] });
  });

  it('answers in JSON, tells no secret, and leaves a record of each write', async () => {
    const secret = readFileSync(place(), 'utf8').trim().split('=')[1] ?? '';

    const again = await token('self', '--out', place(), '--yes', '--json');

    expect(JSON.parse(again.stdout)).toMatchObject({ changed: false, steps: [], conflicts: [], wrongRights: [] });
    expect(again.code).toBe(0);
    const audit = readFileSync(join(`${lab.dir}/log-bootstrap`, 'audit.ndjson'), 'utf8');
    expect(audit).toMatch(/"by":"token self".*"action":"group\.create"/);
    expect(audit).toMatch(/"action":"token\.create"/);
    expect(audit + again.stdout + again.stderr).not.toContain(secret);
  });

  it('is known to the commands that look at tokens, without any file of declarations', async () => {
    const whole = readFileSync(place(), 'utf8').trim();
    const usual = '/etc/entramox/credentials/pve-api-token';

    const [list, shown] = await Promise.all([token('list', '--json'), lab.entramox('token', 'show', 'entramox')]);

    const { tokens, remarks } = JSON.parse(list.stdout);
    expect(list, list.stderr).toMatchObject({ code: 0 });
    expect(tokens).toMatchObject([{ token: 'entramox@pve!entramox', sink: usual, drift: [] }]);
    expect(tokens[0].besides.map(({ role }: { role: string }) => role)).toContain('Entramox-Sys.Audit');
    // It was put elsewhere, which both have to say.
    expect(remarks.join()).toMatch(/secret of entramox@pve!entramox does not lie in .*pve-api-token; .*--out/);
    expect(shown).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`${usual} holds no secret of entramox@pve!`),
    });
    expect(list.stdout + shown.stderr).not.toContain(whole.split('=')[1]);
  });

  it('is wrong usage with a name that Proxmox could not hold', async () => {
    const bad = await token('self', '--user', 'root@pam', '--token-id', '../x', '--out', 'here');
    const ofRealm = await token('self', '--user', 'someone@entra');

    expect(ofRealm).toMatchObject({ code: 2, stderr: expect.stringMatching(/is of the realm entra.*--user/) });
    expect(bad.code).toBe(2);
    expect(bad.stderr).toMatch(/--user: root@pam may do everything/);
    expect(bad.stderr).toMatch(/--token-id: expected a token id/);
    expect(bad.stderr).toMatch(/--out: expected the absolute path/);
  });
});
