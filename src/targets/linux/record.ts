import type { AgentRecord } from '../../domain/disagreement.js';
import type { Ask } from '../../domain/sight.js';
import type { AccountsClient } from './accounts-client.js';
import { observeSchema } from './reply.js';

/** So many questions fit into one request line of the protocol, whatever the names. */
const QUESTIONS_PER_REQUEST = 300;

/**
 * The account agent's whole record, and what it says of the names that were given to identities it does not know. Rejects
 * with Busy or Error where the agent cannot be asked or is not understood.
 */
export async function readRecord(
  client: AccountsClient,
  named: readonly Ask[],
  signal: AbortSignal,
): Promise<AgentRecord> {
  const ask = async (body: { oids?: string[]; names?: Ask[] }) =>
    observeSchema.parse(await client.request({ verb: 'observe', ...body }, signal));
  const { accounts } = await ask({});
  const recorded = new Set(accounts.map(({ oid }) => oid));
  const open = named.filter(({ oid }) => !recorded.has(oid)).map(({ oid, name }) => ({ oid, name: name.slice(0, 80) }));
  const strangers = new Map<string, string>();
  const givenBack = new Set<string>();
  for (let start = 0; start < open.length; start += QUESTIONS_PER_REQUEST) {
    const { names } = await ask({ oids: [], names: open.slice(start, start + QUESTIONS_PER_REQUEST) });
    for (const [oid, { name, state, why, released }] of Object.entries(names)) {
      if (released) givenBack.add(oid);
      // A name that nobody has, or that is the identity's own, is nobody else's.
      else if (state !== 'free' && state !== 'ours') strangers.set(oid, why ?? `${name} is ${state}`);
    }
  }
  return {
    accounts: accounts.map(({ oid, name, uid, state, locked, adopted }) => ({
      oid,
      name,
      uid,
      state,
      locked,
      adopted: adopted === true,
    })),
    givenBack,
    strangers,
  };
}
