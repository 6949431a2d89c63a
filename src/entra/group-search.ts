import { z } from 'zod';
import { SourceUnavailable } from '../domain/errors.js';
import { type GroupId, parseGuid } from '../domain/identity.js';
import { readErrorBody } from './answers.js';
import type { GraphClient } from './graph-client.js';
import { GraphError, GraphUnavailable, saysNotFound } from './graph-errors.js';
import { answersForGroups } from './groups.js';

/** Graph: list groups; the largest page it gives. */
const PAGE_SIZE = 999;

/** A group's name is missing where we may not see it, which says nothing about its name. */
const groupSchema = z.object({ id: z.string(), displayName: z.string().nullish() });

export interface NamedGroup {
  id: GroupId;
  displayName: string;
}

/**
 * Every group whose display name begins with `prefix` (Graph does not tell upper from lower case), or every group
 * where it is empty. Complete, or SourceUnavailable is thrown.
 */
export async function groupsNamed(graph: GraphClient, prefix: string, signal: AbortSignal): Promise<NamedGroup[]> {
  const filter = prefix === '' ? '' : `&$filter=${encodeURIComponent(`startswith(displayName,${quoted(prefix)})`)}`;
  const path = `/groups?$select=id,displayName&$top=${PAGE_SIZE}${filter}`;
  try {
    const { items } = await graph.getAllPages(path, groupSchema, { signal });
    return [...new Map(items.map(named).map((group) => [group.id, group])).values()];
  } catch (error) {
    throw asUnavailable(error, 'list the groups of the tenant', 'grant the app GroupMember.Read.All');
  }
}

/**
 * Those of the groups that exist, with their names. A group is left out only where Graph says that it is not there;
 * where it says nothing of the kind about one of them, SourceUnavailable is thrown.
 */
export async function groupsById(
  graph: GraphClient,
  ids: readonly GroupId[],
  signal: AbortSignal,
): Promise<NamedGroup[]> {
  const found: NamedGroup[] = [];
  for (const [id, answer] of await answersForGroups(graph, ids, signal)) {
    if (answer?.kind !== 'answer') throw new SourceUnavailable(`Graph said nothing about the group ${id}`);
    if (saysNotFound(answer.status, readErrorBody(answer.body)?.code)) continue;
    const group = answer.status === 200 ? groupSchema.safeParse(answer.body) : undefined;
    if (!group?.success || parseGuid(group.data.id) !== id) {
      throw new SourceUnavailable(`Graph did not tell about the group ${id}: it answered with ${answer.status}`);
    }
    found.push(named(group.data));
  }
  return found;
}

function named({ id, displayName }: z.output<typeof groupSchema>): NamedGroup {
  const guid = parseGuid(id);
  if (guid === undefined) throw new SourceUnavailable(`Graph gave a group the id ${JSON.stringify(id)}`);
  if (displayName === undefined || displayName === null) {
    throw new GraphUnavailable(`Graph does not show the name of the group ${guid}`, {
      mend: 'grant the app GroupMember.Read.All or Group.Read.All, which let it read names',
    });
  }
  return { id: guid, displayName };
}

/** A string of OData: its quotes are doubled. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A refusal as what it means here: the listing cannot be had. */
export function asUnavailable(error: unknown, what: string, mend: string): unknown {
  if (!(error instanceof GraphError)) return error;
  const refused = error.status === 403;
  return new GraphUnavailable(`Graph refuses to ${what} (${error.code}): ${error.graphMessage}`, {
    status: error.status,
    about: 'call',
    mend: refused ? mend : undefined,
    cause: error,
  });
}
