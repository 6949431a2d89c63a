import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { takeKernelLock } from '../../src/commands/parts/kernel-lock.js';
import { waitFor } from '../lab/wait.js';

const slowToClose = vi.hoisted(() => ({ ms: 0 }));

vi.mock('node:fs/promises', async (importActual) => {
  const actual = await importActual<typeof import('node:fs/promises')>();
  async function open(...args: Parameters<typeof actual.open>) {
    const handle = await actual.open(...args);
    const close = handle.close.bind(handle);
    handle.close = () => delay(slowToClose.ms).then(close);
    return handle;
  }
  return { ...actual, open };
});

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'entramox-lock-'));
});
afterEach(() => {
  slowToClose.ms = 0;
  rmSync(dir, { recursive: true, force: true });
});

describe('the lock of a process', () => {
  it('keeps everybody else out until it is given back', async () => {
    const path = join(dir, 'run', 'it.lock');
    const lock = await takeKernelLock(path, 'reconciler');

    await expect(takeKernelLock(path, 'reconciler')).rejects.toThrow(/another reconciler is running/);
    lock.release();

    const isFree = () => {
      try {
        execFileSync('flock', ['--nonblock', path, 'true']);
        return true;
      } catch {
        return false;
      }
    };
    await waitFor('the lock to be free', isFree);
    (await takeKernelLock(path, 'reconciler')).release();
  });

  it('is refused also where the answer comes before its own file is closed', async () => {
    const path = join(dir, 'it.lock');
    const lock = await takeKernelLock(path, 'reconciler');
    slowToClose.ms = 500;

    const refused = takeKernelLock(path, 'reconciler').catch((error: Error) => error.message);
    const outcome = await Promise.race([refused, delay(20_000, 'no answer')]);

    lock.release();
    expect(outcome).toMatch(/another reconciler is running/);
  });

  it('is never taken through a link, nor makes what the link names', async () => {
    const path = join(dir, 'it.lock');
    symlinkSync(join(dir, 'nologin'), path);

    await expect(takeKernelLock(path, 'reconciler')).rejects.toThrow(/it\.lock cannot be taken/);

    expect(existsSync(join(dir, 'nologin'))).toBe(false);
  });
});
