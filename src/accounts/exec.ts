import { spawn } from 'node:child_process';
import { AgentError, errnoOf } from './errors.js';
import { rootOnlyProblem } from './root-only.js';

/** The only programs the agent ever starts, by their pinned paths. */
const TOOLS = {
  useradd: '/usr/sbin/useradd',
  usermod: '/usr/sbin/usermod',
  userdel: '/usr/sbin/userdel',
  groupadd: '/usr/sbin/groupadd',
  groupdel: '/usr/sbin/groupdel',
  chpasswd: '/usr/sbin/chpasswd',
  chage: '/usr/bin/chage',
  gpasswd: '/usr/bin/gpasswd',
  visudo: '/usr/sbin/visudo',
  sudo: '/usr/bin/sudo',
  tar: '/usr/bin/tar',
  find: '/usr/bin/find',
  rm: '/usr/bin/rm',
  getent: '/usr/bin/getent',
  loginctl: '/usr/bin/loginctl',
  kill: '/usr/bin/kill',
  perl: '/usr/bin/perl',
} as const;

export type Tool = keyof typeof TOOLS;

/** Absent on hosts without systemd or procps, and perl outside of Debian; the agent then does without. */
const OPTIONAL: ReadonlySet<Tool> = new Set<Tool>(['loginctl', 'kill', 'perl']);

export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
  /** Why the tool was not even started; the exit code is that of a failure then. */
  notStarted?: string;
  /** What the operator can do where the host is why it failed; after that the same call may succeed. */
  remedy?: string;
}

export interface RunOptions {
  input?: string;
  /** Default 60 s: the shadow tools wait up to 15 s for each other. */
  timeoutMs?: number;
  /** Write stdout into this open file instead of returning it. */
  stdoutFd?: number;
  /** Run as this uid and gid. */
  uid?: number;
  /** Told of the process number as soon as there is one. */
  onStart?: (pid: number) => void;
}

/**
 * Runs one tool with an argument array, an own clean environment and no shell, and returns its outcome whatever the
 * exit code. Throws AgentError `failed` when it cannot be started, `busy` when it took too long and was killed.
 */
export type Run = (tool: Tool, args: readonly string[], options?: RunOptions) => Promise<Outcome>;

/** What every program is started with; nothing of our own environment reaches it. */
export const ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', HOME: '/' };
const MAX_OUTPUT_CHARS = 64 * 1024;

/** What is wrong with the pinned programs, in words; empty where everything is in order. */
export function toolProblems(): string[] {
  return (Object.keys(TOOLS) as Tool[]).flatMap((tool) => {
    const problem = rootOnlyProblem(TOOLS[tool]);
    return problem === undefined || (problem === 'missing' && OPTIONAL.has(tool)) ? [] : [`${TOOLS[tool]}: ${problem}`];
  });
}

/** The pinned path of a program. Throws AgentError `failed` for one that is missing or that others could change. */
export function pathOf(tool: Tool): string {
  const path = TOOLS[tool];
  const problem = rootOnlyProblem(path);
  if (problem) throw new AgentError('failed', `${path} is not run: ${problem}`);
  return path;
}

/** The real seam. Each program is checked before its first use. */
export function createRun(): Run {
  const checked = new Map<Tool, string>();
  return async (tool, args, options = {}) => {
    const path = checked.get(tool) ?? pathOf(tool);
    checked.set(tool, path);
    return start(path, args, options);
  };
}

/**
 * Runs a tool that must succeed; throws AgentError with its words for any exit code but those allowed: `busy` where the
 * disk or a lock was in its way, else `failed`.
 */
export async function mustRun(
  run: Run,
  tool: Tool,
  args: readonly string[],
  options: RunOptions & { codes?: readonly number[] } = {},
): Promise<Outcome> {
  const outcome = await run(tool, args, options);
  if ((options.codes ?? [0]).includes(outcome.code)) return outcome;
  throw failureOf(tool, outcome);
}

/** What `mustRun` throws for an outcome. */
export function failureOf(tool: Tool, { code, stderr, notStarted, remedy }: Outcome): AgentError {
  const words = stderr
    .trim()
    .replaceAll(/\s*\n\s*/g, '; ')
    .slice(0, 300);
  const what = notStarted ? `was not started: ${notStarted}` : `ended with ${code}: ${words || 'it said nothing'}`;
  return new AgentError(remedy ? 'busy' : 'failed', `${tool} ${what}`, remedy);
}

function start(path: string, args: readonly string[], options: RunOptions): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(path, args, {
      cwd: '/',
      env: ENVIRONMENT,
      // A session of its own: an interrupt from a terminal must not stop useradd in the middle.
      detached: true,
      stdio: ['pipe', options.stdoutFd ?? 'pipe', 'pipe'],
      ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
    });
    if (child.pid !== undefined) options.onStart?.(child.pid);
    const timeoutMs = options.timeoutMs ?? 60_000;
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
      // Somebody else may hold the other ends of the pipes, and nobody must wait for him.
      for (const pipe of child.stdio) pipe?.destroy();
    }, timeoutMs);
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      if (stdout.length < MAX_OUTPUT_CHARS) stdout += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      if (stderr.length < MAX_OUTPUT_CHARS) stderr += text;
    });
    // A tool that ends without reading its input is judged by its exit code, not by the broken pipe.
    child.stdin?.on('error', (error) => {
      stderr += errnoOf(error) === 'EPIPE' ? '' : ` ${error.message}`;
    });
    child.stdin?.end(options.input ?? '');
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(new AgentError('failed', `${path} could not be started: ${error.message}`));
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (late) reject(new AgentError('busy', `${path} did not end within ${timeoutMs / 1000} s and was killed`));
      else if (code === null) reject(new AgentError('failed', `${path} was ended by ${signal}`));
      else resolve({ code, stdout, stderr });
    });
  });
}
