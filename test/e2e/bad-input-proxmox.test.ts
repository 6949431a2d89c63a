import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REALM } from '../lab/lab.js';
import { fetchFrom } from '../lab/look.js';
import { waitFor } from '../lab/wait.js';
import { startProxmoxSimulator } from '../simulators/proxmox/index.js';
import { createTestAuthority } from '../simulators/tls.js';
import { openWard, sides, type Ward } from './bad-input-lab.js';

let ward: Ward;
beforeAll(async () => {
  const settings = { CONFIRM_AFTER: '1h', PVE_TIMEOUT: '5s' };
  ward = await openWard({ residents: ['alice', 'bob', 'carol'], admins: ['carol'], settings });
});
afterAll(() => ward?.close());

const userid = (name: string) => `${name}@example.com@${REALM}`;
const user = (name: string) => ward.lab.proxmox.user(userid(name));
const USERS = { method: 'POST', path: '/access/users' };

async function sweep(): Promise<{ code: number | null; result: string; why?: string }> {
  const { code, stdout } = await ward.lab.entramox('sweep', '--json');
  return { code, ...JSON.parse(stdout) };
}

/** Brings one person true now; exit code and what was told. */
const resync = (name: string) => ward.lab.entramox('resync', `${name}@example.com`);

/** Where there is a Linux side, a person there is none of Proxmox's business. */
async function hasAccount(name: string): Promise<void> {
  if (ward.host) await waitFor(`the account of ${name}`, () => ward.host?.account(name)?.locked === false);
}

/** Somebody new who is expected in Linux alone for now. */
async function joins(name: string): Promise<string> {
  const oid = ward.lab.join(name);
  await hasAccount(name);
  return oid;
}

describe(`A Proxmox token without rights${sides}`, () => {
  it('sees an empty realm, which is not believed: nobody is locked or made, and the privilege is named', async () => {
    const { proxmox } = ward.lab;
    proxmox.addUser({ userid: 'powerless@pve' });
    const token = proxmox.createToken('powerless@pve', 'sync', { privsep: true });
    const before = ward.world();
    await ward.daemon().stop();
    proxmox.resetCounters();

    await ward.restart({ PVE_API_TOKEN: token });
    await ward.lab.ready();
    await joins('newcomer840');
    const swept = await sweep();

    expect(swept).toMatchObject({ code: 4, result: 'degraded' });
    const words = /the API token powerless@pve!sync lacks .*(Sys\.Audit or User\.Modify) on \/access\/groups/;
    expect((await ward.status()).problems.join('\n')).toMatch(words);
    const { code, stdout } = await ward.lab.entramox('status');
    expect(code).toBe(4);
    expect(stdout).toMatch(words);
    expect((await ward.readyz()).unready.map(({ detail }) => detail).join('\n')).toMatch(words);
    expect(ward.world()).toEqual(before);
    expect(user('newcomer840')).toBeUndefined();
    expect([proxmox.writes, proxmox.calls({ method: 'PUT' }), proxmox.calls(USERS)]).toEqual([0, [], []]);
    expect(ward.lab.log()).not.toContain(token.split('=')[1]);
  });

  it('works without a restart once it has them', async () => {
    const { proxmox } = ward.lab;
    const mine = proxmox.acl().filter(({ ugid }) => ugid === 'entramox@pve');
    for (const [type, ugid] of [['user', 'powerless@pve'] as const, ['token', 'powerless@pve!sync'] as const]) {
      proxmox.setAcl(...mine.map((entry) => ({ ...entry, type, ugid })));
    }

    const swept = await sweep();

    expect(swept.code).toBe(0);
    expect(ward.provisioned('newcomer840')).toBe(true);
    await ward.welcomesNewcomer();
    expect((await ward.readyz()).status).toBe(200);
  });

  it('that is deleted in the middle of work locks nobody, and is told with the command that shows it', async () => {
    const { proxmox } = ward.lab;
    const before = ward.world();
    proxmox.removeToken('powerless@pve', 'sync');

    await joins('newcomer841');
    const swept = await sweep();

    expect(swept.code).toBe(4);
    expect(swept.why).toMatch(/wrong, expired or deleted.*pveum user token list/);
    expect(ward.world().linux).toEqual(before.linux);
    const strip = (users: unknown[]) => users.map((seen) => ({ ...(seen as object), tokenIds: [] }));
    expect(strip(ward.world().proxmox)).toEqual(strip(before.proxmox));
    const { token } = proxmox.prepareFor({ realm: `${REALM}2`, groups: [] });
    expect(token).toContain('entramox@pve!sync=');
    await ward.restart({ PVE_API_TOKEN: token });
    proxmox.setAcl(
      ...aclOf('entramox@pve').map((entry) => ({ ...entry, type: 'token' as const, ugid: 'entramox@pve!sync' })),
    );
    await ward.lab.ready();
    await waitFor('the joiner', () => ward.provisioned('newcomer841'), 30_000);
    await ward.welcomesNewcomer();
  });
});

