import { messageOf } from '../../domain/errors.js';
import type { ObjectId } from '../../domain/identity.js';
import type { Ask, LinuxAccount, Sight } from '../../domain/sight.js';
import type { AccountsClient } from './accounts-client.js';
import { type ObservedAccount, type ObservedName, observeSchema } from './reply.js';

/** So many questions fit into one request line of the protocol, whatever the names. */
const QUESTIONS_PER_REQUEST = 300;

/**
 * What this host shows for each identity. Never rejects for the agent's sake: when it cannot be asked, or answers
 * something that cannot be understood, every sight is `unknown`. Rejects with the signal's reason when aborted.
 */
export async function observeAccounts(
  client: AccountsClient,
  asks: readonly Ask[],
  signal: AbortSignal,
): Promise<Map<ObjectId, Sight<LinuxAccount>>> {
  if (asks.length === 0) return new Map();
  try {
    const { accounts, names } = await look(client, asks, signal);
    return new Map(asks.map((ask) => [ask.oid, sightOf(ask, accounts.get(ask.oid), names.get(ask.oid))]));
  } catch (error) {
    signal.throwIfAborted();
    const why = messageOf(error);
    return new Map(asks.map(({ oid }) => [oid, { certainty: 'unknown', why }]));
  }
}

interface Seen {
  accounts: Map<string, ObservedAccount>;
  names: Map<string, ObservedName>;
}

/** A few identities in one request; many as one listing, and then only the names that are not ours yet. */
async function look(client: AccountsClient, asks: readonly Ask[], signal: AbortSignal): Promise<Seen> {
  const seen: Seen = { accounts: new Map(), names: new Map() };
  const ask = async (body: { oids?: string[]; names?: Ask[] }): Promise<void> => {
    const answer = observeSchema.parse(await client.request({ verb: 'observe', ...body }, signal));
    for (const account of answer.accounts) seen.accounts.set(account.oid, account);
    for (const [oid, name] of Object.entries(answer.names)) seen.names.set(oid, name);
  };
  // A name that no account could have must not make the line too long.
  const questions = asks.map(({ oid, name }) => ({ oid, name: name.slice(0, 80) }));
  if (asks.length <= QUESTIONS_PER_REQUEST) {
    await ask({ oids: asks.map(({ oid }) => oid), names: questions });
    return seen;
  }
  await ask({});
  const open = questions.filter(({ oid }) => !seen.accounts.has(oid));
  for (let start = 0; start < open.length; start += QUESTIONS_PER_REQUEST) {
    await ask({ oids: [], names: open.slice(start, start + QUESTIONS_PER_REQUEST) });
  }
  return seen;
}

function sightOf(
  { oid, name }: Ask,
  account: ObservedAccount | undefined,
  standing: ObservedName | undefined,
): Sight<LinuxAccount> {
  if (account) {
    const { name: accountName, uid, state, locked, halfLocked, gecos, groups, sudo } = account;
    const half = halfLocked === true ? { halfLocked } : {};
    const value = { name: accountName, uid, state, locked, ...half, gecos, groups: [...groups].sort(), sudo };
    return { certainty: 'present', value };
  }
  if (!standing) return { certainty: 'unknown', why: `the account agent said nothing about ${name} (${oid})` };
  switch (standing.state) {
    case 'free':
      return { certainty: 'absent' };
    case 'ours':
      return { certainty: 'unknown', why: `the account agent calls ${name} ours and does not show it` };
    case 'foreign':
    case 'reserved':
    case 'tombstoned':
    case 'invalid':
      return {
        certainty: 'foreign',
        what: standing.why ?? `${name} is ${standing.state}`,
        remedy: REMEDIES[standing.state],
      };
    default:
      return standing.state satisfies never;
  }
}

const REMEDIES = {
  foreign: 'adopt the account as root with `accounts adopt`, remove it, or change the user name in Entra',
  reserved: 'change the user name in Entra, or leave this person out of the groups',
  tombstoned: 'names are never given to a second person: change the user name in Entra',
  invalid: 'change the user name in Entra, or leave this person out of the groups',
} as const;
