import { type ChildProcess, spawn } from 'node:child_process';
import { messageOf } from '../../../domain/errors.js';
import { MAX_ANSWER_BYTES } from '../answer.js';
import { signalGroup } from '../signal-group.js';
import type { PveshEnd } from './pvesh-answer.js';

export type PveshRun =
  | ({ kind: 'ended' } & PveshEnd)
  /** It was never there to do anything; `code` as the kernel gave it. */
  | { kind: 'not-started'; code: string; why: string }
  /** Ended by a signal, or by us for what it said: what it did is not known. */
  | { kind: 'killed'; why: string };

/** PVE reads its arguments in the encoding of the locale (JSONSchema, get_options); nothing of our own reaches it. */
const ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8', HOME: '/root' };
const MAX_ERROR_BYTES = 64 * 1024;
/** After its end, somebody it started may still hold the pipes. */
const PIPES_MS = 2_000;
/** Perl ends at SIGTERM; what hangs in the kernel gets the other. */
const PATIENCE_MS = 3_000;

/**
 * Runs pvesh with an argument array and no shell, in a process group of its own: an interrupt from the terminal does not
 * stop a write in the middle. Rejects with the signal's reason when it is aborted, and ends the program.
 */
export function runPvesh(command: string, args: readonly string[], signal: AbortSignal): Promise<PveshRun> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const child = spawn(command, args, {
      cwd: '/',
      env: ENVIRONMENT,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const stdout = collect(child.stdout, MAX_ANSWER_BYTES, () => endGroup(child));
    const stderr = collect(child.stderr, MAX_ERROR_BYTES);
    const onAbort = () => {
      endGroup(child);
      reject(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    const settle = (run: PveshRun) => {
      signal.removeEventListener('abort', onAbort);
      resolve(run);
    };
    child.once('error', (error: NodeJS.ErrnoException) => {
      // An error of a child that runs concerns its end, which comes by itself.
      if (child.pid === undefined) settle({ kind: 'not-started', code: error.code ?? '', why: messageOf(error) });
    });
    child.once('exit', () => {
      const timer = setTimeout(() => {
        child.stdout.destroy();
        child.stderr.destroy();
      }, PIPES_MS);
      child.once('close', () => clearTimeout(timer));
    });
    child.once('close', (code, by) => {
      if (stdout.isTooLong()) settle({ kind: 'killed', why: `it said more than ${MAX_ANSWER_BYTES} bytes` });
      else if (code === null) settle({ kind: 'killed', why: `it was ended by ${by}` });
      else settle({ kind: 'ended', code, stdout: stdout.text(), stderr: stderr.text() });
    });
  });
}

function collect(stream: NodeJS.ReadableStream, limitBytes: number, onTooLong: () => void = () => undefined) {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on('data', (chunk: Buffer) => {
    const before = size;
    size += chunk.length;
    if (size <= limitBytes) chunks.push(chunk);
    else if (before <= limitBytes) onTooLong();
  });
  return { text: () => Buffer.concat(chunks).toString('utf8'), isTooLong: () => size > limitBytes };
}

function endGroup(child: ChildProcess): void {
  signalRunning(child, 'SIGTERM');
  const timer = setTimeout(() => signalRunning(child, 'SIGKILL'), PATIENCE_MS);
  child.once('exit', () => clearTimeout(timer));
}

function signalRunning({ pid, exitCode, signalCode }: ChildProcess, name: NodeJS.Signals): void {
  if (pid !== undefined && exitCode === null && signalCode === null) signalGroup(pid, name);
}
