import { createHash } from 'node:crypto';
import { isMadeFromUserid, type ObjectId } from '../../domain/identity.js';
import type { LedgerEntry } from '../../domain/ledger-entry.js';
import { hasDamagedMark, isRetired, ownerIn } from '../../domain/proxmox-comment.js';
import type { PresentReading, UnknownReading } from '../../domain/reading.js';
import type { ListedUser } from './schema.js';
import { shellQuote } from './text.js';
import type { UserListing } from './users.js';

/** The users of one realm as people. */
export interface RealmPeople {
  identities: ReadonlyMap<ObjectId, PresentReading | UnknownReading>;
  /** Userid -> whose it is. */
  owners: ReadonlyMap<string, ObjectId>;
  /** Why nobody that is missing here is proved absent; undefined where everybody is. */
  incomplete?: string | undefined;
}

export interface RealmPeopleOptions {
  realm: string;
  /** Everybody whom we remember, whichever source they came from. */
  remembered: readonly LedgerEntry[];
  /** Epoch ms. */
  now: number;
}

/**
 * Who stands behind each user of the realm. A user that carries our mark is the person whom it names, so that those
 * whom Entra named keep their identity; anybody else is named after the userid. Where that would make two people of
 * one, or one of two, the readings are unknown and say what mends it.
 */
export function realmPeople(listing: UserListing, options: RealmPeopleOptions): RealmPeople {
  const { realm, now } = options;
  const suffix = `@${realm}`;
  const ofRealm = [...listing.users.values()].filter(({ userid }) => userid.endsWith(suffix));
  const memory = memoryOf(options);
  const identities = new Map<ObjectId, PresentReading | UnknownReading>();
  const owners = new Map<string, ObjectId>();
  const unknown = (oid: ObjectId, why: string) => identities.set(oid, { certainty: 'unknown', oid, why });
  const doubtful: string[] = [];

  const marked = byMark(ofRealm);
  for (const [oid, bearers] of marked) {
    const { current, twins } = currentOf(bearers);
    for (const { userid } of bearers) owners.set(userid, oid);
    const userids = list(bearers.map(({ userid }) => userid));
    if (twins) unknown(oid, `${userids} carry the mark of one person, ${oid}; take it off all but one of them`);
    else identities.set(oid, present(oid, current, suffix, now));
  }
  for (const user of ofRealm) {
    const made = objectIdOf(user.userid);
    const mark = ownerIn(user.comment);
    if (mark !== undefined) {
      if (!marked.has(made) && memory.isKept(made)) unknown(made, `${user.userid} carries the mark of ${mark} by now`);
      continue;
    }
    if (hasDamagedMark(user.comment)) doubtful.push(`${user.userid} with a damaged ownership mark in its comment`);
    const others = memory.claimants(user.userid).filter((oid) => !marked.has(oid));
    // Goes on as it was named; somebody else has a claim to it only where that would cost them an account.
    const claimants = memory.isKept(made) ? others.filter(memory.hasAccount) : others;
    owners.set(user.userid, claimants[0] ?? made);
    const mend = `say whose it is: pveum user modify ${shellQuote(user.userid)} --comment entra:${claimants[0] ?? 'OBJECT-ID'}`;
    for (const oid of claimants) unknown(oid, `${user.userid} seems to be theirs but carries no mark; ${mend}`);
    if (hasDamagedMark(user.comment)) unknown(made, `${user.userid} has a damaged ownership mark; ${mend}`);
    else if (claimants.length === 0) identities.set(made, present(made, user, suffix, now));
    else if (memory.isKept(made)) unknown(made, `${user.userid} seems to be that of ${list(claimants)} too; ${mend}`);
  }
  for (const [userid, odd] of listing.unreadable) {
    if (!userid.endsWith(suffix)) continue;
    doubtful.push(`${userid} with ${odd}`);
    for (const oid of [objectIdOf(userid), ...memory.claimants(userid)]) {
      if (!identities.has(oid)) unknown(oid, `Proxmox VE shows ${userid} with ${odd}`);
    }
  }
  if (!listing.complete) doubtful.push('a list of users that is not whole');
  const incomplete =
    doubtful.length > 0 ? `Proxmox VE shows ${doubtful.join(', ')}, so nobody is proved absent` : undefined;
  return { identities, owners, incomplete };
}

/** A GUID (RFC 9562, version 8) made of the SHA-256 of the userid: the same on every host, in every run. */
export function objectIdOf(userid: string): ObjectId {
  const hash = createHash('sha256').update(userid, 'utf8').digest();
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x80;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  const hex = hash.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}

function byMark(users: readonly ListedUser[]): Map<ObjectId, [ListedUser, ...ListedUser[]]> {
  const marked = new Map<ObjectId, [ListedUser, ...ListedUser[]]>();
  for (const user of users.toSorted((a, b) => (a.userid < b.userid ? -1 : 1))) {
    const oid = ownerIn(user.comment);
    if (oid === undefined) continue;
    const others = marked.get(oid);
    if (others) others.push(user);
    else marked.set(oid, [user]);
  }
  return marked;
}

/** Userids of former user principal names carry the mark too; disabled, they are not the person any more. */
function currentOf(bearers: readonly [ListedUser, ...ListedUser[]]): { current: ListedUser; twins: boolean } {
  const [current, ...others] = bearers.filter(({ enable, comment }) => enable || !isRetired(comment));
  return { current: current ?? bearers[0], twins: others.length > 0 };
}

interface Memory {
  /** Somebody for whom accounts may be there still. */
  isKept(oid: ObjectId): boolean;
  /** Somebody with a Linux account, which is what this source decides about. */
  hasAccount(oid: ObjectId): boolean;
  /** People whom Entra named, and whose user this was or would be. */
  claimants(userid: string): ObjectId[];
}

function memoryOf({ remembered, realm }: RealmPeopleOptions): Memory {
  const kept = remembered.filter(({ state, names }) => state !== 'deleted' && (names.linux ?? names.proxmox));
  const oids = new Set(kept.map(({ oid }) => oid));
  const claims = new Map<string, ObjectId[]>();
  for (const { oid, names, upn } of kept) {
    if (isMadeFromUserid(oid)) continue;
    const userid = names.proxmox ?? `${upn}@${realm}`;
    claims.set(userid, [...(claims.get(userid) ?? []), oid]);
  }
  const accounts = new Set(kept.filter(({ names }) => names.linux).map(({ oid }) => oid));
  return {
    isKept: (oid) => oids.has(oid),
    hasAccount: (oid) => accounts.has(oid),
    claimants: (userid) => claims.get(userid) ?? [],
  };
}

function present(oid: ObjectId, user: ListedUser, suffix: string, now: number): PresentReading {
  const { firstname, lastname, email, expire, enable } = user;
  return {
    certainty: 'present',
    oid,
    attributes: {
      upn: user.userid.slice(0, -suffix.length),
      displayName: [firstname, lastname].filter(Boolean).join(' ') || undefined,
      givenName: firstname || undefined,
      surname: lastname || undefined,
      mail: email || undefined,
    },
    // PVE refuses a user once its expire lies in the past, whatever enable says.
    enabled: enable && (expire === 0 || expire * 1000 >= now),
    groups: [],
  };
}

function list(names: readonly string[]): string {
  return names.join(' and ');
}