function aclOf(ugid: string) {
  return ward.lab.proxmox.acl().filter((entry) => entry.ugid === ugid);
}

describe(`A Proxmox certificate that does not fit${sides}`, () => {
  it.each<[string, (ca: string) => Promise<{ names: string[]; trusted: boolean; words: RegExp }>]>([
    [
      'it is for another host',
      async () => ({
        names: ['pve9.example.org'],
        trusted: true,
        words: /does not match that name: .*pve9\.example\.org/,
      }),
    ],
    ['nobody vouches for it', async () => ({ names: ['localhost'], trusted: false, words: /set PVE_CA_FILE/ })],
  ])('is sent no token, and nobody is locked or made: %s', async (_what, how) => {
    const { names, trusted, words } = await how(ward.ca());
    const authority = await createTestAuthority('The authority of another node');
    const stranger = await startProxmoxSimulator({ authority: { ...authority, issue: () => authority.issue(names) } });
    try {
      const before = ward.world();
      const file = join(ward.lab.dir, 'stranger-ca.pem');
      writeFileSync(file, trusted ? authority.cert : ward.ca());
      const former = { PVE_API_URL: ward.lab.proxmox.url, PVE_CA_FILE: join(ward.lab.dir, 'ca.pem') };

      await ward.restart({ PVE_API_URL: stranger.url, PVE_CA_FILE: file });
      await ward.lab.ready();
      const swept = await sweep();

      expect(swept).toMatchObject({ code: 4, result: 'degraded' });
      expect((await ward.status()).problems.join('\n')).toMatch(words);
      expect((await ward.readyz()).unready.map(({ detail }) => detail).join('\n')).toMatch(words);
      expect(stranger.calls()).toEqual([]);
      expect(ward.world()).toEqual(before);
      await ward.restart(former);
      await ward.lab.ready();
      await ward.welcomesNewcomer();
    } finally {
      await stranger.close();
    }
  });
});

