import type { Homes } from './homes.js';
import { standingOf, uidFor } from './names.js';
import { Refusal } from './refusal.js';
import type { Request } from './request.js';
import type { SimulatedAccount, SimulatedState } from './state.js';

export interface Surroundings {
  state: SimulatedState;
  homes: Homes;
  /** Epoch ms. */
  now: number;
}

type Asked<V extends Request['verb']> = Extract<Request, { verb: V }>;

/** Does what one request asks: changes the state in place and gives the result. Throws Refusal with nothing changed. */
export function act(around: Surroundings, request: Request): unknown {
  switch (request.verb) {
    case 'observe':
      return observe(around, request);
    case 'create':
      return create(around, request);
    case 'lock':
      return lock(around, ownAccount(around, request.oid));
    case 'unlock':
      return unlock(ownAccount(around, request.oid));
    case 'groups':
      return setGroups(around, request);
    case 'sudo':
      return setSudo(around, request);
    case 'delete':
      return remove(around, request.oid);
    default:
      return request satisfies never;
  }
}

function observe({ state }: Surroundings, { oids, names = [] }: Asked<'observe'>): unknown {
  const asked = oids ? state.accounts.filter(({ oid }) => oids.includes(oid)) : state.accounts;
  const accounts = asked.map(({ lockedSince, ...account }) => ({
    ...account,
    shell: account.state === 'deleted' ? '' : '/bin/bash',
    ...(lockedSince === null ? {} : { lockedSince }),
  }));
  const standings = names.map((question) => [question.oid, standingOf(state, question)]);
  return { accounts, names: Object.fromEntries(standings), troubles: [] };
}

function create({ state, homes }: Surroundings, { oid, name, gecos }: Asked<'create'>): unknown {
  if (/[:\p{Cc}]/u.test(gecos)) throw new Refusal('invalid', 'the full name holds a colon or a control character');
  const known = state.accounts.find((account) => account.oid === oid);
  if (known && known.name !== name && known.state !== 'deleted') {
    throw new Refusal('conflict', `${oid} has the account ${known.name} already`, `use ${known.name}`);
  }
  const standing = standingOf(state, { oid, name });
  if (standing.state === 'invalid') throw new Refusal('invalid', standing.why ?? `${name} is invalid`);
  if (standing.state !== 'free' && standing.state !== 'ours') {
    throw new Refusal('conflict', standing.why ?? `${name} is ${standing.state}`, 'give this person another name');
  }
  homes.create(name);
  if (known?.state === 'whole') {
    known.gecos = gecos;
    return { name, uid: known.uid };
  }
  const uid = known?.uid ?? uidFor(state, oid);
  const fresh = { locked: false, lockedSince: null, sudo: false, groups: [] };
  state.accounts = state.accounts.filter((account) => account !== known);
  state.accounts.push({ oid, name, uid, state: 'whole', gecos, ...fresh });
  return { name, uid };
}

function lock({ now }: Surroundings, account: SimulatedAccount): unknown {
  const lockedSince = account.lockedSince ?? now;
  Object.assign(account, { locked: true, lockedSince, sudo: false, groups: [] });
  return { name: account.name, lockedSince, notes: [] };
}

function unlock(account: SimulatedAccount): unknown {
  const changed = account.locked;
  Object.assign(account, { locked: false, lockedSince: null });
  return { name: account.name, changed };
}

function setGroups(around: Surroundings, { oid, groups }: Asked<'groups'>): unknown {
  const account = ownAccount(around, oid);
  const forbidden = groups.find((group) => !around.state.policy.allowedGroups.includes(group));
  if (forbidden !== undefined) throw new Refusal('refused', `the policy does not allow the group ${forbidden}`);
  if (groups.some((group) => !account.groups.includes(group))) refuseIfLocked(account, 'group');
  account.groups = [...new Set(groups)].sort();
  return { groups: account.groups };
}

function setSudo(around: Surroundings, { oid, granted }: Asked<'sudo'>): unknown {
  const account = ownAccount(around, oid);
  if (granted) refuseIfLocked(account, 'sudo');
  account.sudo = granted;
  return { sudo: granted, notes: [] };
}

function remove(around: Surroundings, oid: string): unknown {
  const { state, homes, now } = around;
  if (state.accounts.some((account) => account.oid === oid && account.state === 'deleted')) {
    return { archive: null, leftovers: [] };
  }
  const account = ownAccount(around, oid);
  const { name, uid, lockedSince } = account;
  if (lockedSince === null) throw new Refusal('too-early', `${name} is not locked`, 'lock it first');
  const missingMs = lockedSince + state.policy.deleteAfterSeconds * 1000 - now;
  if (missingMs > 0) throw new Refusal('too-early', `${name} was locked only lately`, `wait for ${missingMs} ms`);
  const archive = homes.archive(name, uid);
  Object.assign(account, { state: 'deleted', gecos: '', locked: false, lockedSince: null, sudo: false, groups: [] });
  return { archive, leftovers: [] };
}

function ownAccount({ state }: Surroundings, oid: string): SimulatedAccount {
  const account = state.accounts.find((candidate) => candidate.oid === oid && candidate.state === 'whole');
  if (!account) throw new Refusal('refused', `no account here belongs to ${oid}`, 'create it first');
  return account;
}

function refuseIfLocked({ locked, name }: SimulatedAccount, what: string): void {
  if (locked) throw new Refusal('refused', `${name} is locked and gets no ${what}`, 'unlock it first');
}
