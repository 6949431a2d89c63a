import { createAccount } from './create.js';
import { deleteAccount } from './delete.js';
import { explainError } from './disk-trouble.js';
import type { Run } from './exec.js';
import { setGroups, setSudo } from './grants.js';
import type { Ledger } from './ledger.js';
import { lockAccount } from './lock.js';
import { observe } from './observe.js';
import type { Policy } from './policy.js';
import type { Request } from './protocol.js';
import { settleSudo } from './settle-sudo.js';
import { unlockAccount } from './unlock.js';
import type { AgentClock, Paths, Workshop } from './workshop.js';

export interface AgentOptions {
  ledger: Ledger;
  /** Read for every request, so that root's changes hold at once. Throws AgentError for a bad file. */
  loadPolicy: () => Policy;
  run: Run;
  paths: Paths;
  clock: AgentClock;
  /** Done before the first request: what a former agent that was killed left behind. */
  prepare: (workshop: Workshop) => Promise<void>;
  /** Told of trouble that belongs to no request. */
  say: (text: string) => void;
}

/** Does what one request asks and returns its result. Rejects with AgentError, or an Error for what nobody foresaw. */
export type Agent = (request: Request) => Promise<unknown>;

/** The agent itself: one request at a time changes something, in the order in which they came. */
export function createAgent(options: AgentOptions): Agent {
  let last: Promise<unknown> = Promise.resolve();
  const deleting = new Map<string, Promise<unknown>>();

  function turn<T>(work: (workshop: Workshop) => Promise<T>): Promise<T> {
    const next = last.then(() => {
      const { ledger, run, paths, clock } = options;
      return work({ ledger, run, paths, clock, policy: options.loadPolicy() });
    });
    // Whoever comes next waits for the end of this one, not for its success.
    last = next.catch(() => undefined);
    return next;
  }

  async function explained<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      throw explainError(error);
    }
  }

  turn(options.prepare).catch((error) => {
    options.say(`what a former agent left could not be removed: ${error instanceof Error ? error.message : error}`);
  });
  turn(settleSudo).catch((error) => {
    options.say(`the sudo rules could not be settled: ${error instanceof Error ? error.message : error}`);
  });

  return (request) => {
    switch (request.verb) {
      case 'observe':
        return turn(async (workshop) => observe(workshop, request.oids, request.names));
      case 'create':
        return explained(turn((workshop) => createAccount(workshop, request)));
      case 'lock':
        return turn((workshop) => lockAccount(workshop, request.oid));
      case 'unlock':
        return explained(turn((workshop) => unlockAccount(workshop, request.oid)));
      case 'groups':
        return explained(turn((workshop) => setGroups(workshop, request.oid, request.groups)));
      case 'sudo':
        return explained(turn((workshop) => setSudo(workshop, request.oid, request.granted)));
      case 'delete': {
        // Asked again while it is under way: the same deletion answers both.
        const running = deleting.get(request.oid);
        if (running) return running;
        const work = explained(deleteAccount(turn, request.oid)).finally(() => deleting.delete(request.oid));
        deleting.set(request.oid, work);
        return work;
      }
      default:
        return request satisfies never;
    }
  };
}
