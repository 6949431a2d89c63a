import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLab } from '../lab/lab.js';
import { oldLakefsSettings } from '../lab/old-lakefs-settings.js';
import { runProgram } from '../lab/program.js';
import { waitFor } from '../lab/wait.js';
import { type EntraSimulator, startEntraSimulator } from '../simulators/entra/index.js';
import { type LakefsSimulator, OWN_USER, startLakefsSimulator } from '../simulators/lakefs/index.js';
import { createTestAuthority } from '../simulators/tls.js';

const DEADLINE_MS = 90_000;

let entra: EntraSimulator;
let lakefs: LakefsSimulator;
let dir: string;
let env: Record<string, string | undefined>;

beforeEach(async () => {
  const authority = await createTestAuthority();
  [entra, lakefs] = await Promise.all([
    startEntraSimulator({ authority }),
    startLakefsSimulator({ authority, flavour: 'cloud' }),
  ]);
  dir = mkdtempSync(join(tmpdir(), 'entramox-lakefs-'));
  writeFileSync(join(dir, 'ca.pem'), authority.cert);
  for (const name of ['state', 'log', 'run']) mkdirSync(join(dir, name));
  env = oldLakefsSettings(entra, lakefs, dir);
});

afterEach(async () => {
  await Promise.all([entra?.close(), lakefs?.close()]);
  if (dir) rmSync(dir, { recursive: true, force: true });
});

function addPerson(name: string, signsIn = true): string {
  const upn = `${name}@example.com`;
  const oid = entra.directory.addUser({ userPrincipalName: upn, displayName: name });
  if (signsIn) lakefs.addPerson({ oid, upn }, 'cloud');
  return oid;
}

const sweep = (...args: string[]) => runProgram(['sweep', '--foreground', ...args], env);
const membersOf = (name: string) => lakefs.group(name)?.members;

describe('entramox sweep --foreground with the names of the predecessor alone', () => {
  it('does its whole job in one shot, members included, and goes on where it left off', async () => {
    const [alice, bob] = [addPerson('alice'), addPerson('bob')];
    const carol = addPerson('carol', false);
    const project = entra.directory.addGroup({ displayName: 'LakeFSProjectX' });
    const nested = entra.directory.addGroup({ displayName: 'nobody filters this' });
    entra.directory.addMember(project, alice);
    entra.directory.addMember(project, carol);
    entra.directory.addMember(project, nested);
    entra.directory.addMember(nested, bob);

    const dry = await runProgram(['sweep', '--foreground'], { ...env, DRY_RUN: 'true' });

    expect(dry).toMatchObject({ code: 0 });
    expect(dry.stdout).toContain('lakefs create-group LakeFSProjectX');
    expect(lakefs.nonGets).toBe(0);

    const first = await sweep('--json');

    expect(first.stderr).not.toContain('rror');
    expect(first.code).toBe(0);
    expect(JSON.parse(first.stdout)).toMatchObject({ result: 'done' });
    expect(lakefs.group('LakeFSProjectX')).toMatchObject({
      description: `entra:${project}`,
      policies: ['AuthManageOwnCredentials', 'FSReadAll'],
      members: [`waad|${alice}`, `waad|${bob}`].sort(),
    });

    lakefs.resetCounters();
    const again = await sweep();

    expect(again.code).toBe(0);
    expect(lakefs.nonGets).toBe(0);

    lakefs.addPerson({ oid: carol, upn: 'carol@example.com' }, 'cloud');
    entra.directory.updateUser(alice, { accountEnabled: false });
    const last = await sweep();

    expect(last.code).toBe(0);
    expect(membersOf('LakeFSProjectX')).toEqual([`waad|${bob}`, `waad|${carol}`].sort());
    expect(lakefs.group('Admins')?.members).toEqual([OWN_USER]);
    const audit = readFileSync(join(dir, 'log/audit.ndjson'), 'utf8');
    expect(audit).toContain('"action":"remove-member"');
    expect(audit).not.toContain(lakefs.key.secretAccessKey);
  }, 120_000);
});

describe('the daemon', () => {
  it('takes a leaver out of lakeFS and Proxmox on the word of a notification, and puts a joiner in', async () => {
    const server = await startLakefsSimulator({ flavour: 'cloud' });
    const lab = await openLab({
      settings: {
        TARGETS: 'proxmox,lakefs',
        LAKEFS_ENDPOINT: server.url,
        LAKEFS_ACCESS_KEY_ID: server.key.accessKeyId,
        LAKEFS_SECRET_ACCESS_KEY: server.key.secretAccessKey,
        GROUP_FILTER: 'lake-*',
        LAKEFS_DEFAULT_POLICIES: 'FSReadAll',
      },
    });
    try {
      const lake = lab.entra.directory.addGroup({ displayName: 'lake-data' });
      const person = (name: string) => {
        const oid = lab.join(name);
        return { oid, user: server.addPerson({ oid, upn: `${name}@example.com` }, 'cloud') };
      };
      const [alice, bob] = [person('alice'), person('bob')];
      lab.entra.directory.addMember(lake, alice.oid);
      const members = () => server.group('lake-data')?.members ?? [];
      const isDisabled = () => lab.proxmox.user('alice@example.com@entra')?.enabled === false;
      lab.start('run');
      await lab.ready(DEADLINE_MS);
      await waitFor('the first member', () => members().includes(alice.user), DEADLINE_MS);

      lab.entra.directory.addMember(lake, bob.oid);
      await waitFor('the joiner', () => members().includes(bob.user), DEADLINE_MS);
      lab.entra.directory.removeMember(lake, alice.oid);
      lab.entra.directory.removeMember(lab.groups.everybody, alice.oid);
      await waitFor('the leaver to be out', () => !members().includes(alice.user) && isDisabled(), DEADLINE_MS);

      expect(members()).toEqual([bob.user]);
      const { stdout } = await lab.entramox('status', '--json');
      expect(JSON.parse(stdout).reconciler.lakefs).toMatchObject({
        mode: 'full',
        groups: [{ group: lake, name: 'lake-data', policies: ['FSReadAll'] }],
      });
      const plain = await lab.entramox('status');
      expect(plain.stdout).toContain('lakeFS groups:');
      const doctor = await lab.entramox('doctor', '--json');
      const { checks } = JSON.parse(doctor.stdout) as { checks: { name: string; ok: boolean; saw: string }[] };
      const looked = checks.filter(({ name }) => name.startsWith('lakefs.'));
      expect(looked.filter(({ ok }) => !ok)).toEqual([]);
      expect(looked.map(({ saw }) => saw)).toContain('1 of 1 wanted groups are there, by our mark');
      expect(looked.map(({ saw }) => saw)).toContain('every member has a lakeFS user');
    } finally {
      await Promise.all([lab.close(), server.close()]);
    }
  }, 300_000);
});
