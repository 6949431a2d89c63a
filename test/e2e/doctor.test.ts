import { randomUUID } from 'node:crypto';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CHECK_NAMES } from '../../src/commands/doctor/catalogue.js';
import { sandboxUnavailable } from '../integration/sandbox/index.js';
import { type Lab, openLab, REALM } from '../lab/lab.js';
import { createPrivateHost } from '../lab/linux-host.js';
import { type LakefsSimulator, startLakefsSimulator } from '../simulators/lakefs/index.js';
import { createTestAuthority } from '../simulators/tls.js';
import {
  type Examined,
  examine,
  LIMIT_MS,
  type ShownCheck,
  type StandIn,
  startBlackHole,
  startStandIn,
} from './doctor-lab.js';

const unavailable = sandboxUnavailable();

describe.skipIf(unavailable)(`the doctor${unavailable ? ` (skipped: ${unavailable})` : ''}`, () => {
  let lab: Lab;
  const standIns: StandIn[] = [];

  beforeAll(async () => {
    lab = await openLab({ host: await createPrivateHost() });
    lab.join('alice');
    lab.start();
    await lab.ready();
  });
  afterEach(async () => {
    await Promise.all(standIns.splice(0).map((standIn) => standIn.close()));
  });
  afterAll(() => lab?.close());

  async function standIn(...args: Parameters<typeof startStandIn> extends [Lab, ...infer Rest] ? Rest : never) {
    const started = await startStandIn(lab, ...args);
    standIns.push(started);
    return started;
  }

  async function inside(command: string): Promise<void> {
    const { code, stderr } = (await lab.host?.sandbox?.exec(['/bin/sh', '-c', command])) ?? {
      code: 1,
      stderr: 'no host',
    };
    if (code !== 0) throw new Error(`${command}: ${stderr}`);
  }

  /** The one bad check of this name; all of them say why, and what mends it. */
  function badOf({ bad }: Examined, name: string): ShownCheck {
    expect(bad.every(({ why, mend }) => why && mend)).toBe(true);
    const found = bad.filter((check) => check.name === name);
    expect([name, found.length]).toEqual([name, 1]);
    return found[0] as ShownCheck;
  }

  describe('where everything is well', () => {
    it('finds nothing wrong, in exactly the promised form, and asks the reconciler for the agent that is its child', async () => {
      const { code, checks, bad, stderr } = await examine(lab);

      expect([code, bad, stderr]).toEqual([0, [], '']);
      expect(checks.every((check) => Object.keys(check).join() === 'name,ok,saw,why,mend')).toBe(true);
      const unseen = CHECK_NAMES.filter((name) => !checks.some((check) => check.name === name));
      const lakefs = CHECK_NAMES.filter((name) => name.startsWith('lakefs.') && name !== 'lakefs.settings');
      expect(unseen).toEqual([
        ...['clock.lakefs', 'proxy.reach', 'group.hidden', 'eventhub.reach', 'eventhub.checkpoint'],
        ...lakefs,
      ]);
      expect(checks.find(({ name }) => name === 'agent.reach')?.saw).toBe('the account agent answers and can write');
      expect(checks.filter(({ name }) => name === 'group.read').map(({ saw }) => saw)).toEqual([
        expect.stringMatching(/^entramox-everybody \(.*\): 1 people$/),
        expect.stringMatching(/^entramox-admins \(.*\): 0 people$/),
      ]);
      expect(checks.filter(({ name }) => name === 'subscription.live')).toHaveLength(3);
    });

    it('changes nothing anywhere, and shows no secret', async () => {
      const writes = lab.proxmox.writes;
      const before = lab.entra.subscriptions().map(({ id }) => id);
      lab.entra.calls.clear();

      const { stdout } = await examine(lab, {}, []);

      const methods = lab.entra.calls.list().map(({ method, template }) => `${method} ${template}`);
      expect(methods.filter((call) => !/^GET |\/\$batch|\/token$/.test(call))).toEqual([]);
      expect(lab.proxmox.writes).toBe(writes);
      expect(lab.entra.subscriptions().map(({ id }) => id)).toEqual(before);
      expect(stdout).not.toContain(lab.entra.clientSecret);
      expect(stdout).not.toMatch(/sync=[0-9a-f-]{8}/);
    });

    it('prints for people by subject, in 80 columns, without colours where nobody looks', async () => {
      const { code, stdout } = await examine(lab, {}, []);

      const lines = stdout.trimEnd().split('\n');
      expect(code).toBe(0);
      // A word alone may be longer, such as a path.
      expect(lines.filter((line) => line.length > 80 && /\S\s\S/.test(line.trim()))).toEqual([]);
      expect(stdout).not.toContain('\u001b');
      expect(lines.at(-1)).toMatch(/^All \d+ checks are fine\.$/);
    });
  });

  describe('in Entra', () => {
    it('names a permission that is missing and a group that is gone, and one that hides its members', async () => {
      const { directory, credentials } = lab.entra;
      const hidden = directory.addGroup({ displayName: 'secret club', visibility: 'HiddenMembership' });
      credentials.setRoles(['GroupMember.Read.All']);
      const groups = { ENTRA_GROUP_IDS: `${hidden},${randomUUID()}` };
      try {
        const seen = await examine(lab, groups);

        expect(seen.code).toBe(1);
        expect(badOf(seen, 'permissions.roles').saw).toContain('missing: User.Read.All');
        expect(badOf(seen, 'group.hidden').mend).toContain('Member.Read.Hidden');
        expect(badOf(seen, 'group.read').saw).toContain('does not exist');
      } finally {
        credentials.setRoles(['GroupMember.Read.All', 'User.Read.All']);
        directory.deleteGroup(hidden);
      }
    });

    it('remarks on permissions to write, and on subscriptions of somebody else, which is no failure', async () => {
      lab.entra.credentials.setRoles(['GroupMember.ReadWrite.All', 'User.Read.All']);
      try {
        const { code, checks } = await examine(lab);

        const beyond = checks.find(({ name }) => name === 'permissions.beyond');
        expect(code).toBe(0);
        expect(beyond).toMatchObject({ ok: true, saw: expect.stringContaining('GroupMember.ReadWrite.All') });
      } finally {
        lab.entra.credentials.setRoles(['GroupMember.Read.All', 'User.Read.All']);
      }
    });

    it('names a wrong secret, and does not look at what needs a token', async () => {
      const seen = await examine(lab, { ENTRA_CLIENT_SECRET: 'not-the-secret-of-this-app-at-all' });

      expect(seen.code).toBe(1);
      expect(badOf(seen, 'credential.token').saw).toMatch(/secret of app .* is wrong/);
      expect(badOf(seen, 'group.read').saw).toMatch(/^not looked at: there is no token/);
      expect(seen.stdout).not.toContain('not-the-secret');
    });

    it('names a secret and an API token that end soon', async () => {
      const soon = new Date(Date.now() + 3 * 86_400_000).toISOString().slice(0, 10);

      const seen = await examine(lab, { ENTRA_CLIENT_SECRET_EXPIRES: soon, PVE_API_TOKEN_EXPIRES: soon });

      badOf(seen, 'credential.expiry');
      badOf(seen, 'proxmox.token-expiry');
    });

    it('misses a subscription that ended, by its id', async () => {
      const ended = lab.entra.subscriptions().find(({ resource }) => /users$/i.test(resource));
      lab.entra.endSubscription(ended?.id ?? '');

      const seen = await examine(lab);
      await lab.entramox('subscriptions', 'renew');

      expect(badOf(seen, 'subscription.live').saw).toContain(
        `the listener holds ${ended?.id}, which Graph does not know`,
      );
      expect((await examine(lab)).bad).toEqual([]);
    });
  });

  describe('on the way to Microsoft', () => {
    it('tells a clock that is off, against whoever answers', async () => {
      const { url, caFile } = await standIn(['localhost'], (_request, response) => {
        response.writeHead(503, { date: new Date(Date.now() - 3_600_000).toUTCString() }).end();
      });

      const seen = await examine(lab, { ENTRA_AUTHORITY: url, CA_FILE: caFile, PVE_API_URL: url, PVE_CA_FILE: caFile });

      expect(badOf(seen, 'clock.entra').saw).toMatch(/^3\d{3} s ahead of Microsoft$/);
      expect(badOf(seen, 'clock.proxmox').mend).toContain('timedatectl');
      expect(badOf(seen, 'credential.token').saw).toMatch(/^cannot be reached: /);
      expect(badOf(seen, 'proxmox.token').saw).toMatch(/^cannot be reached: /);
    });

    it('tells a certificate for another name from one of an unknown root, and who issued it', async () => {
      const other = await standIn(['elsewhere.example'], (_request, response) => response.end());
      const unknown = await standIn(['localhost'], (_request, response) => response.end());

      const seen = await examine(lab, {
        ENTRA_AUTHORITY: other.url,
        CA_FILE: other.caFile,
        GRAPH_BASE_URL: unknown.url,
        PVE_API_URL: unknown.url,
      });

      expect(badOf(seen, 'login.tls').saw).toMatch(
        /elsewhere\.example by Entramox stand-in authority, 364 d left; it is for another/,
      );
      expect(badOf(seen, 'graph.tls').mend).toContain('CA_FILE');
      expect(badOf(seen, 'proxmox.tls').mend).toContain('PVE_CA_FILE');
      expect(badOf(seen, 'proxmox.realm').saw).toMatch(/^not looked at: /);
    });

    it('tells names that nobody knows', async () => {
      const seen = await examine(lab, {
        ENTRA_AUTHORITY: 'https://login.invalid',
        GRAPH_BASE_URL: 'https://graph.invalid',
      });

      expect(badOf(seen, 'login.dns').mend).toMatch(/ENTRA_AUTHORITY|resolv\.conf/);
      expect(badOf(seen, 'graph.dns').mend).toMatch(/GRAPH_BASE_URL|resolv\.conf/);
    });

    it('tells a proxy that is not there, which is nothing that is known to be wrong', async () => {
      const seen = await examine(lab, { HTTPS_PROXY: 'http://somebody:a-long-password@127.0.0.1:9' });

      expect(seen.code).toBe(4);
      expect(badOf(seen, 'proxy.reach').saw).toMatch(/^cannot be reached: the proxy http:\/\/127\.0\.0\.1:9 /);
      expect(seen.stdout).not.toContain('a-long-password');
    });

    it('tells why a handshake through the public address fails', async () => {
      const { url, caFile } = await standIn(['localhost'], (_request, response) => {
        response.writeHead(403, { 'content-type': 'text/plain' }).end('login please');
      });

      const seen = await examine(lab, { PUBLIC_URL: url, CA_FILE: caFile });

      expect(badOf(seen, 'endpoint.handshake').saw).toContain('asks for a login');
    });
  });

  describe('in Proxmox VE', () => {
    it('names a privilege too few, one too many, and options of the realm that get in the way', async () => {
      const { proxmox } = lab;
      proxmox.addRealm(REALM, { settings: { autocreate: 1, 'groups-overwrite': 1 } });
      proxmox.addRole('TooMuch', ['Permissions.Modify', 'Sys.Audit']);
      for (const [type, ugid] of [['user', 'narrow@pve'] as const, ['token', 'narrow@pve!sync'] as const]) {
        if (type === 'user') proxmox.addUser({ userid: 'narrow@pve' });
        proxmox.setAcl({ path: '/access', type, ugid, roleid: 'TooMuch' });
      }
      const token = proxmox.createToken('narrow@pve', 'sync');
      try {
        const seen = await examine(lab, { PVE_API_TOKEN: token });

        expect(badOf(seen, 'proxmox.privileges').mend).toContain('pveum acl modify');
        expect(badOf(seen, 'proxmox.realm-options').mend).toContain(`pveum realm modify ${REALM} --autocreate 0`);
        const beyond = seen.checks.find(({ name }) => name === 'proxmox.beyond');
        expect(beyond).toMatchObject({ ok: true, saw: expect.stringContaining('Permissions.Modify on /access') });
      } finally {
        proxmox.addRealm(REALM);
        proxmox.removeUser('narrow@pve');
      }
    });

    it('names a token that is not taken, and does not look at what needs one', async () => {
      const token = await examine(lab, { PVE_API_TOKEN: 'entramox@pve!sync=00000000-1111-2222-3333-444444444444' });

      expect(badOf(token, 'proxmox.token').mend).toContain('PVE_API_TOKEN');
      expect(badOf(token, 'proxmox.realm').saw).toMatch(/^not looked at: /);
    });
  });

  describe('on this host', () => {
    it("names an account agent's policy that is broken, and programs that are missing", async () => {
      await inside(
        'cp /etc/entramox/accounts.policy.json /root/policy; echo broken > /etc/entramox/accounts.policy.json',
      );
      const policy = await examine(lab);
      await inside('cat /root/policy > /etc/entramox/accounts.policy.json; mv /usr/sbin/visudo /usr/sbin/visudo.away');
      const tools = await examine(lab);
      await inside('mv /usr/sbin/visudo.away /usr/sbin/visudo; ln -s nothing /etc/passwd.lock');
      const host = await examine(lab);
      await inside('rm /etc/passwd.lock');

      expect(badOf(policy, 'agent.policy').mend).toContain('entramox config policy');
      expect(badOf(policy, 'agent.tools').saw).toMatch(/^not looked at: /);
      expect(badOf(tools, 'agent.tools').saw).toContain('/usr/sbin/visudo');
      expect(badOf(host, 'agent.host').saw).toContain('passwd.lock');
    });

    it('names directories that are missing or open to others, and files that somebody else could change', async () => {
      const state = join(lab.dir, 'state');
      chmodSync(state, 0o777);
      chmodSync(join(lab.dir, 'ca.pem'), 0o666);
      try {
        const seen = await examine(lab, { LOG_DIR: join(lab.dir, 'nothing-here'), INTEGRITY: 'enforce' });

        expect(seen.bad.find(({ name }) => name === 'files.state')?.mend).toBe(`chmod 0775 ${state}`);
        expect(badOf(seen, 'files.log').saw).toContain('is not there');
        expect(badOf(seen, 'disk.log').saw).toContain('ENOENT');
        expect(seen.bad.filter(({ name }) => name === 'files.integrity').map(({ mend }) => mend)).toContain(
          `chmod go-w ${join(lab.dir, 'ca.pem')}`,
        );
      } finally {
        chmodSync(state, 0o755);
        chmodSync(join(lab.dir, 'ca.pem'), 0o600);
      }
    });

    it('leaves out what is not configured', async () => {
      const { checks, bad } = await examine(lab, {
        GRAPH_ENFORCE: 'false',
        TARGETS: 'proxmox',
        LISTENER_STATE_DIR: join(lab.dir, 'not-made'),
      });

      const parts = new Set(checks.map(({ name }) => name.split('.')[0]));
      expect([...parts]).toEqual(['configuration', 'files', 'clock', 'proxmox', 'lakefs', 'disk', 'reconciler']);
      expect(bad).toEqual([]);
    });

    it('names a name that nobody reads', async () => {
      const seen = await examine(lab, { GROUP_IDS: 'x' });

      expect(badOf(seen, 'configuration.remarks').saw).toContain('GROUP_IDS');
    });

    it('tells a configuration that cannot be used as checks as well, with exit code 2', async () => {
      const { code, checks, bad, stderr } = await examine(lab, { DELETE_AFTER: 'soon' });

      expect(code).toBe(2);
      expect(stderr).toContain('DELETE_AFTER: soon');
      expect(checks[0]).toMatchObject({
        name: 'configuration.values',
        saw: expect.stringContaining('DELETE_AFTER: soon'),
      });
      expect(bad.map(({ name }) => name)).toEqual(CHECK_NAMES);
    });
  });

  describe('in lakeFS', () => {
    let lakefs: LakefsSimulator;
    let settings: Record<string, string>;

    beforeEach(async () => {
      const authority = await createTestAuthority('Entramox lakeFS authority');
      lakefs = await startLakefsSimulator({ flavour: 'cloud', authority });
      const caFile = join(lab.dir, `${randomUUID()}.pem`);
      writeFileSync(caFile, `${readFileSync(join(lab.dir, 'ca.pem'), 'utf8')}\n${authority.cert}`, { mode: 0o644 });
      settings = {
        CA_FILE: caFile,
        TARGETS: 'linux,proxmox,lakefs',
        LAKEFS_ENDPOINT: lakefs.url,
        LAKEFS_ACCESS_KEY_ID: lakefs.key.accessKeyId,
        LAKEFS_SECRET_ACCESS_KEY: lakefs.key.secretAccessKey,
        GROUP_FILTER: 'entramox-*',
      };
    });
    afterEach(() => lakefs.close());

    it('looks at everything by reading alone, and tells of a reconciler that does not know of it', async () => {
      const seen = await examine(lab, settings);

      const shown = seen.checks.filter(({ name }) => name.includes('lakefs') && name !== 'lakefs.settings');
      expect(shown.map(({ name, ok }) => [name, ok])).toEqual([
        ...['clock', 'tls', 'access', 'kind', 'rights', 'beyond', 'policies', 'groups', 'managed'].map((name) => [
          name === 'clock' ? 'clock.lakefs' : `lakefs.${name}`,
          true,
        ]),
        ['lakefs.people', false],
      ]);
      expect(badOf(seen, 'lakefs.people').mend).toContain('restart it');
      expect(shown.find(({ name }) => name === 'lakefs.managed')?.saw).toContain('0 of 2 wanted groups are there');
      expect(seen.stdout).not.toContain(lakefs.key.secretAccessKey);
      expect(lakefs.nonGets).toBe(0);
    });

    it('tells a certificate, a key, and missing permissions here and in Entra apart, and one that has no groups', async () => {
      const key = lakefs.createKey({ permissions: ['auth:ListGroups', 'auth:ListPolicies', 'auth:ReadGroup'] });
      const own = { LAKEFS_ACCESS_KEY_ID: key.accessKeyId, LAKEFS_SECRET_ACCESS_KEY: key.secretAccessKey };
      const none = await startLakefsSimulator({ flavour: 'none' });
      try {
        const untrusted = await examine(lab, { ...settings, CA_FILE: join(lab.dir, 'ca.pem') });
        const wrongKey = await examine(lab, { ...settings, LAKEFS_SECRET_ACCESS_KEY: 'another-secret-access-key' });
        const assigned = { LAKEFS_GROUP_SOURCE: 'app-assignments', GROUP_FILTER: null };
        const lacking = await examine(lab, { ...settings, ...own, ...assigned });
        const without = await examine(lab, {
          ...settings,
          LAKEFS_ENDPOINT: none.url,
          LAKEFS_ACCESS_KEY_ID: none.key.accessKeyId,
          LAKEFS_SECRET_ACCESS_KEY: none.key.secretAccessKey,
        });

        expect(badOf(untrusted, 'lakefs.tls').mend).toContain('CA_FILE');
        expect(badOf(untrusted, 'lakefs.access').saw).toMatch(/^not looked at: /);
        expect(badOf(wrongKey, 'lakefs.access').saw).toContain('does not take the key');
        expect(badOf(lacking, 'lakefs.rights').saw).toContain('auth:ListUsers, auth:ReadUser');
        expect(badOf(lacking, 'permissions.roles').saw).toContain('Application.Read.All (the groups');
        expect(badOf(lacking, 'lakefs.groups').mend).toContain('Application.Read.All');
        expect(badOf(without, 'lakefs.kind').saw).toContain('this lakeFS has no RBAC');
        expect(lakefs.nonGets + none.nonGets).toBe(0);
      } finally {
        await none.close();
      }
    });
  });

  describe('where nobody answers', () => {
    it('says so in time of everything at once, and calls wrong only what is on this host', async () => {
      const hole = await startBlackHole();
      const sockets = await Promise.all(
        ['accounts', 'operator', 'listener'].map((name) => startBlackHole(join(lab.dir, `run/silent-${name}.sock`))),
      );
      standIns.push(hole, ...sockets);
      const [accounts, operator, listener] = sockets.map(({ url }) => url);

      const remote = {
        ENTRA_AUTHORITY: hole.url,
        GRAPH_BASE_URL: hole.url,
        PVE_API_URL: hole.url,
        PUBLIC_URL: hole.url,
      };
      const local = {
        ACCOUNTS_COMMAND: null,
        ACCOUNTS_SOCKET: accounts ?? '',
        OPERATOR_SOCKET: operator ?? '',
        LISTENER_SOCKET: listener ?? '',
        // The running reconciler does not know of lakeFS, and would say so.
        TARGETS: 'linux,proxmox,lakefs',
        LAKEFS_ENDPOINT: hole.url,
        LAKEFS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
        LAKEFS_SECRET_ACCESS_KEY: 'nobody-hears-this-secret',
      };
      const [away, everything] = await Promise.all([examine(lab, remote), examine(lab, { ...remote, ...local })]);

      // A run that took longer than the limit was killed and has no exit code.
      expect([LIMIT_MS, away.code, everything.code]).toEqual([30_000, 4, 1]);
      const said = (check: ShownCheck) => check.saw.split(':')[0];
      expect(new Set(away.bad.map(said))).toEqual(new Set(['cannot be reached', 'not looked at']));
      for (const name of ['login.tls', 'graph.tls', 'endpoint.reach', 'proxmox.tls', 'lakefs.tls']) {
        expect(badOf(everything, name).saw).toMatch(/^cannot be reached: /);
      }
      const wrong = everything.bad.filter((check) => !/^(cannot be reached|not looked at)/.test(check.saw));
      expect(wrong.map(({ name }) => name)).toEqual(['agent.reach', 'reconciler.reach', 'listener.reach']);
      const missing = CHECK_NAMES.filter((name) => !everything.checks.some((check) => check.name === name));
      expect(missing).toEqual(['proxy.reach', 'group.hidden', 'eventhub.reach', 'eventhub.checkpoint']);
    });

    // Stops what the others need, so it comes last.
    it('misses a reconciler that does not run, and asks the agent itself', async () => {
      await lab.stopAll();

      const seen = await examine(lab);

      expect(seen.code).toBe(1);
      expect(seen.checks.find(({ name }) => name === 'agent.reach')?.ok).toBe(true);
      expect(badOf(seen, 'reconciler.reach').mend).toContain('systemctl start entramox.target');
      expect(badOf(seen, 'listener.reach').saw).toContain('is the listener running?');
    });
  });
});
