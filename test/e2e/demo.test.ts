import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Interrupted } from '../demo/interrupts.js';
import { observedIn, playStep } from '../demo/play.js';
import type { Sighting } from '../demo/sighting.js';
import { REPOSITORY, sandboxUnavailable } from '../integration/sandbox/index.js';
import { waitFor } from '../lab/wait.js';

const STEPS = [
  'joiner',
  'promotion to super-admin',
  'demotion',
  'Entra disable',
  'Entra enable',
  'leaver',
  'comeback',
  'leaver again',
  'deletion after the grace',
  'manual resync',
  'sweep finds a lost notification',
];

interface Summary {
  ok: boolean;
  linux: string;
  steps: { name: string; ok: boolean; seconds: number; observed: string }[];
}

describe('the demo', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'entramox-demo-'));
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('observes every step in a private root and leaves nothing behind', async (context) => {
    const obstacle = sandboxUnavailable();
    context.skip(obstacle !== undefined, obstacle);

    const { code, stdout, stderr } = await finished(startDemo(folder, ['--json']));

    expect(unseen(stdout), stderr).toEqual([]);
    expect(code).toBe(0);
    const summary: Summary = JSON.parse(stdout);
    expect(summary).toMatchObject({ ok: true, linux: 'private root' });
    expect(summary.steps.map(({ name }) => name)).toEqual(STEPS);
    const leaver = summary.steps.find(({ name }) => name === 'leaver');
    expect(leaver?.observed).toMatch(/locked.*sudo -l: no, running program ended.*session 401, token 401/);
    expect(leaver?.observed).toContain('lakeFS: no member');
    expect(remains(folder)).toEqual([]);
  });

  it('observes every step with the simulated agent, says that it is simulated, and leaves nothing behind', async () => {
    const { code, stdout, stderr } = await finished(startDemo(folder, ['--json', '--simulated']));

    expect(unseen(stdout), stderr).toEqual([]);
    expect(code).toBe(0);
    const summary: Summary = JSON.parse(stdout);
    expect(summary).toMatchObject({ ok: true, linux: 'SIMULATED agent' });
    expect(summary.steps.map(({ name }) => name)).toEqual(STEPS);
    expect(stderr).toContain('SIMULATED agent, no real accounts');
    expect(remains(folder)).toEqual([]);
  });

  it('leaves nothing behind when it is interrupted in the middle', async () => {
    const demo = startDemo(folder, ['--json']);
    const ended = finished(demo);
    await waitFor('the second step', () => demo.stderr().includes('promotion'), 60_000).catch(async (error) => {
      demo.child.kill('SIGTERM');
      await ended;
      throw error;
    });

    demo.child.kill('SIGINT');
    const { code, stdout } = await ended;

    expect(code).toBe(130);
    expect(JSON.parse(stdout)).toMatchObject({ ok: false });
    expect(remains(folder)).toEqual([]);
  });

  it('answers a wrong option with its usage', async () => {
    const { code, stdout, stderr } = await finished(startDemo(folder, ['--fast']));

    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain('--keep');
  });
});

describe('a step of the demo', () => {
  const options = { deadlineMs: 50, signal: new AbortController().signal, isHopeless: () => false };
  const sighting = (ok: boolean): Sighting => ({
    where: 'Linux',
    expected: 'locked',
    seen: ok ? 'locked' : 'open',
    ok,
  });
  const named = { name: 'leaver', happens: 'somebody leaves' };

  it('fails with what was seen instead when the target does not show it in time', async () => {
    const step = { ...named, act: async () => [], look: async () => [sighting(false)] };

    const result = await playStep(step, options);

    expect(result.ok).toBe(false);
    expect(observedIn(result)).toBe('Linux: open');
  });

  it('proves nothing when the target showed it before', async () => {
    const step = { ...named, act: async () => [], look: async () => [sighting(true)] };

    const result = await playStep(step, options);

    expect(result.ok).toBe(false);
    expect(result.problem).toContain('before it happened');
  });

  it('fails when its command failed, although the target shows the change', async () => {
    let done = false;
    const act = async (): Promise<string[]> => {
      done = true;
      throw new Error('entramox sweep ended with 1');
    };

    const result = await playStep({ ...named, act, look: async () => [sighting(done)] }, options);

    expect(result).toMatchObject({ ok: false, problem: 'entramox sweep ended with 1' });
  });

  it('ends at once when it is interrupted', async () => {
    const ending = new AbortController();
    const act = async (): Promise<string[]> => {
      ending.abort(new Interrupted('SIGINT', 130));
      return [];
    };
    const step = { ...named, act, look: async () => [sighting(false)] };

    const playing = playStep(step, { ...options, deadlineMs: 600_000, signal: ending.signal });

    await expect(playing).rejects.toBeInstanceOf(Interrupted);
  });
});

interface Demo {
  child: ChildProcess;
  stdout(): string;
  stderr(): string;
}

/** The demo as a child whose temporary files all lie in `folder`. */
function startDemo(folder: string, args: readonly string[]): Demo {
  const tsx = join(REPOSITORY, 'node_modules/.bin/tsx');
  const env = { PATH: process.env.PATH, HOME: folder, TMPDIR: folder };
  const child = spawn(tsx, ['test/demo/main.ts', ...args], { cwd: REPOSITORY, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text;
    });
  }
  return { child, stdout: () => texts.stdout, stderr: () => texts.stderr };
}

async function finished(demo: Demo): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const deadline = setTimeout(() => demo.child.kill('SIGTERM'), 110_000);
  const [code] = await once(demo.child, 'close');
  clearTimeout(deadline);
  return { code, stdout: demo.stdout(), stderr: demo.stderr() };
}

/** Names of the steps that were not observed. */
function unseen(stdout: string): string[] {
  const { steps }: Summary = JSON.parse(stdout);
  return steps.filter(({ ok, observed }) => !ok || observed === '').map(({ name }) => name);
}

/** What is left of a demo: files in its folder (but for what tsx keeps there), and processes that know of it. */
function remains(folder: string): string[] {
  const files = readdirSync(folder).filter((name) => name.startsWith('entramox-'));
  const processes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map((pid) => commandLine(pid))
    .filter((line) => line.includes(folder));
  return [...files, ...processes];
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch (error) {
    // It ended meanwhile.
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return '';
    throw error;
  }
}
