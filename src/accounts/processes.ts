import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentError, errnoOf } from './errors.js';
import type { Run } from './exec.js';
import { readIfThere } from './if-there.js';
import { isSubordinate, type SubordinateRange } from './subordinate.js';

/** Whose processes are looked for. */
export interface Owner {
  uid: number;
  /** Uids that the owner may take in a user namespace of their own. */
  subordinate: readonly SubordinateRange[];
}

/** One process of an owner, as /proc shows it. */
export interface OwnProcess {
  pid: number;
  command: string;
  /** `uid`: it runs as the owner. `session`: it only runs in a login of theirs, as root after sudo for example. */
  by: 'uid' | 'session';
  /** The control group, when that is none of the owner's own logins: a system service, cron, a container. */
  elsewhere: string | undefined;
  /** It has a process namespace of its own, as in a container. */
  nested: boolean;
}

/**
 * Processes that run with this uid, or could take it again (real, effective, saved), those with one of its subordinate
 * uids, and all of its login sessions and its user manager, whatever uid they have by now. No zombies. A server that
 * only looks at files in somebody's name (file system uid) is not that person's. Throws where /proc hides processes.
 */
export function ownProcesses(owner: Owner, procDirectory: string): OwnProcess[] {
  if (!existsSync(join(procDirectory, '1/status'))) {
    throw new AgentError('failed', `${procDirectory} hides processes (hidepid; mount -o remount,gid=0 /proc helps)`);
  }
  const sessions = sessionsOf(owner.uid, procDirectory);
  return readdirSync(procDirectory)
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => look({ ...owner, sessions }, Number(name), procDirectory) ?? []);
}

/** The numbers of the processes that run with this uid, or could take it again. Throws where /proc hides processes. */
export function processesOf(uid: number, procDirectory: string): number[] {
  return ownProcesses({ uid, subordinate: [] }, procDirectory)
    .filter(({ by }) => by === 'uid')
    .map(({ pid }) => pid);
}

/** How long it may take until nothing is left. */
const KILL_LIMIT_MS = 3_000;
/** What only attends to a login, such as its sshd, ends by itself and cleans up when it may. */
const ATTENDANT_LIMIT_MS = 500;

/**
 * Kills until nothing of the owner is left, for a few seconds at most, and returns what it met; whoever asked looks
 * again. The first stroke is `kill -1` as the uid itself, which the kernel does in one go, so that a fork bomb cannot
 * outrun it; the rest is killed one by one as root, because a process may have changed its effective uid.
 */
export async function killProcesses(owner: Owner, run: Run, procDirectory: string): Promise<OwnProcess[]> {
  const begin = performance.now();
  const sessions = sessionsOf(owner.uid, procDirectory);
  const met = new Map<number, OwnProcess>();
  for (let found = ownProcesses(owner, procDirectory); found.length > 0; found = ownProcesses(owner, procDirectory)) {
    const elapsedMs = performance.now() - begin;
    if (elapsedMs > KILL_LIMIT_MS) break;
    for (const one of found) met.set(one.pid, one);
    if (found.some(({ by }) => by === 'uid')) await killAllAs(owner.uid, run);
    for (const { pid, by } of found) {
      if (by === 'session' && elapsedMs < ATTENDANT_LIMIT_MS) continue;
      // Its number may be somebody else's by now.
      if (look({ ...owner, sessions }, pid, procDirectory)) killOne(pid);
    }
    await sleep(5);
  }
  return [...met.values()];
}

async function killAllAs(uid: number, run: Run): Promise<void> {
  try {
    // Ends by its own signal when it worked, so any outcome is fine; the next look at /proc decides. Being of that
    // uid, it can be stopped by those it is to kill.
    await run('kill', ['-KILL', '--', '-1'], { uid, timeoutMs: 500 });
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
  }
}

function killOne(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH') throw error;
  }
}

function look(owner: Owner & { sessions: string }, pid: number, procDirectory: string): OwnProcess | undefined {
  // It may end between the listing and the look.
  const status = readIfThere(join(procDirectory, String(pid), 'status')) ?? '';
  if (/^State:\s+[ZX]/m.test(status)) return undefined;
  const uids = (/^Uid:\s+(.*)$/m.exec(status)?.[1] ?? '').split(/\s+/).map(Number).slice(0, 3);
  const isOwn = uids.some((uid) => uid === owner.uid || isSubordinate(owner.subordinate, uid));
  const group = controlGroup(readIfThere(join(procDirectory, String(pid), 'cgroup')) ?? '');
  const isInSession = isSessionOf(owner, group);
  if (!isOwn && !isInSession) return undefined;
  return {
    pid,
    command: /^Name:\s+(.*)$/m.exec(status)?.[1] ?? '?',
    by: isOwn ? 'uid' : 'session',
    elsewhere: isInSession || group === '' ? undefined : group,
    nested: (/^NSpid:\s+(.*)$/m.exec(status)?.[1] ?? '').trim().split(/\s+/).length > 1,
  };
}

/** The path that systemd gave it: in the one hierarchy of today, or in its own of the former kind. */
function controlGroup(text: string): string {
  const paths = [/^0::(.*)$/m, /^\d+:name=systemd:(.*)$/m].map((line) => line.exec(text)?.[1] ?? '');
  return paths.find((path) => path !== '' && path !== '/') ?? '';
}

/**
 * Where systemd keeps the logins of a uid: below its own root. A container has another systemd, whose users are other
 * people, and its groups are seen from here under a path of their own.
 */
function sessionsOf(uid: number, procDirectory: string): string {
  const init = controlGroup(readIfThere(join(procDirectory, '1/cgroup')) ?? '');
  const root = init.endsWith('/init.scope') ? init.slice(0, -'/init.scope'.length) : '';
  return `${root}/user.slice/user-${uid}.slice/`;
}

function isSessionOf({ uid, sessions }: { uid: number; sessions: string }, group: string): boolean {
  // The service that takes /run/user/UID away ends by itself, and leaves a mount behind when it cannot.
  return group.startsWith(sessions) && !group.includes(`/user-runtime-dir@${uid}.service`);
}
