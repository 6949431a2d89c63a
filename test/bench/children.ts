import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A program of this folder in a process of its own, with which plain data is exchanged. */
export interface Helper {
  pid: number;
  /** Sends one message and waits for one answer. Throws when the program ends instead, or after the deadline. */
  ask<Answer>(message: object, deadlineMs?: number): Promise<Answer>;
  stop(): Promise<void>;
}

/** Starts a TypeScript program of this folder, by its path in it. */
export function startHelper(path: string): Helper {
  const child = fork(fileURLToPath(new URL(path, import.meta.url)), {
    execArgv: ['--import', 'tsx'],
    // The environment of this shell must not weigh on one side only: the product's processes do without it too.
    env: { PATH: process.env.PATH },
    serialization: 'advanced',
  });
  const exited = once(child, 'exit');
  return {
    pid: child.pid ?? 0,
    async ask<Answer>(message: object, deadlineMs = 60_000) {
      const signal = AbortSignal.timeout(deadlineMs);
      const answer = once(child, 'message', { signal });
      const ended = exited.then(() => {
        throw new Error(`${path} ended in the middle of its work`);
      });
      child.send(message);
      const [result] = (await Promise.race([answer, ended])) as [Answer];
      return result;
    },
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill();
      await exited;
    },
  };
}