describe(`A Proxmox that takes no write${sides}`, () => {
  it('because another task holds the lock is tried again, and no other person waits in Linux', async () => {
    const before = ward.world();
    const text = "cfs-lock 'file-user_cfg' error: got lock request timeout";
    ward.lab.proxmox.faults.failNext(USERS, { status: 500, text }, 2);

    await joins('newcomer842');

    await ward.heard('proxmox.call.retried', ({ error }) => String(error).includes('lock'));
    await waitFor('the user', () => ward.provisioned('newcomer842'), 60_000);
    expect(ward.world()).toEqual(before);
  });

  it('because the cluster has no quorum is told, and comes true once it has', async () => {
    const before = ward.world();
    ward.lab.proxmox.faults.loseQuorum(true);

    await joins('newcomer843');

    const { failing } = await ward.shows('what fails', (status) => status.failing.length > 0);
    expect(failing[0]).toMatchObject({
      upn: 'newcomer843@example.com',
      problem: expect.stringMatching(/no quorum and is read-only; bring its nodes back/),
    });
    const { code, stdout } = await resync('newcomer843');
    expect(code).toBe(1);
    expect(stdout).toMatch(/act\s+no\s+failed: proxmox: .*no quorum/);
    const words = /no quorum and is read-only; bring its nodes back/;
    expect((await ward.status()).problems.join('\n')).toMatch(words);
    const readyz = await ward.readyz();
    expect(readyz.status).toBe(503);
    expect(readyz.unready.map(({ detail }) => detail).join('\n')).toMatch(words);
    expect(await writesHindered()).toBe('1');
    expect(ward.world()).toEqual(before);
    ward.lab.proxmox.faults.loseQuorum(false);
    expect((await sweep()).code).toBe(0);
    expect((await ward.readyz()).status).toBe(200);
    expect(await writesHindered()).toBe('0');
    expect(ward.provisioned('newcomer843')).toBe(true);
    expect((await ward.status()).failing).toEqual([]);
    await ward.welcomesNewcomer();
  });

  async function writesHindered(): Promise<string | undefined> {
    const { text } = await fetchFrom({ socketPath: join(ward.lab.dir, 'run/operator.sock') }, '/metrics');
    return /^entramox_proxmox_writes_hindered (\d)$/m.exec(text)?.[1];
  }

  it('because user.cfg is full refuses the joiner and still locks the leaver', async () => {
    const { proxmox } = ward.lab;
    const leaver = 'newcomer844';
    const oid = await joins(leaver);
    await waitFor('the leaver to be', () => ward.provisioned(leaver));
    const before = ward.world();
    const fillers = fillUserCfg();

    await joins('newcomer845');
    await ward.shows('what fails', ({ failing }) => failing.some(({ problem }) => /1 MiB|full/.test(problem)));
    ward.lab.entra.directory.removeMember(ward.lab.groups.everybody, oid);

    await waitFor('the lock', () => ward.lockedOut(leaver), 30_000);
    expect(user('newcomer845')).toBeUndefined();
    for (const group of fillers) proxmox.removeGroup(group);
    expect(ward.world()).toEqual(before);
    expect((await resync('newcomer845')).code).toBe(0);
    expect((await resync(leaver)).code).toBe(0);
    expect(user(leaver)?.comment).toMatch(/left .*deletes \d{4}-/);
    await ward.welcomesNewcomer();
  });

  /** Leaves no byte in user.cfg; gives back the groups that fill it. */
  function fillUserCfg(): string[] {
    const { proxmox } = ward.lab;
    const made: string[] = [];
    for (let bytes = 100_000; bytes >= 1; ) {
      const group = `filler${made.length}`;
      try {
        proxmox.addGroup(group, { comment: 'f'.repeat(bytes) });
        made.push(group);
      } catch (error) {
        if (!/File too large/.test(String(error))) throw error;
        bytes = Math.floor(bytes / 2);
      }
    }
    return made;
  }
});

describe(`A managed Proxmox group that is missing${sides}`, () => {
  it('and is the base group is named with the command that makes it, and a leaver is locked all the same', async () => {
    const { proxmox } = ward.lab;
    const leaver = 'newcomer846';
    const oid = await joins(leaver);
    await waitFor('the leaver to be', () => ward.provisioned(leaver));
    const base = `entramox-${REALM}`;
    const members = proxmox.group(base)?.members ?? [];
    const rights = proxmox.acl().filter(({ path }) => path === `/access/groups/${base}`);
    proxmox.removeGroup(base);

    await sweep();

    expect((await ward.status()).problems.join('\n')).toContain(
      `the Proxmox group ${base} does not exist: pveum group add ${base}`,
    );
    expect((await ward.readyz()).status).toBe(503);
    expect(Object.keys(ward.people).every((name) => user(name)?.enabled)).toBe(true);
    ward.lab.entra.directory.removeMember(ward.lab.groups.everybody, oid);
    await waitFor('the lock', () => ward.lockedOut(leaver), 30_000);
    proxmox.addGroup(base, { members });
    proxmox.setAcl(...rights);
    expect((await sweep()).code).toBe(0);
    expect(user(leaver)).toMatchObject({ enabled: false, groups: [base] });
    await ward.welcomesNewcomer();
    expect((await ward.readyz()).status).toBe(200);
  });
});
