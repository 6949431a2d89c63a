import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { PROGRAM } from '../lab/program.js';

export interface MeasuredRun {
  code: number | null;
  stdout: string;
  stderr: string;
  /** From the start of the process to its end. */
  seconds: number;
  /** The largest resident size (VmHWM) of the program itself. */
  peakMb: number;
  /** The same of its account agent, which is a process of its own; 0 where it had none. */
  agentPeakMb: number;
}

const LOOK_EVERY_MS = 10;

/** Runs the built program to its end and watches how large it and its children grow. */
export function measuredRun(args: readonly string[], env: NodeJS.ProcessEnv, deadlineMs: number): Promise<MeasuredRun> {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const child = spawn(process.execPath, [PROGRAM, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const texts = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        texts[name] += text;
      });
    }
    const pid = child.pid ?? 0;
    let peakKb = 0;
    let agentPeakKb = 0;
    const watch = setInterval(() => {
      peakKb = Math.max(peakKb, peakOf(pid));
      agentPeakKb = Math.max(agentPeakKb, ...descendants(pid).map(peakOf));
    }, LOOK_EVERY_MS);
    const deadline = setTimeout(() => child.kill('SIGKILL'), deadlineMs);
    child.once('error', reject);
    child.once('close', (code) => {
      clearInterval(watch);
      clearTimeout(deadline);
      const seconds = (performance.now() - startedAt) / 1000;
      resolve({ code, ...texts, seconds, peakMb: peakKb / 1024, agentPeakMb: agentPeakKb / 1024 });
    });
  });
}

/** Children, grandchildren and so on, as far as they live now. */
export function descendants(pid: number): number[] {
  const children = (readIfAlive(`/proc/${pid}/task/${pid}/children`) ?? '').split(' ').filter(Boolean).map(Number);
  return children.flatMap((child) => [child, ...descendants(child)]);
}

/** The command line of a process, empty where it has ended. */
export function commandOf(pid: number): string {
  return (readIfAlive(`/proc/${pid}/cmdline`) ?? '').replaceAll('\0', ' ');
}

function peakOf(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readIfAlive(`/proc/${pid}/status`) ?? '')?.[1] ?? 0);
}

function readIfAlive(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}
