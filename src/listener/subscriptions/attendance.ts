import PQueue from 'p-queue';
import { messageOf } from '../../domain/errors.js';
import type { Log } from '../../telemetry/log.js';
import { resourceKey } from './compare.js';
import type { KeyedLock } from './keyed-lock.js';

/** Work on single resources: one at a time for each, whoever asks, and with its failures kept apart. */
export interface Attendance {
  /** Never throws: what is in the way, given or thrown by the work, is the resource's problem from then on. */
  attend(resource: string, work: Work): Promise<void>;
  /** Several side by side; the rest is left for another time during a pause. */
  attendAll(resources: readonly string[], signal: AbortSignal, work: Work): Promise<void>;
  problem(resource: string): string | undefined;
  forgetProblems(): void;
}

/** Gives what is in the way, if anything. */
export type Work = (resource: string) => Promise<string | undefined>;

/** Graph's limits are far away; this only keeps one slow call from holding up all others. */
const PARALLEL = 4;

export function createAttendance(options: {
  locked: KeyedLock;
  /** Why nothing is asked at present; undefined: no pause. */
  paused: () => string | undefined;
  onAttended: (resource: string) => void;
  log: Log;
}): Attendance {
  const { locked, paused, onAttended, log } = options;
  const problems = new Map<string, string>();

  async function attend(resource: string, work: Work): Promise<void> {
    await locked(resourceKey(resource), async () => {
      try {
        const problem = await work(resource);
        if (problem === undefined) problems.delete(resource);
        else problems.set(resource, problem);
      } catch (error) {
        problems.set(resource, messageOf(error));
        log('listener.subscription.failed', { resource, error: messageOf(error) });
      }
    });
    onAttended(resource);
  }

  return {
    attend,
    problem: (resource) => problems.get(resource),
    forgetProblems: () => problems.clear(),
    async attendAll(resources, signal, work) {
      const queue = new PQueue({ concurrency: PARALLEL });
      const jobs = resources.map((resource) => async () => {
        if (signal.aborted) return;
        const why = paused();
        if (why === undefined) await attend(resource, work);
        else problems.set(resource, problems.get(resource) ?? why);
      });
      await queue.addAll(jobs);
    },
  };
}
