import PQueue from 'p-queue';
import { z } from 'zod';
import { messageOf } from '../../domain/errors.js';
import type { GroupId } from '../../domain/identity.js';
import type { GraphClient } from '../../entra/graph-client.js';
import { GraphError, saysNotFound } from '../../entra/graph-errors.js';
import { type Check, fine, unreachable, wrong } from './check.js';

/** A configured group as Graph shows it. */
export interface GroupLook {
  name: string | undefined;
  /** Its members follow from a rule: Graph tells of no change of them. */
  dynamic: boolean;
  /** Its members are shown with Member.Read.Hidden only. */
  hidden: boolean;
  /** People in it, those of nested groups included. */
  people: number;
  /** Groups below it. */
  nested: number;
}

export interface GroupPorts {
  groupIds: readonly GroupId[];
  /** undefined: Graph says that there is no such group. Throws where that cannot be told. */
  look: (id: GroupId, signal: AbortSignal) => Promise<GroupLook | undefined>;
  /** undefined: the token does not say. */
  roles: readonly string[] | undefined;
}

const AT_A_TIME = 6;

/** Each configured group: readable, how large, nested, hidden, dynamic. */
export async function checkGroups({ groupIds, look, roles }: GroupPorts, signal: AbortSignal): Promise<Check[]> {
  const queue = new PQueue({ concurrency: AT_A_TIME });
  const checks = await queue.addAll(groupIds.map((id) => () => checkGroup(id, look, roles, signal)));
  return checks.flat();
}

async function checkGroup(
  id: GroupId,
  look: GroupPorts['look'],
  roles: GroupPorts['roles'],
  signal: AbortSignal,
): Promise<Check[]> {
  const page = `Entra admin centre, Groups, ${id}`;
  try {
    const seen = await look(id, signal);
    if (!seen)
      return [
        wrong(
          'group.read',
          `${id} does not exist: deleted, or mistyped`,
          `correct ENTRA_GROUP_IDS or the roles, or restore it: ${page}`,
        ),
      ];
    const label = seen.name ? `${seen.name} (${id})` : id;
    const traits = [
      `${seen.people} people`,
      ...(seen.nested > 0 ? [`${seen.nested} groups nested in it`] : []),
      ...(seen.dynamic ? ['dynamic: its changes are found by catch-up and sweeps alone'] : []),
      ...(seen.hidden ? ['hidden membership'] : []),
    ];
    const read = fine('group.read', `${label}: ${traits.join(', ')}`);
    if (!seen.hidden) return [read];
    if (roles === undefined || roles.includes('Member.Read.Hidden')) {
      return [read, fine('group.hidden', `${label}: its hidden members are shown to this app`)];
    }
    return [
      read,
      wrong(
        'group.hidden',
        `${label} hides its members, and the token lacks Member.Read.Hidden`,
        'Entra admin centre, App registrations, API permissions: add Member.Read.Hidden (application), grant admin consent',
      ),
    ];
  } catch (error) {
    signal.throwIfAborted();
    const refused = error instanceof GraphError;
    const make = refused ? wrong : unreachable;
    return [
      make(
        'group.read',
        `${id}: ${messageOf(error)}`,
        refused ? `see permissions.roles, and ${page}` : 'try again; see graph.tls',
      ),
    ];
  }
}

const groupShape = z.object({
  displayName: z.string().nullish(),
  groupTypes: z.array(z.string()).default([]),
  visibility: z.string().nullish(),
});
const counted = z.object({ '@odata.count': z.number().int().nonnegative() });

/** Looks at a group by three small reads; only counts travel, however large it is. */
export function lookAtGroup(graph: Pick<GraphClient, 'get'>): GroupPorts['look'] {
  return async (id, signal) => {
    const path = `/groups/${encodeURIComponent(id)}`;
    const count = async (kind: 'user' | 'group') => {
      const query = `${path}/transitiveMembers/microsoft.graph.${kind}?$count=true&$select=id&$top=1`;
      const answer = await graph.get(query, counted, { signal, headers: { ConsistencyLevel: 'eventual' } });
      return answer['@odata.count'];
    };
    try {
      const group = await graph.get(`${path}?$select=id,displayName,groupTypes,visibility`, groupShape, { signal });
      const [people, nested] = await Promise.all([count('user'), count('group')]);
      return {
        name: group.displayName ?? undefined,
        dynamic: group.groupTypes.includes('DynamicMembership'),
        hidden: group.visibility === 'HiddenMembership',
        people,
        nested,
      };
    } catch (error) {
      if (error instanceof GraphError && saysNotFound(error.status, error.code)) return undefined;
      throw error;
    }
  };
}
