import type { AgentRecord } from '../../domain/disagreement.js';
import { Busy, messageOf } from '../../domain/errors.js';
import type { ObjectId } from '../../domain/identity.js';
import type { Ask, LinuxAccount, Sight } from '../../domain/sight.js';
import type { LinuxStep } from '../../domain/step.js';
import type { Log } from '../../telemetry/log.js';
import type { AccountsClient, Ask as Request } from './accounts-client.js';
import { AgentBlocked } from './failure.js';
import { observeAccounts } from './observe.js';
import { readRecord } from './record.js';
import { notesSchema, observeSchema } from './reply.js';

/** The accounts of this host, through the account agent. */
export interface LinuxTarget {
  /** One sight for each ask; `unknown` for all when the agent cannot be asked. */
  observe(asks: readonly Ask[], signal: AbortSignal): Promise<Map<ObjectId, Sight<LinuxAccount>>>;
  /** Does one step and returns when it was read back. Rejects with Conflict, Busy, Rejected or Error. */
  apply(step: LinuxStep, signal: AbortSignal): Promise<void>;
  /** The agent's whole record, and what it says of those of these names that are not in it. Rejects where it cannot be asked. */
  record(named: readonly Ask[], signal: AbortSignal): Promise<AgentRecord>;
  /** Whether the agent answers and could write; what was seen, and how to mend it. */
  check(signal: AbortSignal): Promise<AgentLook>;
  close(): Promise<void>;
}

/** What a look at the account agent found. */
export interface AgentLook {
  ok: boolean;
  saw: string;
  mend?: string | undefined;
  /** What keeps it from answering as it should; `reach`: it does not answer at all. */
  blocked?: 'reach' | 'policy' | 'tools' | 'other' | undefined;
  /** What would keep it from writing, in words; `tools`: those about programs. */
  troubles?: readonly string[] | undefined;
  tools?: readonly string[] | undefined;
}

type Action = LinuxStep['action'];

/** The request that carries out each kind of step. */
const REQUESTS: { [A in Action]: (step: Extract<LinuxStep, { action: A }>) => Request } = {
  create: ({ oid, name, gecos }) => ({ verb: 'create', oid, name, gecos }),
  lock: ({ oid }) => ({ verb: 'lock', oid }),
  unlock: ({ oid }) => ({ verb: 'unlock', oid }),
  groups: ({ oid, groups }) => ({ verb: 'groups', oid, groups: [...groups] }),
  sudo: ({ oid, granted }) => ({ verb: 'sudo', oid, granted }),
  delete: ({ oid }) => ({ verb: 'delete', oid }),
};

/** Wires the target to a client of the agent. */
export function createLinuxTarget({ client, log }: { client: AccountsClient; log: Log }): LinuxTarget {
  return {
    observe: (asks, signal) => observeAccounts(client, asks, signal),
    record: (named, signal) => readRecord(client, named, signal),
    async apply(step, signal) {
      const { notes, archive, leftovers } = notesSchema.parse(await client.request(requestOf(step), signal));
      const { oid, name } = step;
      for (const note of notes) log('linux.agent.note', { oid, name, note });
      if (step.action === 'delete') log('linux.account.deleted', { oid, name, archive: archive ?? null, leftovers });
    },
    async check(signal) {
      try {
        const answer = await client.request({ verb: 'observe', oids: [] }, signal);
        const { troubles, tools } = observeSchema.parse(answer);
        if (troubles.length === 0) return { ok: true, saw: 'the account agent answers and can write' };
        const saw = 'the account agent answers but cannot write';
        return { ok: false, saw, mend: troubles.join('; '), troubles, tools };
      } catch (error) {
        signal.throwIfAborted();
        const mend = 'see journalctl -u entramox-accounts, or ACCOUNTS_COMMAND';
        return { ok: false, saw: messageOf(error), mend, blocked: blockedBy(error) };
      }
    },
    close: () => client.close(),
  };
}

function blockedBy(error: unknown): AgentLook['blocked'] {
  if (error instanceof AgentBlocked) return error.blocked;
  return error instanceof Busy ? 'reach' : 'other';
}

function requestOf<A extends Action>(step: Extract<LinuxStep, { action: A }>): Request {
  const build = REQUESTS[step.action as A] as (step: Extract<LinuxStep, { action: A }>) => Request;
  return build(step);
}
