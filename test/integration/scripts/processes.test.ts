import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

interface Ended {
  code: number;
  timedOut: boolean;
  output: string;
}

const url = new URL('../../../scripts/lib/processes.mjs', import.meta.url).href;
const { run } = (await import(/* @vite-ignore */ url)) as {
  run(command: string, args: string[], options: { cwd: string; timeoutMs: number; capture: boolean }): Promise<Ended>;
};

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'entramox-run-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function isAlive(pid: number): boolean {
  // A zombie whose parent has not looked at it yet is as dead as one that is gone.
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8', timeout: 10_000 });
  return stdout.trim() !== '' && !stdout.startsWith('Z');
}

describe('a command that a script runs', () => {
  it('hands back its exit code and both its streams', async () => {
    const ended = await run('sh', ['-c', 'echo out; echo err >&2; exit 7'], {
      cwd: folder,
      timeoutMs: 30_000,
      capture: true,
    });

    expect(ended).toMatchObject({ code: 7, timedOut: false });
    expect(ended.output.split('\n').sort()).toEqual(['', 'err', 'out']);
  });

  it('is told apart when it does not exist', async () => {
    const ended = await run('entramox-no-such-program', [], { cwd: folder, timeoutMs: 30_000, capture: true });

    expect(ended.code).toBe(127);
    expect(ended.output).toContain('entramox-no-such-program');
  });

  it('is ended with everything that it started, when its time is up', async () => {
    const script = 'sleep 600 & echo $! > child; sleep 600';

    const ended = await run('sh', ['-c', script], { cwd: folder, timeoutMs: 2_000, capture: true });
    const child = Number(readFileSync(join(folder, 'child'), 'utf8'));

    expect(ended).toMatchObject({ timedOut: true });
    await expect.poll(() => isAlive(child), { timeout: 10_000 }).toBe(false);
  });

  it('leaves nothing behind in the background', async () => {
    const script = 'sleep 600 >/dev/null 2>&1 & echo $! > child';

    const ended = await run('sh', ['-c', script], { cwd: folder, timeoutMs: 30_000, capture: true });
    const child = Number(readFileSync(join(folder, 'child'), 'utf8'));

    expect(ended).toMatchObject({ code: 0, timedOut: false });
    await expect.poll(() => isAlive(child), { timeout: 10_000 }).toBe(false);
  });
});
