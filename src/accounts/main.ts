import { chmodSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Agent, createAgent } from './agent.js';
import { parseStart, type RootVerb, type Start, USAGE } from './arguments.js';
import { converse } from './converse.js';
import { AgentError, toAgentError } from './errors.js';
import { createRun, toolProblems } from './exec.js';
import { createHostClock } from './host-clock.js';
import { createHostRun } from './host-run.js';
import { openLedger } from './ledger.js';
import { plain } from './plain.js';
import { loadPolicy } from './policy.js';
import { doRootVerb } from './root-verbs.js';
import { serve } from './serve.js';
import { holdStateDirectory } from './single.js';
import { STEP_ASIDE } from './step-aside.js';
import { tidyUp } from './tidy-up.js';
import { openUnwrittenLocks } from './unwritten-locks.js';
import { HOST_PATHS } from './workshop.js';

/** In memory, so that a full disk does not matter; the next agent finds it. */
const UNWRITTEN_LOCKS = '/run/entramox-accounts.unwritten';

/** The first file descriptor that systemd hands over (sd_listen_fds(3)). */
const SYSTEMD_FD = 3;

process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  // Whatever a tool or we create is for root alone unless its mode is set.
  process.umask(0o077);
  if (argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  try {
    const start = parseStart(argv);
    if (process.getuid?.() !== 0) throw new AgentError('refused', 'the account agent must be started as root');
    const { mode } = start;
    if (mode.kind !== 'stdio' && mode.kind !== 'socket' && mode.kind !== 'systemd') return await byRoot(start, mode);
    const ended = new AbortController();
    // Before the lock is ours, so that nobody is ever asked who cannot hear it.
    const { agent, broken } = stepsAside(openAgent, start, ended);
    await run(start, agent, ended);
    return broken() ? 1 : 0;
  } catch (error) {
    const { code, message, remedy } = toAgentError(error);
    say(`${message}${remedy ? `; ${remedy}` : ''}`);
    if (code !== 'invalid') return 1;
    process.stderr.write(`${USAGE}\n`);
    return 2;
  }
}

/**
 * The agent. Where it must not work (no policy, no tools, a broken ledger, another agent) it answers every request with
 * the reason, and looks again at the next one, so that it works as soon as root has mended what was wrong.
 */
function openAgent(start: Start): { agent: Agent; broken: () => boolean } {
  let held = false;
  let opened: Agent | undefined;
  let reason: AgentError | undefined;
  const attempt = (waitSeconds: number): void => {
    try {
      if (!held) holdStateDirectory(start.state, waitSeconds);
      held = true;
      opened = workingAgent(start);
      reason = undefined;
    } catch (error) {
      const told = reason?.message;
      reason = toAgentError(error);
      if (reason.message !== told) say(`${reason.message}${reason.remedy ? `; ${reason.remedy}` : ''}`);
    }
  };
  // A predecessor that was killed a moment ago may still be on its way out.
  attempt(5);
  return {
    agent(request) {
      if (!opened) attempt(0);
      return opened ? opened(request) : Promise.reject(reason);
    },
    broken: () => opened === undefined,
  };
}

/** Throws AgentError where something that the agent rests on is not as it must be. */
function workingAgent(start: Start): Agent {
  const readPolicy = () => loadPolicy(start.policy);
  readPolicy();
  const problems = toolProblems();
  if (problems.length > 0) throw new AgentError('failed', problems.join('; '), 'install passwd, sudo and tar', 'tools');
  const ledger = openLedger(join(start.state, 'accounts.json'), openUnwrittenLocks(UNWRITTEN_LOCKS));
  const { run, cleanUpAfterFormer } = createHostRun({ stateDirectory: start.state, paths: HOST_PATHS, say });
  return createAgent({
    ledger,
    loadPolicy: readPolicy,
    run,
    paths: HOST_PATHS,
    clock: createHostClock(),
    async prepare(workshop) {
      await cleanUpAfterFormer();
      for (const path of await tidyUp(workshop)) say(`${path}, which an agent that was killed had left, was removed`);
    },
    say,
  });
}

/**
 * An agent that ends when root's own command asks for its place, but never in the middle of a deletion: archiving a
 * home may take hours, in which leavers must still be locked.
 */
function stepsAside(open: typeof openAgent, start: Start, ended: AbortController): ReturnType<typeof openAgent> {
  let deletions = 0;
  let asked = false;
  const heed = (): void => {
    if (asked && deletions === 0) ended.abort();
  };
  process.on(STEP_ASIDE, () => {
    asked = true;
    heed();
  });
  const { agent, broken } = open(start);
  return {
    broken,
    async agent(request) {
      if (request.verb !== 'delete') return agent(request);
      deletions += 1;
      try {
        return await agent(request);
      } finally {
        deletions -= 1;
        heed();
      }
    },
  };
}

async function run({ mode, lingerMs }: Start, agent: Agent, ended: AbortController): Promise<void> {
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => ended.abort());
  const { signal } = ended;
  if (mode.kind === 'stdio') {
    // What runs is finished and answered; nothing more is read.
    signal.addEventListener('abort', () => process.stdin.destroy(), { once: true });
    if (signal.aborted) process.stdin.destroy();
    await converse({ agent, input: process.stdin, output: process.stdout });
    return;
  }
  if (mode.kind === 'socket') {
    rmSync(mode.path, { force: true });
    const onListening = () => chmodSync(mode.path, 0o660);
    await serve({ agent, listen: { path: mode.path }, lingerMs, signal, onListening });
    return;
  }
  const { LISTEN_FDS, LISTEN_PID } = process.env;
  if (LISTEN_FDS !== '1' || LISTEN_PID !== String(process.pid)) {
    throw new AgentError('invalid', 'systemd handed over no socket (LISTEN_FDS, LISTEN_PID)');
  }
  await serve({ agent, listen: { fd: SYSTEMD_FD }, lingerMs, signal });
}

async function byRoot(start: Start, verb: RootVerb): Promise<number> {
  await doRootVerb(verb, {
    policyFile: start.policy,
    stateDirectory: start.state,
    waitMs: start.waitMs,
    paths: HOST_PATHS,
    run: createRun(),
    clock: createHostClock(),
    tell: (line) => process.stdout.write(`${plain(line)}\n`),
  });
  return 0;
}

function say(text: string): void {
  process.stderr.write(`accounts: ${plain(text)}\n`);
}
