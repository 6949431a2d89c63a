import PQueue from 'p-queue';
import { SourceUnavailable } from '../domain/errors.js';
import type { GroupId, ObjectId } from '../domain/identity.js';
import type { GroupReading, PresentReading, Reading, ScopeReading, UnknownReading } from '../domain/reading.js';
import type { Log } from '../telemetry/log.js';
import type { GraphClient } from './graph-client.js';
import { type GroupListing, listGroup } from './group-listing.js';
import { type GraphUser, toReading } from './user-schema.js';

const GROUPS_AT_A_TIME = 2;
/** After this many groups in a row that failed because Graph was not there, the others are not tried any more. */
const FAILURES_IN_A_ROW = 3;

export interface ScopeOptions {
  graph: GraphClient;
  groups: readonly GroupId[];
  /** Identities configured by their id. */
  users: readonly ObjectId[];
  readIdentities: (oids: readonly ObjectId[], signal: AbortSignal) => Promise<Reading[]>;
  log: Log;
}

/** The wide read of a sweep; see `Directory.readScope`. */
export async function readScope(
  { graph, groups, users, readIdentities, log }: ScopeOptions,
  signal: AbortSignal,
): Promise<ScopeReading> {
  const listings = await listAll(graph, groups, signal);
  const merged = merge(groups, listings);
  const singles = [...new Set([...users.filter((oid) => !merged.identities.has(oid)), ...merged.disputed])];
  const outcomes = [...listings.values()];
  const nothingListed = outcomes.every(({ kind }) => kind === 'unknown');
  if (nothingListed && singles.length === 0) throwIfUnreachable(outcomes);
  const readings = await readSingles(singles, nothingListed, readIdentities, signal);
  for (const reading of readings) {
    if (reading.certainty !== 'absent') merged.identities.set(reading.oid, reading);
    else merged.identities.delete(reading.oid);
  }
  for (const [group, reading] of merged.groups) {
    if (reading.certainty === 'unknown') log('entra.group.unknown', { group, why: reading.why });
  }
  log('entra.scope.read', { groups: groups.length, identities: merged.identities.size });
  return { groups: merged.groups, identities: merged.identities };
}

async function listAll(graph: GraphClient, groups: readonly GroupId[], signal: AbortSignal) {
  let failuresInARow = 0;
  const listings = new Map<GroupId, GroupListing>();
  const queue = new PQueue({ concurrency: GROUPS_AT_A_TIME });
  await queue.addAll(
    groups.map((group) => async () => {
      signal.throwIfAborted();
      const listing: GroupListing =
        failuresInARow >= FAILURES_IN_A_ROW
          ? {
              kind: 'unknown',
              why: 'not asked: Graph could not be reached for the groups before',
              cause: new SourceUnavailable(),
            }
          : await listGroup(graph, group, signal);
      const unreachable = listing.kind === 'unknown' && listing.cause instanceof SourceUnavailable;
      failuresInARow = unreachable ? failuresInARow + 1 : 0;
      listings.set(group, listing);
    }),
  );
  return listings;
}

/** One Map for all groups: an identity in several of them has the union; listings that contradict are disputed. */
function merge(groups: readonly GroupId[], listings: ReadonlyMap<GroupId, GroupListing>) {
  const readings = new Map<GroupId, GroupReading>();
  const identities = new Map<ObjectId, PresentReading | UnknownReading>();
  const disputed = new Set<ObjectId>();
  for (const group of groups) {
    const listing = listings.get(group);
    if (listing?.kind !== 'listed') {
      readings.set(group, { certainty: 'unknown', why: listing?.why ?? 'not listed', mend: listing?.mend });
      continue;
    }
    readings.set(group, { certainty: 'present', members: listing.users.length });
    for (const user of listing.users) {
      const before = identities.get(user.id);
      const next = add(before, user, group);
      if (before && differs(before, next)) disputed.add(user.id);
      identities.set(user.id, next);
    }
  }
  return { groups: readings, identities, disputed };
}

function add(before: PresentReading | UnknownReading | undefined, user: GraphUser, group: GroupId) {
  return toReading(user, before?.certainty === 'present' ? [...before.groups, group] : [group]);
}

/** Two pages read a moment apart may show two states of one person; which one is true, a direct read tells. */
function differs(before: PresentReading | UnknownReading, next: PresentReading | UnknownReading): boolean {
  if (before.certainty !== 'present' || next.certainty !== 'present') return before.certainty !== next.certainty;
  return before.enabled !== next.enabled || before.attributes.upn !== next.attributes.upn;
}

async function readSingles(
  oids: readonly ObjectId[],
  mayThrow: boolean,
  readIdentities: ScopeOptions['readIdentities'],
  signal: AbortSignal,
): Promise<Reading[]> {
  if (oids.length === 0) return [];
  try {
    return await readIdentities(oids, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (mayThrow || !(error instanceof SourceUnavailable)) throw error;
    return oids.map((oid) => ({ certainty: 'unknown', oid, why: error.message }));
  }
}

function throwIfUnreachable(outcomes: readonly GroupListing[]): void {
  const causes = outcomes.map((listing) => (listing.kind === 'unknown' ? listing.cause : undefined));
  const first = causes[0];
  if (first instanceof SourceUnavailable && causes.every((cause) => cause instanceof SourceUnavailable)) throw first;
}
