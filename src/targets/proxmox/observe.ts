import { messageOf } from '../../domain/errors.js';
import type { ObjectId } from '../../domain/identity.js';
import type { Ask, ProxmoxUser, Sight } from '../../domain/sight.js';
import type { Log } from '../../telemetry/log.js';
import type { ProxmoxClient } from './client.js';
import { nameProblem } from './names.js';
import type { ListUsers } from './one-listing.js';
import { outOfReach, reachCommand } from './reach.js';
import { type MissingRealm, missingRealm } from './realm.js';
import { isRefusal, lackText } from './refusal.js';
import { describeNeed, type Need, READ_ALL, type Rights, writeNeeds } from './rights.js';
import type { SingleUser } from './schema.js';
import { shellQuote } from './text.js';
import { absentGroups, type GroupListing, listGroups, readUser, toProxmoxUser, type UserListing } from './users.js';

export interface ObserveOptions {
  client: ProxmoxClient;
  rights: Rights;
  realm: string;
  managedGroups: readonly string[];
  adoptExisting: boolean;
  /** Whose mark a comment carries. */
  ownerIn: (comment: string) => ObjectId | undefined;
  /** All users; a listing of a moment ago will do. */
  list: ListUsers;
  log: Log;
}

type UserSight = Sight<ProxmoxUser>;
type Sights = Map<ObjectId, UserSight>;

interface Found {
  ask: Ask;
  user: SingleUser;
}

/** Up to this many asks are answered by single reads; a listing of 5,000 users costs as much as several of them. */
const SINGLE_READS = 3;

/**
 * One sight for each ask. Never throws but when `signal` aborts: what cannot be read is unknown, with its why.
 * Absent is only said after the rights were checked, from a listing that also shows what stands in the way: a name
 * that differs in case alone, or a membership that waits for a user of this name. In a realm that does not exist nobody is
 * absent, since nobody is to be made there.
 */
