import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentError, errnoOf } from './errors.js';
import type { Run } from './exec.js';
import { readIfThere } from './if-there.js';

/**
 * Processes that run with this uid, or could take it again (real, effective, saved). No zombies. A server that only
 * looks at files in somebody's name (file system uid) is not that person's. Throws where /proc hides processes.
 */
export function processesOf(uid: number, procDirectory: string): number[] {
  if (!existsSync(join(procDirectory, '1/status'))) {
    throw new AgentError('failed', `${procDirectory} hides processes (hidepid; mount -o remount,gid=0 /proc helps)`);
  }
  return readdirSync(procDirectory)
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => isOf(uid, pid, procDirectory));
}

/**
 * Kills until nothing of this uid is left, for a few seconds at most; whoever asked looks again. The first stroke is
 * `kill -1` as the uid itself, which the kernel does in one go, so that a fork bomb cannot outrun it; the rest is
 * killed one by one as root, because a process may have changed its effective uid.
 */
export async function killProcesses(uid: number, run: Run, procDirectory: string): Promise<void> {
  const end = performance.now() + 3_000;
  for (let found = processesOf(uid, procDirectory); found.length > 0; found = processesOf(uid, procDirectory)) {
    if (performance.now() > end) return;
    await killAllAs(uid, run);
    // Its number may be somebody else's by now.
    for (const pid of found) if (isOf(uid, pid, procDirectory)) killOne(pid);
    await sleep(5);
  }
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

function isOf(uid: number, pid: number, procDirectory: string): boolean {
  // It may end between the listing and the look.
  const status = readIfThere(join(procDirectory, String(pid), 'status')) ?? '';
  if (/^State:\s+[ZX]/m.test(status)) return false;
  const [real, effective, saved] = (/^Uid:\s+(.*)$/m.exec(status)?.[1] ?? '').split(/\s+/).map(Number);
  return real === uid || effective === uid || saved === uid;
}
