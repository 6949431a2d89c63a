import { spawn } from 'node:child_process';
import { AgentError } from './errors.js';
import { ENVIRONMENT, pathOf } from './exec.js';
import { processWords } from './process-words.js';

/** What came of asking for the lock: the work's result, or who has it, or why nobody can take it here. */
export type Locked<T> = { kind: 'done'; value: T } | { kind: 'held'; by: string } | { kind: 'impossible'; why: string };

/**
 * Does some work while no passwd tool can change the account files. The work must be quick: everybody else waits.
 * Never rejects for the lock's sake; what the work throws is thrown.
 */
export type PasswdLock = <T>(work: () => T) => Promise<Locked<T>>;

/**
 * Takes the lock that lckpwdf(3) takes, for as long as its input is open, so that it ends with us however we end. It
 * waits two seconds at most: whoever asks has waited already. Prints `held`, or `busy` and the number of the holder.
 */
const HOLDER = `
use strict; use Fcntl; my $path = shift; $| = 1; umask 077;
sysopen(my $file, $path, O_WRONLY | O_CREAT | O_NOFOLLOW, 0600) or die "$path: $!\\n";
my $wanted = pack('s s x4 q q i x4', F_WRLCK, 0, 0, 0, 0); my $holder = 0;
for (1 .. 40) {
  if (fcntl($file, F_SETLK, $wanted)) { print "held\\n"; <STDIN>; exit 0 }
  my $asked = $wanted;
  (undef, undef, undef, undef, $holder) = unpack('s s x4 q q i', $asked) if fcntl($file, F_GETLK, $asked);
  select(undef, undef, undef, 0.05);
}
print "busy $holder\\n";`;

/** How long the program may need to answer, on a machine that is very slow. */
const ANSWER_DEADLINE_MS = 20_000;

/**
 * The lock that every passwd tool holds while it works: a kernel lock on `/etc/.pwd.lock`, which flock(1) does not
 * exclude. Node cannot take one of this kind, so a few lines of perl do, which Debian always has.
 */
export function createPasswdLock({ file, procDirectory }: { file: string; procDirectory: string }): PasswdLock {
  return async (work) => {
    let perl: string;
    try {
      perl = pathOf('perl');
    } catch (error) {
      if (error instanceof AgentError) return { kind: 'impossible', why: error.message };
      throw error;
    }
    const child = spawn(perl, ['-e', HOLDER, file], { cwd: '/', env: ENVIRONMENT, stdio: 'pipe', detached: true });
    const ended = new Promise<void>((resolve) => {
      child.once('close', () => resolve());
      child.once('error', () => resolve());
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), ANSWER_DEADLINE_MS);
    let words = '';
    for (const stream of [child.stderr, child.stdin]) {
      // A holder that has ended already shows by its answer.
      stream.on('error', (error) => {
        words += error.message;
      });
    }
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      words += text;
    });
    child.once('error', (error) => {
      words += error.message;
    });
    try {
      const answer = await firstLine(child.stdout, ended);
      if (answer === 'held') return { kind: 'done', value: work() };
      const pid = Number(/^busy (\d+)$/.exec(answer)?.[1] ?? Number.NaN);
      if (Number.isNaN(pid)) return { kind: 'impossible', why: `perl: ${(words || answer || 'no answer').trim()}` };
      return { kind: 'held', by: processWords(pid, procDirectory) };
    } finally {
      child.stdin.end();
      await ended;
      clearTimeout(timer);
    }
  };
}

/** What it says up to the first newline, or all that it said before it ended. */
async function firstLine(output: NodeJS.ReadableStream, ended: Promise<void>): Promise<string> {
  let text = '';
  await new Promise<void>((resolve) => {
    output.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (text.includes('\n')) resolve();
    });
    void ended.then(resolve);
  });
  return text.split('\n', 1)[0] ?? '';
}
