import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BARE_ENVIRONMENT } from '../../telemetry/bare-environment.js';

export interface KernelLock {
  release(): void;
}

/** flock(1)'s exit code when somebody else holds the lock; chosen by us with -E. */
const HELD = 75;

/**
 * A lock that the kernel gives up when we die, however we die: a `flock` child holds it for as long as our end of its
 * stdin is open. Throws when another process holds it, and where the path is a link: the directory may belong to
 * somebody with fewer rights than ours, who could so have us make a file wherever it leads.
 */
export async function takeKernelLock(path: string, who: string): Promise<KernelLock> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  const { O_RDONLY, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
  const file = await open(path, O_RDONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o644).catch((error: Error) => {
    throw new Error(`the lock ${path} cannot be taken: ${error.message}`);
  });
  const command = `flock --exclusive --nonblock --conflict-exit-code ${HELD} 3 || exit $?; echo held; exec cat`;
  const child = spawn('sh', ['-c', command], { env: BARE_ENVIRONMENT, stdio: ['pipe', 'pipe', 'inherit', file.fd] });
  // Listened for before anything else is awaited: a child that is refused may be gone a millisecond later.
  const held = new Promise<void>((resolve, reject) => {
    child.once('error', (error) => reject(new Error(`cannot run sh and flock: ${error.message}`)));
    child.once('exit', (code) => {
      const why = code === HELD ? `another ${who} is running` : `flock ended with ${code}`;
      reject(new Error(`${why}: the lock ${path} cannot be taken`));
    });
    child.stdout?.once('data', () => resolve());
  });
  // The child has it open, too, and holds the lock from here on.
  await Promise.all([held, file.close()]);
  child.removeAllListeners('exit');
  child.stdout?.destroy();
  child.unref();
  return { release: () => void child.stdin?.end() };
}
