import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { REPOSITORY, type Sandbox } from '../integration/sandbox/index.js';

/** The account agent behind a socket, as systemd has it: started by the first connection, gone when idle. */
export interface AgentService {
  socketPath: string;
  /** How often it was started so far. */
  starts(): number;
  stop(): Promise<void>;
}

export interface AgentServiceOptions {
  /** Outside the sandbox. */
  socketPath: string;
  lingerMs: number;
  /** Who may connect beside root. */
  groupId?: number;
}

/** Holds the listening socket and starts the program with it as fd 3 whenever somebody connects (Accept=no). */
const ACTIVATOR = `
use Socket; use POSIX; $^F = 9; $| = 1;
my $path = shift; unlink $path;
socket(my $s, PF_UNIX, SOCK_STREAM, 0); bind($s, pack_sockaddr_un($path)) or die "bind: $!"; listen($s, 16);
print "ready\\n"; my $pid = 0;
$SIG{TERM} = sub { kill 'TERM', $pid if $pid; exit 0 };
for (;;) {
  my $set = ''; vec($set, fileno($s), 1) = 1; select($set, undef, undef, undef);
  print "start\\n"; $pid = fork;
  if (!$pid) { POSIX::dup2(fileno($s), 3) if fileno($s) != 3; exec @ARGV; }
  waitpid($pid, 0); $pid = 0;
}`;

/** The process id counts inside the sandbox, so it is told there. */
const TELL_PID = 'export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@"';

/** Starts the activator outside of the sandbox and lets it start the built agent inside. */
export async function startAgentService(sandbox: Sandbox, options: AgentServiceOptions): Promise<AgentService> {
  const agent = [process.execPath, join(REPOSITORY, 'dist/accounts.js'), '--linger', `${options.lingerMs}ms`];
  const inside = sandbox.command(['/bin/sh', '-c', TELL_PID, 'sh', ...agent]);
  const child = spawn('perl', ['-e', ACTIVATOR, options.socketPath, ...inside], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  let starts = 0;
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`no socket at ${options.socketPath}`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line === 'ready') resolve();
      if (line === 'start') starts += 1;
    });
  });
  chmodSync(options.socketPath, 0o660);
  if (options.groupId !== undefined) chownSync(options.socketPath, 0, options.groupId);
  return {
    socketPath: options.socketPath,
    starts: () => starts,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