export async function observe(options: ObserveOptions, asks: readonly Ask[], signal: AbortSignal): Promise<Sights> {
  const { client, realm, rights } = options;
  const sights: Sights = new Map();
  const askable: Ask[] = [];
  for (const ask of asks) {
    const problem = nameProblem(ask.name, realm, ['root@pam', client.tokenOwner]);
    if (problem) sights.set(ask.oid, { certainty: 'foreign', ...problem });
    else askable.push(ask);
  }
  if (askable.length === 0) return sights;
  try {
    const lack = await lackOfRights(options, signal);
    if (lack) return addAll(sights, askable, { certainty: 'unknown', why: lack });
    const rest = askable.length > SINGLE_READS ? askable : await readSingly(options, askable, sights, signal);
    if (rest.length > 0) await readListing(options, rest, sights, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (isRefusal(error)) rights.forget();
    addAll(
      sights,
      askable.filter(({ oid }) => !sights.has(oid)),
      { certainty: 'unknown', why: messageOf(error) },
    );
  }
  return sights;
}

async function lackOfRights(options: ObserveOptions, signal: AbortSignal): Promise<string | undefined> {
  const { client, rights, managedGroups, log } = options;
  const missing = await rights.missing([READ_ALL, ...writeNeeds(managedGroups)], signal);
  const lacking = missing.includes(READ_ALL) ? missing : await ofExistingGroups(client, missing, signal);
  if (lacking.length === 0) return undefined;
  log('proxmox.rights.missing', { api: client.host, missing: lacking.map(describeNeed) });
  return lackText(client, lacking);
}

/** A managed group that was never made needs no rights: it stops nobody, and `missingGroups` reports it. */
async function ofExistingGroups(client: ProxmoxClient, missing: readonly Need[], signal: AbortSignal): Promise<Need[]> {
  const groups = missing.flatMap(({ group }) => group ?? []);
  const absent = await absentGroups(client, groups, signal);
  return missing.filter(({ group }) => group === undefined || !absent.includes(group));
}

/** Sights of those that exist or cannot be read; gives back those that PVE says do not exist. */
async function readSingly(
  options: ObserveOptions,
  asks: readonly Ask[],
  sights: Sights,
  signal: AbortSignal,
): Promise<Ask[]> {
  const missing: Ask[] = [];
  const found: Found[] = [];
  await Promise.all(
    asks.map(async (ask) => {
      try {
        const user = await readUser(options.client, ask.name, signal);
        if (user) found.push({ ask, user });
        else missing.push(ask);
      } catch (error) {
        signal.throwIfAborted();
        if (isRefusal(error)) options.rights.forget();
        sights.set(ask.oid, { certainty: 'unknown', why: messageOf(error) });
      }
    }),
  );
  await addFound(options, found, sights, signal);
  return missing;
}

async function readListing(
  options: ObserveOptions,
  asks: readonly Ask[],
  sights: Sights,
  signal: AbortSignal,
): Promise<void> {
  const listing = await options.list(signal);
  const absent: Ask[] = [];
  const found: Found[] = [];
  for (const ask of asks) {
    const user = listing.users.get(ask.name);
    const odd = listing.unreadable.get(ask.name);
    if (user) found.push({ ask, user });
    else if (odd) sights.set(ask.oid, { certainty: 'unknown', why: `Proxmox VE shows ${ask.name} with ${odd}` });
    else absent.push(ask);
  }
  await addFound(options, found, sights, signal);
  if (absent.length === 0) return;
  const groups = await listGroups(options.client, signal);
  const realm = await missingRealm(options, signal);
  const twins = twinsOf(listing);
  const ghosts = ghostsOf(groups);
  for (const ask of absent) {
    sights.set(ask.oid, inTheWay(ask, twins, ghosts) ?? absentFrom(listing, groups, realm));
  }
}

async function addFound(
  options: ObserveOptions,
  found: readonly Found[],
  sights: Sights,
  signal: AbortSignal,
): Promise<void> {
  const users = found.map(({ ask, user }) => ({ ...user, userid: ask.name }));
  const beyond = await outOfReach(options, users, signal);
  for (const { ask, user } of found) sights.set(ask.oid, sightOf(options, ask, user, beyond.has(ask.name)));
}

function sightOf(options: ObserveOptions, ask: Ask, user: SingleUser, beyond: boolean): UserSight {
  const { ownerIn, adoptExisting } = options;
  const owner = ownerIn(user.comment);
  if (owner === ask.oid || (owner === undefined && adoptExisting && !beyond)) {
    return { certainty: 'present', value: toProxmoxUser(ask.name, user) };
  }
  if (owner === undefined) return unmanaged(options, ask, user, beyond);
  return {
    certainty: 'foreign',
    what: `the Proxmox VE user ${ask.name} belongs to another identity, ${owner}`,
    remedy:
      'the name was given to somebody else in Entra; give this person another user principal name, ' +
      `or delete the old user once nobody needs it: pveum user delete ${shellQuote(ask.name)}`,
  };
}

function unmanaged(
  { managedGroups, adoptExisting }: ObserveOptions,
  { name }: Ask,
  user: SingleUser,
  beyond: boolean,
): UserSight {
  const adoptable = toProxmoxUser(name, user);
  const adopt = `run "entramox adopt ${shellQuote(nameOf(name))}"; else rename or delete it`;
  const what = `the Proxmox VE user ${name} exists and is not managed`;
  if (!beyond) return { certainty: 'foreign', what, remedy: `if it is this person's, ${adopt}`, adoptable };
  const command = reachCommand(name, managedGroups);
  if (!adoptExisting) {
    const remedy = `if it is this person's, run "${command}" on a node and then ${adopt}`;
    return { certainty: 'foreign', what, remedy, adoptable, outOfReach: command };
  }
  return {
    certainty: 'foreign',
    what: `the Proxmox VE user ${name} is in none of the managed groups, so the API token may not write it`,
    remedy: `put it there once, on a node: ${command}`,
    adoptable,
    outOfReach: command,
  };
}

function inTheWay(
  { name }: Ask,
  twins: ReadonlyMap<string, string>,
  ghosts: ReadonlyMap<string, readonly string[]>,
): UserSight | undefined {
  const twin = twins.get(name.toLowerCase());
  if (twin !== undefined) {
    return {
      certainty: 'foreign',
      what: `Proxmox VE has the user ${twin}, which differs from ${name} only in case`,
      remedy: `keep one of the two spellings: correct the user principal name in Entra, or pveum user delete ${shellQuote(twin)}`,
    };
  }
  const groups = ghosts.get(name);
  if (!groups) return undefined;
  const quoted = shellQuote(name);
  return {
    certainty: 'foreign',
    what: `there is no Proxmox VE user ${name}, yet the group ${groups.join(', ')} names it: whoever gets that name gets the group's rights at once`,
    remedy: `clear the stale membership: pveum user add ${quoted} --enable 0 && pveum user delete ${quoted}`,
  };
}

function absentFrom(listing: UserListing, groups: GroupListing, realm: MissingRealm | undefined): UserSight {
  if (realm) return { certainty: 'unknown', why: `${realm.saw}: ${realm.mend}` };
  return listing.complete && groups.complete
    ? { certainty: 'absent' }
    : {
        certainty: 'unknown',
        why: 'Proxmox VE listed users or groups that cannot be read, or left some out, so nothing is proved absent',
      };
}

/** Lower-case userid -> as it is spelled in PVE. Userids of openid realms are case-sensitive. */
function twinsOf({ users, unreadable }: UserListing): ReadonlyMap<string, string> {
  return new Map([...users.keys(), ...unreadable.keys()].map((userid) => [userid.toLowerCase(), userid]));
}

/** Userid -> the groups that name it; of use only for userids that do not exist. */
function ghostsOf({ members }: GroupListing): ReadonlyMap<string, readonly string[]> {
  const named = new Map<string, string[]>();
  for (const [group, userids] of members) {
    for (const userid of userids) {
      const groups = named.get(userid);
      if (groups) groups.push(group);
      else named.set(userid, [group]);
    }
  }
  return named;
}

function addAll(sights: Sights, asks: readonly Ask[], sight: UserSight): Sights {
  for (const { oid } of asks) sights.set(oid, sight);
  return sights;
}

function nameOf(userid: string): string {
  return userid.slice(0, userid.lastIndexOf('@'));
}
