import { spawnSync } from 'node:child_process';
import { chmodSync, closeSync, constants, lstatSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { AgentError } from './errors.js';
import { rootOnlyProblem } from './root-only.js';

const FLOCK = '/usr/bin/flock';

/**
 * Makes the state directory (0700, root) and takes its kernel lock for as long as this process lives. The lock
 * belongs to the open file, which the flock program shares with us, so it outlives that program and never us.
 * Throws AgentError `busy` when another agent has it for longer than `waitSeconds`.
 */
export function holdStateDirectory(directory: string, waitSeconds: number): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const stat = lstatSync(directory);
  if (!stat.isDirectory() || stat.uid !== process.getuid?.()) {
    throw new AgentError('failed', `${directory} is not a directory of our own`, `chown root:root ${directory}`);
  }
  chmodSync(directory, 0o700);
  const problem = rootOnlyProblem(FLOCK);
  if (problem) throw new AgentError('failed', `${FLOCK} is not run: ${problem}`, 'install util-linux');
  const file = join(directory, 'lock');
  const fd = openSync(file, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  const { status, stderr, error } = spawnSync(FLOCK, ['-w', String(waitSeconds), '3'], {
    stdio: ['ignore', 'ignore', 'pipe', fd],
    env: { LC_ALL: 'C' },
    encoding: 'utf8',
    timeout: (waitSeconds + 5) * 1000,
  });
  if (error || status !== 0) closeSync(fd);
  if (error) throw new AgentError('failed', `${FLOCK} could not be run: ${error.message}`);
  if (status === 1) {
    throw new AgentError('busy', `another account agent holds ${file}`, 'wait until it has nothing to do, or stop it');
  }
  if (status !== 0) throw new AgentError('failed', `flock ended with ${status}: ${stderr.trim()}`);
}
