import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from '../integration/sandbox/index.js';

export const PROGRAM = join(REPOSITORY, 'dist/entramox.js');

export interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A built daemon as a child process. */
export interface Daemon {
  child: ChildProcess;
  logFile: string;
  /** Resolves with the exit code, or null after a kill. */
  exited: Promise<number | null>;
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Starts a long-lived command of the built program, behind `wrapper` where one is given; its log goes to a file. */
export function startDaemon(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  logFile: string,
  wrapper: readonly string[] = [],
): Daemon {
  const [file = process.execPath, ...rest] = [...wrapper, process.execPath, PROGRAM, ...args];
  const child = spawn(file, rest, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const log = createWriteStream(logFile, { flags: 'a' });
  child.stdout?.pipe(log, { end: false });
  child.stderr?.pipe(log, { end: false });
  const exited = new Promise<number | null>((resolve) => {
    child.once('exit', (code) => {
      log.end();
      resolve(code);
    });
  });
  return {
    child,
    logFile,
    exited,
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
      const code = await exited;
      clearTimeout(timer);
      return code;
    },
  };
}

/** Runs a command of the built program to its end. */
export function runProgram(args: readonly string[], env: NodeJS.ProcessEnv, deadlineMs = 120_000): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [PROGRAM, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const texts = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      texts.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      texts.stderr += text;
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), deadlineMs);
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, ...texts });
    });
  });
}
