import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf } from './errors.js';
import type { Run } from './exec.js';

/** Processes that run with this uid in any of its four roles (real, effective, saved, file system). No zombies. */
export function processesOf(uid: number, procDirectory: string): number[] {
  return readdirSync(procDirectory)
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => isOf(uid, join(procDirectory, name, 'status')))
    .map(Number);
}

/**
 * Kills until nothing of this uid is left, for at most two seconds, and returns what is left. The first stroke is
 * `kill -1` as the uid itself, which the kernel does in one go, so that a fork bomb cannot outrun it; the rest is
 * killed one by one as root, because a process may have changed its effective uid.
 */
export async function killProcesses(uid: number, run: Run, procDirectory: string): Promise<number[]> {
  for (let round = 0; round < 40; round += 1) {
    const found = processesOf(uid, procDirectory);
    if (found.length === 0) return [];
    if (found.length > 1 || round > 0) await killAllAs(uid, run);
    for (const pid of found) killOne(pid);
    await sleep(round < 5 ? 5 : 50);
  }
  return processesOf(uid, procDirectory);
}

async function killAllAs(uid: number, run: Run): Promise<void> {
  try {
    // Ends by its own signal when it worked, so any outcome is fine; the next look at /proc decides.
    await run('kill', ['-KILL', '--', '-1'], { uid, timeoutMs: 5_000 });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
  }
}

function killOne(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH') throw error;
  }
}

function isOf(uid: number, statusFile: string): boolean {
  try {
    const status = readFileSync(statusFile, 'utf8');
    if (/^State:\s+[ZX]/m.test(status)) return false;
    const ids = /^Uid:\s+(.*)$/m.exec(status)?.[1] ?? '';
    return ids.split(/\s+/).map(Number).includes(uid);
  } catch (error) {
    // It ended between the listing and the look.
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ESRCH') return false;
    throw error;
  }
}
