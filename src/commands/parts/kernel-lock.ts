import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BARE_ENVIRONMENT } from '../../telemetry/bare-environment.js';

export interface KernelLock {
  release(): void;
}

/** flock(1)'s exit code when somebody else holds the lock; chosen by us with -E. */
const HELD = 75;

/**
 * A lock that the kernel gives up when we die, however we die: a `flock` child holds it for as long as our end of its
 * stdin is open. Throws when another process holds it.
 */
export async function takeKernelLock(path: string, who: string): Promise<KernelLock> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  const command = [
    '--exclusive',
    '--nonblock',
    '--conflict-exit-code',
    String(HELD),
    path,
    'sh',
    '-c',
    'echo held; exec cat',
  ];
  const child = spawn('flock', command, { env: BARE_ENVIRONMENT, stdio: ['pipe', 'pipe', 'inherit'] });
  await new Promise<void>((resolve, reject) => {
    child.once('error', (error) => reject(new Error(`cannot run flock (package util-linux): ${error.message}`)));
    child.once('exit', (code) => {
      const why = code === HELD ? `another ${who} is running` : `flock ended with ${code}`;
      reject(new Error(`${why}: the lock ${path} cannot be taken`));
    });
    child.stdout.once('data', () => resolve());
  });
  child.removeAllListeners('exit');
  child.stdout.destroy();
  child.unref();
  return { release: () => child.stdin.end() };
}
