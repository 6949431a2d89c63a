import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Clock } from '../../src/domain/clock.js';
import { openSpool } from '../../src/queue/spool.js';

const WORKER = fileURLToPath(new URL('./queue/worker.ts', import.meta.url));
const clock: Clock = { now: Date.now, sleep: () => Promise.reject(new Error('nothing here sleeps')) };

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'entramox-queue-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** Runs the worker on the spool and kills it without warning after so many lines; gives the whole lines it said. */
async function runAndKill(prefix: string, lines: number): Promise<string[]> {
  const worker = spawn(process.execPath, ['--import', 'tsx', WORKER, dir, prefix], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const said: string[] = [];
  const deadline = setTimeout(() => worker.kill('SIGKILL'), 30_000);
  createInterface(worker.stdout).on('line', (line) => {
    said.push(line);
    if (said.length === lines) worker.kill('SIGKILL');
  });
  await once(worker, 'close');
  clearTimeout(deadline);
  return said;
}

it('loses nothing that was put, however often the process is killed in the middle of work', async () => {
  const put = new Set<string>();
  const worked = new Set<string>();
  for (let round = 0; round < 8; round += 1) {
    const said = await runAndKill(`0000000${round}`, 20 + round * 61);
    for (const line of said) {
      const [word = '', key = ''] = line.split(' ');
      (word === 'put' ? put : worked).add(key);
    }
  }

  const queue = await openSpool({ dir, clock, log: () => undefined });
  for (let claims = await queue.claim(50); claims.length > 0; claims = await queue.claim(50)) {
    for (const claim of claims) {
      worked.add(claim.key);
      await queue.done(claim);
    }
  }

  expect(put.size).toBeGreaterThan(500);
  expect([...put].filter((key) => !worked.has(key))).toEqual([]);
  expect(await readdir(join(dir, 'processing'))).toEqual([]);
});
