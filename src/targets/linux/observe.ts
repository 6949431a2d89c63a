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
    const rivals = rivalsIn(names);
    return new Map(
      asks.map((ask) => {
        const { oid } = ask;
        return [oid, rivals.get(oid) ?? sightOf(ask, accounts.get(oid), names.get(oid))];
      }),
    );
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
        remedy: standing.remedy ?? REMEDIES[standing.state],
        ...(standing.released ? { released: true } : {}),
        ...(standing.account ? adoptableOf(standing.account) : {}),
      };
    default:
      return standing.state satisfies never;
  }
}

type Foreign = Extract<Sight<LinuxAccount>, { certainty: 'foreign' }>;

/** Our lock is not on it, so that one of somebody else's stays as it is. */
function adoptableOf(account: NonNullable<ObservedName['account']>): Pick<Foreign, 'adoptable' | 'facts' | 'obstacle'> {
  const { name, uid, gecos, home, shell, groups, allGroups, locked, sudo, obstacle } = account;
  const value = { name, uid, state: 'whole', locked: false, gecos, groups: [...groups].sort(), sudo } as const;
  const facts = [
    `uid ${uid}, name "${gecos}"`,
    `home ${home}, shell ${shell}`,
    `groups ${allGroups.join(' ') || 'none'}`,
    ...(locked ? ['locked by somebody else than us: that stays'] : []),
  ];
  return { adoptable: value, facts, obstacle };
}

/**
 * Identities that would get one and the same uid: neither gets it, whoever came first, because on the next host they may
 * come in another order. Whoever has an account already is no rival; the host refuses that number itself.
 */
function rivalsIn(names: ReadonlyMap<string, ObservedName>): ReadonlyMap<ObjectId, Sight<LinuxAccount>> {
  const byUid = new Map<number, string[]>();
  for (const [oid, { state, uid }] of names) {
    if (state === 'free' && uid !== undefined) byUid.set(uid, [...(byUid.get(uid) ?? []), oid]);
  }
  const rivals = new Map<ObjectId, Sight<LinuxAccount>>();
  for (const [uid, oids] of byUid) {
    if (oids.length < 2) continue;
    // The same choice on every host.
    const last = [...oids].sort().at(-1) ?? '';
    const other = names.get(last)?.otherUid ?? 'UID';
    for (const oid of oids) {
      rivals.set(oid, {
        certainty: 'foreign',
        what: `uid ${uid} would be that of ${oids.join(' and ')}`,
        remedy:
          'copy uids from accounts.policy.json of a host that has one of them already; where none has, pin one as root, ' +
          `the same on every host: "uids": {"${last}": ${other}}`,
      });
    }
  }
  return rivals;
}

const REMEDIES = {
  foreign: 'adopt the account as root with `accounts adopt`, remove it, or change the user name in Entra',
  reserved: 'change the user name in Entra, or leave this person out of the groups',
  tombstoned: 'names are never given to a second person: change the user name in Entra',
  invalid: 'change the user name in Entra, or leave this person out of the groups',
} as const;
