import { z } from 'zod';
import { SourceUnavailable } from '../domain/errors.js';
import { type GroupId, parseGuid } from '../domain/identity.js';
import { readErrorBody } from './answers.js';
import { type BatchAnswer, MAX_BATCH } from './batch.js';
import type { GraphClient } from './graph-client.js';
import { saysNotFound } from './graph-errors.js';
import { chunk } from './identity-requests.js';

const groupSchema = z.object({ id: z.string(), displayName: z.string().nullish().catch(undefined) });

export interface GroupInfo {
  id: GroupId;
  displayName: string | undefined;
}

/** Those of the groups that Graph shows, by id. Throws SourceUnavailable when Graph cannot be asked. */
export async function readGroups(
  graph: GraphClient,
  ids: readonly GroupId[],
  signal: AbortSignal,
): Promise<Map<GroupId, GroupInfo>> {
  const found = new Map<GroupId, GroupInfo>();
  for (const [id, answer] of await answersForGroups(graph, ids, signal)) {
    const group = answer?.kind === 'answer' && answer.status === 200 ? groupSchema.safeParse(answer.body) : undefined;
    if (group?.success && parseGuid(group.data.id) === id) {
      found.set(id, { id, displayName: group.data.displayName ?? undefined });
    }
  }
  return found;
}

/** What Graph says of each of the groups, with id and name where it shows them; undefined where it says nothing. */
export async function answersForGroups(
  graph: GraphClient,
  ids: readonly GroupId[],
  signal: AbortSignal,
): Promise<[id: GroupId, answer: BatchAnswer | undefined][]> {
  const found: [GroupId, BatchAnswer | undefined][] = [];
  for (const part of chunk([...new Set(ids)], MAX_BATCH)) {
    const answers = await graph.batch(
      part.map((id) => ({ id, method: 'GET', path: `/groups/${encodeURIComponent(id)}?$select=id,displayName` })),
      { signal },
    );
    found.push(...part.map((id): [GroupId, BatchAnswer | undefined] => [id, answers.get(id)]));
  }
  return found;
}

/**
 * Which of these object ids are groups: a member of a group may be anything, and a notification does not say what.
 * `unknown` where Graph said neither. Throws SourceUnavailable when Graph cannot be asked.
 */
export async function whichAreGroups(
  graph: GraphClient,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, 'group' | 'no group' | 'unknown'>> {
  const found = new Map<string, 'group' | 'no group' | 'unknown'>();
  for (const part of chunk([...new Set(ids)], MAX_BATCH)) {
    // getByIds would do it in one item, and needs Directory.Read.All.
    const answers = await graph.batch(
      part.map((id) => ({ id, method: 'GET', path: `/groups/${encodeURIComponent(id)}?$select=id` })),
      { signal },
    );
    for (const id of part) {
      const answer = answers.get(id);
      if (answer?.kind !== 'answer') found.set(id, 'unknown');
      else if (saysNotFound(answer.status, readErrorBody(answer.body)?.code)) found.set(id, 'no group');
      else {
        const group = answer.status === 200 ? groupSchema.safeParse(answer.body) : undefined;
        found.set(id, group?.success && parseGuid(group.data.id) === id ? 'group' : 'unknown');
      }
    }
  }
  return found;
}

/** Display names for a status screen: as many as can be had, none where Graph is away. Throws only when aborted. */
export async function groupInfo(
  graph: GraphClient,
  ids: readonly GroupId[],
  signal: AbortSignal,
): Promise<Map<GroupId, GroupInfo>> {
  try {
    return await readGroups(graph, ids, signal);
  } catch (error) {
    if (!(error instanceof SourceUnavailable)) throw error;
    return new Map();
  }
}
