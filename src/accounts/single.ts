import { spawnSync } from 'node:child_process';
import { chmodSync, closeSync, constants, ftruncateSync, lstatSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { AgentError } from './errors.js';
import { rootOnlyProblem } from './root-only.js';
import { askToStepAside } from './step-aside.js';

const FLOCK = '/usr/bin/flock';

/**
 * Makes the state directory (0700, root) and takes its kernel lock for as long as this process lives. The lock
 * belongs to the open file, which the flock program shares with us, so it outlives that program and never us. The
 * number of this process is noted in the file: whoever does so must end by itself soon after SIGUSR2.
 * Throws AgentError `busy` when another agent has it for longer than `waitSeconds`.
 */
export function holdStateDirectory(directory: string, waitSeconds: number): void {
  const lock = takeLock(directory, 'lock', waitSeconds);
  if (lock === undefined) throw heldByAnother(directory);
  note(lock, String(process.pid));
}

/**
 * The same for a command of root's, which is over in a moment and is not asked to step aside itself: an agent that has
 * the lock finishes what it does, ends, and is started again by whoever needs it next. Nobody waits for a deletion,
 * which may take hours. Throws AgentError `busy` when that took too long; nothing was changed then.
 */
export function borrowStateDirectory(directory: string, patienceMs: number): void {
  const end = performance.now() + patienceMs;
  do {
    const lock = takeLock(directory, 'lock', 1);
    if (lock !== undefined) {
      note(lock, '');
      return;
    }
    askToStepAside(join(directory, 'lock'));
  } while (performance.now() < end);
  throw heldByAnother(directory);
}

/** Keeps a second command of the same kind out for as long as this process lives. Throws AgentError `busy`. */
export function holdAlone(directory: string, kind: string): void {
  if (takeLock(directory, `${kind}.lock`, 0) === undefined) {
    throw new AgentError('busy', `another ${kind} is under way`, 'wait until it has ended');
  }
}

function heldByAnother(directory: string): AgentError {
  return new AgentError(
    'busy',
    `another account agent holds ${join(directory, 'lock')}`,
    'nothing was changed; it may be archiving a home: try again when it is done, or stop it',
  );
}

/** The open file with the lock; undefined where somebody else has it for longer than `waitSeconds`. */
function takeLock(directory: string, name: string, waitSeconds: number): number | undefined {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const stat = lstatSync(directory);
  if (!stat.isDirectory() || stat.uid !== process.getuid?.()) {
    throw new AgentError('failed', `${directory} is not a directory of our own`, `chown root:root ${directory}`);
  }
  chmodSync(directory, 0o700);
  const problem = rootOnlyProblem(FLOCK);
  if (problem) throw new AgentError('failed', `${FLOCK} is not run: ${problem}`, 'install util-linux');
  const fd = openSync(join(directory, name), constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  const { status, stderr, error } = spawnSync(FLOCK, ['-w', String(waitSeconds), '3'], {
    stdio: ['ignore', 'ignore', 'pipe', fd],
    env: { LC_ALL: 'C' },
    encoding: 'utf8',
    timeout: (waitSeconds + 5) * 1000,
  });
  if (error || status !== 0) closeSync(fd);
  if (error) throw new AgentError('failed', `${FLOCK} could not be run: ${error.message}`);
  if (status === 1) return undefined;
  if (status !== 0) throw new AgentError('failed', `flock ended with ${status}: ${stderr.trim()}`);
  return fd;
}

function note(fd: number, text: string): void {
  ftruncateSync(fd, 0);
  if (text !== '') writeSync(fd, text, 0);
}
