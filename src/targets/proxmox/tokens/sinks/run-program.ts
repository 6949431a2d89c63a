import { spawn } from 'node:child_process';
import { userInfo } from 'node:os';
import { messageOf, Rejected } from '../../../../domain/errors.js';
import { redactText } from '../../../../telemetry/redact.js';
import { signalGroup } from '../../signal-group.js';
import { excerpt } from '../../text.js';

export interface ProgramCall {
  /** Absolute path, then the arguments; nothing of it is a secret. */
  command: readonly [string, ...string[]];
  /** What is secret goes in here. */
  input: string | Uint8Array;
  timeoutMs: number;
  /** Besides PATH, HOME and the locale. */
  environment?: Readonly<Record<string, string>> | undefined;
}

export interface ProgramEnd {
  code: number;
  stdout: Buffer;
  /** What it said on standard error, on one line, without secrets. */
  said: string;
}

export type RunProgram = (call: ProgramCall) => Promise<ProgramEnd>;

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** A UUID, in Proxmox VE and Proxmox Backup Server alike. */
const SECRET_OF_PROXMOX = /[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/gi;
const MAX_OUTPUT_BYTES = 256 * 1024;
/** After its end, somebody it started may still hold the pipes. */
const PIPES_MS = 1_000;

/**
 * Runs a program to its end, whatever its exit code: no shell, nothing of our own environment, `/` as its directory, a
 * process group of its own that is ended with it at the time limit. Throws Rejected where it cannot be started, takes
 * too long, says too much or is killed.
 */
export function runProgram({ command, input, timeoutMs, environment = {} }: ProgramCall): Promise<ProgramEnd> {
  const [file, ...args] = command;
  return new Promise((resolve, reject) => {
    const env = { PATH, HOME: userInfo().homedir, LC_ALL: 'C.UTF-8', ...environment };
    const child = spawn(file, args, { cwd: '/', env, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
    const output: Buffer[] = [];
    const errors: Buffer[] = [];
    let size = 0;
    let refused: string | undefined;
    const endGroup = (why: string) => {
      refused ??= why;
      if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL');
      for (const pipe of child.stdio) pipe?.destroy();
    };
    const timer = setTimeout(() => endGroup(`did not end within ${timeoutMs / 1000} s and was killed`), timeoutMs);
    const take = (chunks: Buffer[]) => (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_OUTPUT_BYTES) endGroup(`said more than ${MAX_OUTPUT_BYTES} bytes and was killed`);
      else chunks.push(chunk);
    };
    child.stdout.on('data', take(output));
    child.stderr.on('data', take(errors));
    // A program that ends without reading its input is judged by its exit code, not by the broken pipe.
    child.stdin.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_DESTROYED')
        refused ??= `took no input: ${error.message}`;
    });
    child.stdin.end(input);
    let straggler: NodeJS.Timeout | undefined;
    child.once('exit', () => {
      straggler = setTimeout(() => endGroup('left a process behind that held its output'), PIPES_MS);
    });
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(new Rejected(`${file} could not be started: ${messageOf(error)}`));
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      clearTimeout(straggler);
      if (refused === undefined && code !== null) {
        resolve({ code, stdout: Buffer.concat(output), said: wordsOf(Buffer.concat(errors)) });
        return;
      }
      reject(new Rejected(`${file} ${refused ?? `was ended by ${signal}`}`));
    });
  });
}

/** What a program said, for a message. */
function wordsOf(errors: Buffer): string {
  // One that reads secrets may repeat a former one, which nobody here has seen yet.
  return excerpt(redactText(errors.toString('utf8')).replaceAll(SECRET_OF_PROXMOX, '[redacted]'), []);
}
