import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BARE_ENVIRONMENT } from '../telemetry/bare-environment.js';
import { ExitCode } from './exit-code.js';

/**
 * Starts the root account agent with these arguments. It is a program of its own without any dependency
 * (`accounts.js` beside this one), so that none of this program's code runs as root.
 */
export async function accountsCommand(args: readonly string[]): Promise<number> {
  const program = join(dirname(fileURLToPath(import.meta.url)), 'accounts.js');
  const child = spawn(process.execPath, [program, ...args], { env: BARE_ENVIRONMENT, stdio: 'inherit' });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? ExitCode.failed));
  });
}
