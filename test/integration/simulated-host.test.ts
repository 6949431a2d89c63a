import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSimulatedHost, type SimulatedHost } from '../lab/simulated-host.js';

const ALICE = '0a0a0a0a-0000-4000-8000-000000000001';
const BOB = '0b0b0b0b-0000-4000-8000-000000000002';

interface Reply {
  id: number | null;
  ok: boolean;
  result?: Record<string, unknown>;
  error?: { code: string; message: string };
}

describe('the simulated account agent', () => {
  let host: SimulatedHost;

  beforeEach(async () => {
    host = await createSimulatedHost({ deleteAfterSeconds: 0, allowedGroups: ['lab'] });
  });

  afterEach(() => host.destroy());

  it('makes an account that the state file shows, with the same uid for the same identity every time', async () => {
    const other = await createSimulatedHost();
    try {
      const [here] = await ask(host, [create(ALICE, 'alice')]);
      const [there] = await ask(other, [create(ALICE, 'alice')]);

      const account = host.account('alice');
      expect(account).toMatchObject({ gecos: 'Full Name', locked: false, expired: false, sudo: false, groups: [] });
      expect(here?.result).toEqual({ name: 'alice', uid: account?.uid });
      expect(there?.result).toEqual(here?.result);
    } finally {
      await other.destroy();
    }
  });

  it('takes everything away with a lock, and gives only the account back with an unlock', async () => {
    await ask(host, [
      create(ALICE, 'alice'),
      { verb: 'sudo', oid: ALICE, granted: true },
      { verb: 'groups', oid: ALICE, groups: ['lab'] },
    ]);
    expect(host.account('alice')).toMatchObject({ sudo: true, groups: ['lab'] });

    await ask(host, [{ verb: 'lock', oid: ALICE }]);
    const locked = host.account('alice');
    await ask(host, [{ verb: 'unlock', oid: ALICE }]);

    expect(locked).toMatchObject({ locked: true, expired: true, sudo: false, groups: [] });
    expect(host.account('alice')).toMatchObject({ locked: false, expired: false, sudo: false, groups: [] });
  });

  it('archives the home of a deleted account and never gives its name to somebody else', async () => {
    const replies = await ask(host, [
      create(ALICE, 'alice'),
      { verb: 'lock', oid: ALICE },
      { verb: 'delete', oid: ALICE },
      create(BOB, 'alice'),
    ]);

    const archive = replies[2]?.result?.archive;
    expect(archive).toEqual(expect.stringContaining(join(host.dir, 'archive', 'alice-')));
    expect(existsSync(String(archive))).toBe(true);
    expect(host.account('alice')).toBeUndefined();
    expect(replies[3]?.error?.code).toBe('conflict');
  });

  it('deletes nobody who is not locked, or was locked only lately', async () => {
    const patient = await createSimulatedHost({ deleteAfterSeconds: 3600 });
    try {
      const remove = { verb: 'delete', oid: ALICE };

      const replies = await ask(patient, [create(ALICE, 'alice'), remove, { verb: 'lock', oid: ALICE }, remove]);

      expect(replies.map((reply) => reply.error?.code)).toEqual([undefined, 'too-early', undefined, 'too-early']);
      expect(patient.account('alice')).toBeDefined();
    } finally {
      await patient.destroy();
    }
  });

  it.each([
    ['an identity that it does not know', { verb: 'lock', oid: BOB }, 'refused'],
    ['a group that its policy does not allow', { verb: 'groups', oid: ALICE, groups: ['wheel'] }, 'refused'],
    ['a name of the system', { verb: 'create', oid: BOB, name: 'root', gecos: '' }, 'conflict'],
    ['a name that is no name', { verb: 'create', oid: BOB, name: '../etc', gecos: '' }, 'invalid'],
    ['the name of somebody else', { verb: 'create', oid: BOB, name: 'alice', gecos: '' }, 'conflict'],
    ['a second name for one identity', { verb: 'create', oid: ALICE, name: 'alicia', gecos: '' }, 'conflict'],
    ['a verb that is none', { verb: 'exec', oid: ALICE }, 'invalid'],
    ['a field that does not belong there', { verb: 'lock', oid: ALICE, force: true }, 'invalid'],
    ['an object id that is a path', { verb: 'lock', oid: '../../etc' }, 'invalid'],
  ])('refuses %s and changes nothing', async (_, request, code) => {
    await ask(host, [create(ALICE, 'alice')]);
    const before = host.account('alice');

    const [reply] = await ask(host, [request]);

    expect(reply?.ok).toBe(false);
    expect(reply?.error?.code).toBe(code);
    expect(host.account('alice')).toEqual(before);
  });

  it('shows accounts and the standing of names', async () => {
    await ask(host, [create(ALICE, 'alice')]);

    const [reply] = await ask(host, [
      {
        verb: 'observe',
        names: [
          { oid: ALICE, name: 'alice' },
          { oid: BOB, name: 'bob' },
        ],
      },
    ]);

    expect(reply?.result).toMatchObject({
      accounts: [{ oid: ALICE, name: 'alice', state: 'whole', locked: false, shell: '/bin/bash' }],
      names: { [ALICE]: { name: 'alice', state: 'ours' }, [BOB]: { name: 'bob', state: 'free' } },
      troubles: [],
    });
  });
});

function create(oid: string, name: string): object {
  return { verb: 'create', oid, name, gecos: 'Full Name' };
}

/** Starts the agent, asks one after the other, and gives the replies once it has ended by itself. */
async function ask({ agentCommand }: SimulatedHost, requests: readonly object[]): Promise<Reply[]> {
  const [program = '', ...args] = agentCommand;
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'] });
  const deadline = setTimeout(() => child.kill('SIGKILL'), 20_000);
  child.stdin.end(requests.map((request, id) => `${JSON.stringify({ id, ...request })}\n`).join(''));
  const replies: Reply[] = [];
  for await (const line of createInterface({ input: child.stdout })) replies.push(JSON.parse(line));
  clearTimeout(deadline);
  expect(replies.map(({ id }) => id)).toEqual(requests.map((_, id) => id));
  return replies;
}
