import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { REALM } from '../lab/lab.js';
import { waitFor } from '../lab/wait.js';
import { openWard, type Ward, withoutLinux } from './bad-input-lab.js';

const POLICY = '/etc/entramox/accounts.policy.json';

let ward: Ward;
beforeAll(async () => {
  if (withoutLinux) return;
  ward = await openWard({ residents: ['alice', 'bob'], admins: ['bob'], settings: { CONFIRM_AFTER: '1h' } });
});
afterAll(() => ward?.close());

const inProxmox = (name: string) => ward.lab.proxmox.user(`${name}@example.com@${REALM}`)?.enabled;

/** The processes that a process started, as the kernel knows them. */
function childrenOf(pid: number | undefined): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}

/** Ends the agent that our daemon started, and nobody else's. */
function killAgent(): void {
  const agents = childrenOf(ward.daemon().child.pid).filter((pid) =>
    readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('accounts.js'),
  );
  expect(agents).not.toEqual([]);
  for (const pid of agents) process.kill(pid, 'SIGKILL');
}

async function inHost(...argv: string[]): Promise<void> {
  const done = await ward.host?.sandbox?.exec(argv);
  expect(done).toMatchObject({ code: 0 });
}

/** What everybody is told while the agent cannot be used. */
async function told(words: RegExp): Promise<void> {
  const { code, stdout } = await ward.lab.entramox('sweep', '--json');
  expect(code).toBe(4);
  expect(JSON.parse(stdout)).toMatchObject({ result: 'degraded', why: expect.stringMatching(words) });
  const status = await ward.lab.entramox('status');
  expect(status.code).toBe(4);
  expect(status.stdout).toMatch(words);
}

describe('An account agent that does not do its work', () => {
  beforeEach((context) => context.skip(withoutLinux !== undefined, withoutLinux));

  it('because it is not installed locks and makes nobody in Linux, and keeps nobody from Proxmox', async () => {
    const before = ward.world();
    await ward.restart({ ACCOUNTS_COMMAND: '["/nonexistent/accounts-agent","--stdio"]' });
    await ward.lab.ready();

    ward.lab.join('newcomer850');
    await waitFor('the joiner in Proxmox', () => inProxmox('newcomer850'));

    await told(/linux: .*\/nonexistent\/accounts-agent could not be started: .*ENOENT/);
    expect(ward.world()).toEqual(before);
    await ward.restart({ ACCOUNTS_COMMAND: JSON.stringify(ward.host?.agentCommand) });
    await ward.lab.ready();
    await waitFor('the account', () => ward.provisioned('newcomer850'), 30_000);
    await ward.welcomesNewcomer();
  });

  it('because it speaks no protocol is told what it said', async () => {
    const before = ward.world();
    const program = join(ward.lab.dir, 'impostor.mjs');
    writeFileSync(program, `console.log('{"id":1,"ok":true'); console.error('I am no agent'); process.exit(3);\n`);
    await ward.restart({ ACCOUNTS_COMMAND: JSON.stringify([process.execPath, program]) });
    await ward.lab.ready();

    ward.lab.join('newcomer851');
    await waitFor('the joiner in Proxmox', () => inProxmox('newcomer851'));

    await ward.heard('linux.agent.nonsense');
    await ward.heard('linux.agent.said', ({ line }) => line === 'I am no agent');
    await told(/linux: the account agent does not answer: .*code 3: I am no agent/);
    expect(ward.world()).toEqual(before);
    await ward.restart({ ACCOUNTS_COMMAND: JSON.stringify(ward.host?.agentCommand) });
    await ward.lab.ready();
    await waitFor('the account', () => ward.provisioned('newcomer851'), 30_000);
  });

  it('because it was killed is started again by the next request, and nobody notices', async () => {
    const before = ward.world();
    await ward.welcomesNewcomer();

    killAgent();

    await ward.heard('linux.agent.lost');
    await ward.welcomesNewcomer();
    expect(ward.world()).toEqual(before);
  });

  it('because root took its policy away is told, and goes on without a restart once it is back', async () => {
    const before = ward.world();
    await ward.welcomesNewcomer();
    await inHost('mv', POLICY, `${POLICY}.gone`);
    killAgent();

    ward.lab.join('newcomer852');
    await waitFor('the joiner in Proxmox', () => inProxmox('newcomer852'));

    await told(/linux: .*accounts\.policy\.json/);
    expect(ward.world()).toEqual(before);
    await inHost('mv', `${POLICY}.gone`, POLICY);
    expect(await ward.lab.entramox('resync', 'newcomer852@example.com')).toMatchObject({ code: 0 });
    expect(ward.provisioned('newcomer852')).toBe(true);
    await ward.welcomesNewcomer();
  });

  it('because its ceiling is reached is told, and Proxmox locks the leaver all the same', async () => {
    const before = ward.world();
    const { everybody } = ward.lab.groups;
    const leavers = ['newcomer853', 'newcomer854'];
    const oids = leavers.map((name) => ward.lab.join(name));
    await waitFor('the leavers to be', () => leavers.every(ward.provisioned));
    const policy = JSON.parse((await ward.host?.sandbox?.exec(['cat', POLICY]))?.stdout ?? '{}');
    const write = async (locksPerHour: number) => {
      const input = JSON.stringify({ ...policy, locksPerHour });
      await ward.host?.sandbox?.exec(['/bin/sh', '-c', `cat > ${POLICY}`], { input });
      killAgent();
    };
    await write(1);

    for (const oid of oids) ward.lab.entra.directory.removeMember(everybody, oid);

    await waitFor('their Proxmox locks', () => !leavers.some(inProxmox));
    const { failing } = await ward.shows('what fails', (status) => status.failing.length === 1);
    expect(failing[0]?.problem).toMatch(/linux: .*(ceiling|per hour|an hour)/);
    expect(leavers.filter((name) => ward.host?.account(name)?.locked)).toHaveLength(1);
    expect(ward.world()).toEqual(before);
    await write(10_000);
    expect((await ward.lab.entramox('sweep')).code).toBe(0);
    expect(leavers.every(ward.lockedOut)).toBe(true);
    await ward.welcomesNewcomer();
  });
});
