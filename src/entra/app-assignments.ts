import { z } from 'zod';
import { type GroupId, parseGuid } from '../domain/identity.js';
import type { GraphClient } from './graph-client.js';
import { GraphError, GraphUnavailable, saysNotFound } from './graph-errors.js';
import { asUnavailable, groupsById, type NamedGroup } from './group-search.js';

/** Another kind than Graph documents says nothing: taken for no group it would be one that is not assigned any more. */
const assignmentSchema = z.object({
  principalId: z.string(),
  principalType: z.enum(['User', 'Group', 'ServicePrincipal']),
});

/**
 * The groups that are assigned to the enterprise application of this client id, each once, with the names that they
 * have now (the name in an assignment is that of the day it was made). Groups in such a group are not assigned by
 * that (Entra ID: assignment of groups does not cascade). Complete, or SourceUnavailable is thrown.
 * Graph: list appRoleAssignments granted for a service principal; needs Application.Read.All.
 */
export async function assignedGroups(graph: GraphClient, clientId: string, signal: AbortSignal): Promise<NamedGroup[]> {
  const path = `/servicePrincipals(appId='${encodeURIComponent(clientId)}')/appRoleAssignedTo?$select=principalId,principalType`;
  try {
    const { items } = await graph.getAllPages(path, assignmentSchema, { signal });
    const ids = items
      .filter(({ principalType }) => principalType === 'Group')
      .map(({ principalId }) => idOf(principalId));
    return await groupsById(graph, ids, signal);
  } catch (error) {
    if (error instanceof GraphError && saysNotFound(error.status, error.code)) {
      throw new GraphUnavailable(`the application ${clientId} has no enterprise application (service principal)`, {
        status: error.status,
        mend: 'create it ("az ad sp create --id <client id>") and assign groups to it',
        cause: error,
      });
    }
    throw asUnavailable(
      error,
      `list what is assigned to the application ${clientId}`,
      'grant the app Application.Read.All, or set LAKEFS_GROUP_SOURCE=ids with LAKEFS_GROUP_IDS',
    );
  }
}

function idOf(text: string): GroupId {
  const guid = parseGuid(text);
  if (guid === undefined) throw new GraphUnavailable(`Graph names an assigned group ${JSON.stringify(text)}`);
  return guid;
}
