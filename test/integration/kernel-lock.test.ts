import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { takeKernelLock } from '../../src/commands/parts/kernel-lock.js';
import { waitFor } from '../lab/wait.js';

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'entramox-lock-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

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

  it('is never taken through a link, nor makes what the link names', async () => {
    const path = join(dir, 'it.lock');
    symlinkSync(join(dir, 'nologin'), path);

    await expect(takeKernelLock(path, 'reconciler')).rejects.toThrow(/it\.lock cannot be taken/);

    expect(existsSync(join(dir, 'nologin'))).toBe(false);
  });
});
