import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Reply } from '../../../src/accounts/protocol.js';
import type { Ask } from '../../../src/targets/linux/accounts-client.js';
import { REPOSITORY, sandboxUnavailable } from '../sandbox/index.js';
import { createLab, type Lab } from './lab.js';
import { startRaw } from './raw.js';

/**
 * Who dies: the tool that changes an account file; that tool and with it the agent; or the agent in a call of its own.
 * A tool that outlives its agent is no case of its own: it ends its work, and the next agent finds it done.
 */
export type Victim = 'tool' | 'tool and agent' | 'agent';

/** The calls of the kernel at which somebody dies, as strace spells them on every architecture. */
const CALLS = {
  rename: ['rename', 'renameat', 'renameat2'],
  link: ['link', 'linkat'],
  unlink: ['unlink', 'unlinkat'],
  fsync: ['fsync', 'fdatasync'],
  mkdir: ['mkdir', 'mkdirat'],
  chown: ['chown', 'lchown', 'fchown', 'fchownat'],
} as const;

export type Call = keyof typeof CALLS;

/** A moment: right before the n-th call of one name, by the agent or by one run of a tool, counted from 1. */
export interface Moment {
  call: Call;
  name: string;
  by: 'agent' | number;
  at: number;
}

export interface KillingLab extends Lab {
  save(name: string): Promise<void>;
  restore(name: string): Promise<void>;
  /** Everything that the agent may change, normalised so that two runs can be compared. */
  show(): Promise<string>;
  /** Asks an agent of its own, behind a command where one is given, with nobody killed. */
  request(request: Ask, ...prefix: string[]): Promise<Reply>;
  /** The same; throws for a refusal. */
  do(request: Ask): Promise<void>;
  /** The same, and every moment at which somebody can be killed. */
  rehearse(request: Ask): Promise<Moment[]>;
  /**
   * From a saved state asks while somebody is killed, then asks the same again: the agent that lives, or the next
   * one. Resolves with both replies; the first is undefined where the agent died.
   */
  kill(from: string, victim: Victim, moment: Moment, request: Ask): Promise<{ first?: Reply; second: Reply }>;
}

/** nsenter stops itself with a child that is stopped, and would never hear of its end; a shell does not. */
const SHELTER = ['sh', '-c', '"$@"; exit $?', 'sh'];

const DIRECTORY = join(REPOSITORY, 'test/integration/accounts');

/** Why nobody can be killed here; undefined where it is possible. */
export function killingUnavailable(): string | undefined {
  const unavailable = sandboxUnavailable();
  if (unavailable) return unavailable;
  return spawnSync('strace', ['-V'], { timeout: 10_000 }).status === 0 ? undefined : 'needs strace (Debian: strace)';
}

/** A private root in which every tool that changes the account files can be killed at any call. */
export async function createKillingLab(): Promise<KillingLab> {
  const lab = await createLab();
  const inside = async (...args: string[]): Promise<string> => {
    const { code, stdout } = await lab.sandbox.exec(['/bin/bash', '/opt/kills/killing.sh', ...args]);
    if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}: ${stdout}`);
    return stdout.trim();
  };
  await lab.shell('mkdir -p /opt/kills');
  lab.write('/opt/kills/killing.sh', readFileSync(join(DIRECTORY, 'killing.sh'), 'utf8'));
  lab.write('/opt/kills/wrapper.sh', readFileSync(join(DIRECTORY, 'kill-wrapper.sh'), 'utf8'));
  await inside('install');
  const words = lab.agent();
  const way = lab.sandbox.command([]).length;

  function start(request: Ask, ...prefix: string[]) {
    const agent = startRaw([...words.slice(0, way), ...prefix, ...words.slice(way)]);
    agent.write(`${JSON.stringify({ id: 1, ...request })}\n`);
    return agent;
  }

  /** Without -f it follows the main thread alone, in which all the file work of the agent is done. */
  function underStrace(calls: string, inject: string[] = []): string[] {
    return ['strace', '-qq', '-o', '/run/kills/agent-trace', '-e', 'signal=none', '-e', `trace=${calls}`, ...inject];
  }

  async function request(asked: Ask, ...prefix: string[]): Promise<Reply> {
    const agent = start(asked, ...prefix);
    const reply = await agent.next();
    await agent.end();
    return reply;
  }

  async function ask(asked: Ask, ...prefix: string[]): Promise<void> {
    const reply = await request(asked, ...prefix);
    if (!reply.ok) throw new Error(reply.error.message);
  }

  return {
    ...lab,
    save: async (name) => void (await inside('save', name)),
    restore: async (name) => void (await inside('restore', name, 'nobody')),
    show: () => inside('show'),
    request,
    do: (asked) => ask(asked),
    async rehearse(request) {
      const everything = spelled(Object.values(CALLS).flat());
      await inside('plan', 'rehearsal', '0', everything);
      await ask(request, ...underStrace(everything));
      return momentsOf(await inside('calls'));
    },
    async kill(from, victim, { name, by, at }, request) {
      const calls = spelled([name]);
      const dead = victim === 'tool' ? 'tool' : 'agent';
      await inside('restore', from, ...(by === 'agent' ? ['nobody'] : ['kill', `${by}`, calls, `${at}`, dead]));
      const inject = ['-e', `inject=${calls}:signal=SIGKILL:when=${at}`];
      const agent = by === 'agent' ? start(request, ...underStrace(calls, inject)) : start(request, ...SHELTER);
      const first = await agent.next().catch(() => undefined);
      if (first) {
        agent.write(`${JSON.stringify({ id: 2, ...request })}\n`);
        const second = await agent.next();
        await agent.end();
        return { first, second };
      }
      await agent.end();
      const next = start(request);
      const second = await next.next();
      await next.end();
      return { second };
    },
  };
}

/** A call that this architecture does not have is no error. */
function spelled(names: readonly string[]): string {
  return names.map((name) => `?${name}`).join(',');
}

function momentsOf(text: string): Moment[] {
  const counts = new Map<string, number>();
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [by = '', name = ''] = line.split(' ');
      const at = (counts.get(line) ?? 0) + 1;
      counts.set(line, at);
      const call = (Object.keys(CALLS) as Call[]).find((key) => (CALLS[key] as readonly string[]).includes(name));
      if (!call) throw new Error(`strace told of ${name}, which was not asked for`);
      return { call, name, by: by === 'agent' ? 'agent' : Number(by), at };
    });
}
