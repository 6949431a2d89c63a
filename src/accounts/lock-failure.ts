import { explainError } from './disk-trouble.js';
import { AgentError, messageOf } from './errors.js';

/** The steps of a lock: one that fails keeps none of the others from being done. */
export interface Steps {
  /** Does one step; never rejects. */
  attempt(what: string, work: () => unknown): Promise<void>;
  /** Something that was found missing, in words. */
  miss(...problems: string[]): void;
  /** What to throw where anything failed or is missing. `busy` when all that failed only has to wait its turn. */
  failure(name: string): AgentError | undefined;
}

/** Collects what went wrong in one lock. */
export function createSteps(): Steps {
  const problems = new Set<string>();
  const causes: unknown[] = [];
  return {
    async attempt(what, work) {
      try {
        await work();
      } catch (error) {
        const cause = explainError(error);
        causes.push(cause);
        problems.add(`${what}: ${messageOf(cause)}`);
      }
    },
    miss(...missing) {
      for (const problem of missing) problems.add(problem);
    },
    failure(name) {
      if (problems.size === 0) return undefined;
      const isWaiting = causes.length > 0 && causes.every(isBusy);
      const remedies = new Set(causes.flatMap((cause) => (cause instanceof AgentError && cause.remedy) || []));
      return new AgentError(
        isWaiting ? 'busy' : 'failed',
        `${name} is not locked completely: ${[...problems].join('; ')}`,
        [...remedies].join('; ') || 'mend it; the lock is tried again',
      );
    },
  };
}

function isBusy(error: unknown): boolean {
  return error instanceof AgentError && error.code === 'busy';
}
