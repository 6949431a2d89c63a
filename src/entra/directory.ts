import PQueue from 'p-queue';
import { messageOf, SourceUnavailable } from '../domain/errors.js';
import { type GroupId, type ObjectId, parseGuid } from '../domain/identity.js';
import type { Directory, Reading } from '../domain/reading.js';
import type { Log } from '../telemetry/log.js';
import { findByUpn } from './find-by-upn.js';
import type { GraphClient } from './graph-client.js';
import { type GroupInfo, groupInfo, readGroups } from './groups.js';
import { readChunk } from './identity-readings.js';
import { type CheckedGroups, chunk, identitiesPerBatch, objectIds } from './identity-requests.js';
import { readScope } from './scope-reading.js';

const CHUNKS_AT_A_TIME = 2;

export interface EntraDirectoryOptions {
  graph: GraphClient;
  /** Every configured group, whatever it is configured for. */
  groups: readonly GroupId[];
  /** More groups to read, which may be others each time. */
  moreGroups?: (() => readonly GroupId[]) | undefined;
  /** Identities configured by their object id, in scope without any group. */
  users: readonly ObjectId[];
  log: Log;
}

/** The Directory port over Graph, and what only the status screen asks. */
export interface EntraDirectory extends Directory {
  /** Display names, as many as can be had; throws only when aborted. */
  groupInfo(groups: readonly GroupId[], signal: AbortSignal): Promise<Map<GroupId, GroupInfo>>;
}

/** Entra as the source of truth about people. Throws Invariant where a configured id is not a GUID. */
export function createEntraDirectory({ graph, log, ...scope }: EntraDirectoryOptions): EntraDirectory {
  const configured = objectIds('the group', scope.groups);
  const isConfigured = new Set(configured);
  const moreGroups = () =>
    [...new Set(objectIds('the group', scope.moreGroups?.() ?? []))].filter((group) => !isConfigured.has(group));
  const checkedGroups = (): CheckedGroups => ({ groups: [...isConfigured], more: moreGroups() });
  const users = [...new Set(objectIds('the user', scope.users))];
  const readIdentities = (oids: readonly ObjectId[], signal: AbortSignal) =>
    readAll(graph, oids, checkedGroups(), signal);
  return {
    readIdentities,
    readScope: (signal, only) =>
      readScope(
        only
          ? { graph, groups: objectIds('the group', only), users: [], readIdentities, log }
          : { graph, groups: [...isConfigured, ...moreGroups()], users, readIdentities, log },
        signal,
      ),
    existingGroups: async (ids, signal) =>
      new Set((await readGroups(graph, objectIds('the group', ids), signal)).keys()),
    findByUpn: (upn, signal) => findByUpn({ graph, log }, upn, signal),
    groupInfo: (ids, signal) => groupInfo(graph, objectIds('the group', ids), signal),
  };
}

/** Chunk by chunk, two at a time. The first chunk that finds Graph away spares the others the wait. */
async function readAll(
  graph: GraphClient,
  oids: readonly ObjectId[],
  groups: CheckedGroups,
  signal: AbortSignal,
): Promise<Reading[]> {
  const readings = new Map<ObjectId, Reading>();
  let away: SourceUnavailable | undefined;
  const asked = [...new Set(oids.map(parseGuid).filter((oid) => oid !== undefined))];
  const queue = new PQueue({ concurrency: CHUNKS_AT_A_TIME });
  await queue.addAll(
    chunk(asked, identitiesPerBatch(groups)).map((part) => async () => {
      signal.throwIfAborted();
      if (away) return;
      try {
        for (const [oid, reading] of await readChunk(graph, part, groups, signal)) readings.set(oid, reading);
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof SourceUnavailable) away = error;
        for (const oid of part) readings.set(oid, { certainty: 'unknown', oid, why: messageOf(error) });
      }
    }),
  );
  if (away && [...readings.values()].every(({ certainty }) => certainty === 'unknown')) throw away;
  const why = away ? messageOf(away) : 'not an object id';
  return oids.map((oid) => readings.get(parseGuid(oid) ?? '') ?? { certainty: 'unknown', oid, why });
}
