import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { Busy } from '../../domain/errors.js';
import { BARE_ENVIRONMENT } from '../../telemetry/bare-environment.js';
import type { Log } from '../../telemetry/log.js';
import type { Channel, Connect } from './channel.js';

/** How long an agent may finish what it is doing once its input has ended. */
const GRACE_MS = 8_000;

/**
 * The way to an agent that runs as our child and speaks on stdin and stdout, for a container, a lab or a private
 * root. It is started again by the next request when it died. `argv` is an argument array; no shell is involved, and
 * nothing of our own environment is handed on.
 */
export function viaCommand(argv: readonly string[], log: Log): Connect {
  const [program, ...args] = argv;
  return async () => {
    if (program === undefined) throw new Busy('ACCOUNTS_COMMAND is empty, so there is no account agent to start');
    const child = spawn(program, args, { env: BARE_ENVIRONMENT, stdio: ['pipe', 'pipe', 'pipe'] });
    let lastWords = '';
    createInterface({ input: child.stderr }).on('line', (line) => {
      lastWords = line;
      log('linux.agent.said', { line });
    });
    const closed = new Promise<string>((gone) => {
      child.on('error', (error) => gone(`${program} could not be started: ${error.message}`));
      child.on('close', (code, signal) => {
        const end = `the account agent ended with ${signal ?? `code ${code}`}`;
        gone(lastWords ? `${end}: ${lastWords}` : end);
      });
    });
    // A broken pipe shows as the end of the child, which carries the better words.
    child.stdin.on('error', (error) => {
      lastWords = lastWords || error.message;
    });
    async function close(): Promise<void> {
      child.stdin.end();
      const timer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
      await closed;
      clearTimeout(timer);
    }
    return { input: child.stdin, output: child.stdout, closed, close } satisfies Channel;
  };
}
