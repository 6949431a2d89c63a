import { spawn } from 'node:child_process';

/** How long a process group has between the polite and the final signal. */
const GRACE_MS = 15_000;

/**
 * Runs one command in its own process group and waits for it. The group is ended when the time is up and when this
 * process is told to stop, so nothing is left behind.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd: string, timeoutMs: number, stdio?: import('node:child_process').StdioOptions, env?: NodeJS.ProcessEnv, capture?: boolean }} options
 *   `capture` collects both streams into `output` instead of passing them through.
 * @returns {Promise<{ code: number, timedOut: boolean, output: string }>} `code` is 128 + n where signal n ended it, and
 *   127 where the command could not be started.
 */
export function run(command, args, { cwd, timeoutMs, stdio = ['ignore', 'inherit', 'inherit'], env, capture = false }) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env,
      detached: true,
      stdio: capture ? ['ignore', 'pipe', 'pipe'] : stdio,
    });
    const chunks = [];
    let timedOut = false;
    let final;

    const stop = () => {
      signalGroup(child.pid, 'SIGTERM');
      final ??= setTimeout(() => signalGroup(child.pid, 'SIGKILL'), GRACE_MS);
    };
    const timer = setTimeout(() => {
      timedOut = true;
      stop();
    }, timeoutMs);
    const interrupts = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    for (const name of interrupts) process.on(name, stop);
    const finish = (code, extra = '') => {
      clearTimeout(timer);
      clearTimeout(final);
      for (const name of interrupts) process.off(name, stop);
      // Whatever the command left running in its group has no owner any more.
      signalGroup(child.pid, 'SIGKILL');
      resolve({ code, timedOut, output: Buffer.concat(chunks).toString('utf8') + extra });
    };

    child.stdout?.on('data', (chunk) => chunks.push(chunk));
    child.stderr?.on('data', (chunk) => chunks.push(chunk));
    child.on('error', (error) => finish(127, `${command}: ${error.message}\n`));
    child.on(capture ? 'close' : 'exit', (code, signal) => finish(code ?? 128 + signalNumber(signal)));
  });
}

function signalGroup(pid, signal) {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    // ESRCH: the group is empty, which is what we want. EPERM: what is left changed its user and is not ours to end.
    if (error.code !== 'ESRCH' && error.code !== 'EPERM') throw error;
  }
}

function signalNumber(signal) {
  return { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 }[signal] ?? 0;
}
