import type { DirectoryObject, DirectoryState } from './directory-state.js';
import { GraphFailure, notFound, unsupportedQuery } from './errors.js';
import { allowOptions, isAdvanced, project, readSelect } from './odata.js';
import { listing } from './paging.js';
import type { DirectoryView } from './read-faults.js';
import { demand, mayRead, needs } from './roles.js';
import type { Answer, Caller, Incoming, Route } from './types.js';

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const MAX_CHECKED_GROUPS = 20;

export interface DirectoryEndpointOptions {
  state: DirectoryState;
  view: DirectoryView;
  baseUrl: () => string;
}

/** Users, groups, memberships and deleted items, as v1.0 answers them. */
export function directoryRoutes({ state, view, baseUrl }: DirectoryEndpointOptions): Route[] {
  function shownTo(caller: Caller): (id: string, property: string) => boolean {
    return (id, property) =>
      view.hidden(id, property) || (state.objects.get(id)?.kind !== 'group' && !mayRead(caller, property));
  }

  /** The object id for a key of `/users/{key}`, which may be a user principal name. */
  function userId(key: string): string {
    if (GUID.test(key)) return key.toLowerCase();
    const upn = key.toLowerCase();
    const found = [...state.objects.values()].find(
      (object) => object.kind === 'user' && String(object.properties.userPrincipalName).toLowerCase() === upn,
    );
    if (!found) throw notFound(key);
    return found.id;
  }

  function existingGroup(key: string): DirectoryObject {
    if (!GUID.test(key)) throw new GraphFailure(400, 'Request_BadRequest', `Invalid object identifier '${key}'.`);
    const group = state.objects.get(key.toLowerCase());
    if (group?.kind !== 'group') throw notFound(key);
    return group;
  }

  function single(incoming: Incoming, object: DirectoryObject, context: string, extra: readonly string[] = []): Answer {
    allowOptions(incoming.query, ['$select']);
    const select = readSelect(incoming.query, object.kind);
    const hidden = shownTo(incoming.caller);
    const shown = project(object, select, { typed: extra.length > 0, hidden });
    for (const name of extra) shown[name] ??= object.properties[name] ?? null;
    return { status: 200, body: { '@odata.context': `${baseUrl()}/$metadata#${context}/$entity`, ...shown } };
  }

  function members(depth: 'direct' | 'transitive', cast?: 'user' | 'group') {
    return (incoming: Incoming, key: string): Answer => {
      demand(incoming.caller, ...needs.members);
      const group = existingGroup(key);
      if (cast && !isAdvanced(incoming)) throw castRefused(cast);
      const hiddenMembers =
        group.properties.visibility === 'HiddenMembership' && !incoming.caller.roles.has('Member.Read.Hidden');
      const all = hiddenMembers ? [] : view.list(group.id, depth, cast);
      // v1.0 leaves service principals out of member listings (known issue of the API).
      const chosen = all.filter((object) => (cast ? object.kind === cast : object.kind !== 'servicePrincipal'));
      return listing(incoming, chosen, {
        baseUrl: baseUrl(),
        kind: cast ?? 'mixed',
        context: cast ? `${cast}s` : 'directoryObjects',
        hidden: shownTo(incoming.caller),
      });
    };
  }

  function memberOf(depth: 'direct' | 'above', cast: boolean) {
    return (incoming: Incoming, key: string): Answer => {
      demand(incoming.caller, ...needs.memberOf);
      if (cast && !isAdvanced(incoming)) throw castRefused('group');
      const seen = view.look(userId(key));
      if (seen.object?.kind !== 'user') throw notFound(key);
      const groups = [...seen[depth]]
        .map((id) => state.objects.get(id))
        .filter((group) => group !== undefined)
        .sort((left, right) => (left.id < right.id ? -1 : 1));
      return listing(incoming, groups, {
        baseUrl: baseUrl(),
        kind: cast ? 'group' : 'mixed',
        context: cast ? 'groups' : 'directoryObjects',
        hidden: shownTo(incoming.caller),
      });
    };
  }

  const routes: Route[] = [
    {
      method: 'GET',
      template: '/users',
      handle(incoming) {
        demand(incoming.caller, ...needs.user);
        const hidden = shownTo(incoming.caller);
        return listing(incoming, view.all('user'), { baseUrl: baseUrl(), kind: 'user', context: 'users', hidden });
      },
    },
    {
      method: 'GET',
      template: '/users/{id}',
      handle(incoming, key) {
        demand(incoming.caller, ...needs.user);
        const seen = view.look(userId(key));
        if (seen.object?.kind !== 'user') throw notFound(key);
        return single(incoming, seen.object, 'users');
      },
    },
    {
      method: 'POST',
      template: '/users/{id}/checkMemberGroups',
      handle(incoming, key) {
        demand(incoming.caller, ...needs.checkMemberGroups);
        const groupIds = readGroupIds(incoming.body);
        const seen = view.look(userId(key));
        if (seen.object?.kind !== 'user') throw notFound(key);
        const value = groupIds.filter((id) => seen.above.has(id.toLowerCase()));
        return { status: 200, body: { '@odata.context': `${baseUrl()}/$metadata#Collection(Edm.String)`, value } };
      },
    },
    { method: 'GET', template: '/users/{id}/memberOf', handle: memberOf('direct', false) },
    { method: 'GET', template: '/users/{id}/transitiveMemberOf', handle: memberOf('above', false) },
    {
      method: 'GET',
      template: '/groups',
      handle(incoming) {
        demand(incoming.caller, ...needs.groups);
        const hidden = shownTo(incoming.caller);
        return listing(incoming, view.all('group'), { baseUrl: baseUrl(), kind: 'group', context: 'groups', hidden });
      },
    },
    {
      method: 'GET',
      template: '/groups/{id}',
      handle(incoming, key) {
        demand(incoming.caller, ...needs.groups);
        return single(incoming, existingGroup(key), 'groups');
      },
    },
    { method: 'GET', template: '/groups/{id}/members', handle: members('direct') },
    { method: 'GET', template: '/groups/{id}/transitiveMembers', handle: members('transitive') },
    {
      method: 'GET',
      template: '/directory/deletedItems',
      handle() {
        throw unsupportedQuery('A type cast is needed to list deleted items, for example microsoft.graph.user.');
      },
    },
    {
      method: 'GET',
      template: '/directory/deletedItems/microsoft.graph.user',
      handle(incoming) {
        demand(incoming.caller, ...needs.deletedUsers);
        const deleted = [...state.softDeleted.values()].sort((left, right) => (left.id < right.id ? -1 : 1));
        const hidden = shownTo(incoming.caller);
        return listing(incoming, deleted, { baseUrl: baseUrl(), kind: 'user', context: 'users', hidden });
      },
    },
    {
      method: 'GET',
      template: '/directory/deletedItems/{id}',
      handle(incoming, key) {
        demand(incoming.caller, ...needs.deletedUsers);
        const seen = view.look(key.toLowerCase());
        if (!seen.softDeleted) throw notFound(key);
        return single(incoming, seen.softDeleted, 'directoryObjects', ['deletedDateTime']);
      },
    },
  ];

  for (const name of ['microsoft.graph', 'graph']) {
    for (const [segment, depth] of [
      ['members', 'direct'],
      ['transitiveMembers', 'transitive'],
    ] as const)
      for (const kind of ['user', 'group'] as const)
        routes.push({
          method: 'GET',
          template: `/groups/{id}/${segment}/${name}.${kind}`,
          handle: members(depth, kind),
        });
    routes.push({ method: 'GET', template: `/users/{id}/memberOf/${name}.group`, handle: memberOf('direct', true) });
    routes.push({
      method: 'GET',
      template: `/users/{id}/transitiveMemberOf/${name}.group`,
      handle: memberOf('above', true),
    });
  }
  return routes;
}

function castRefused(cast: string): GraphFailure {
  return unsupportedQuery(
    `The cast to microsoft.graph.${cast} needs the header 'ConsistencyLevel: eventual' and the query option '$count=true'.`,
  );
}

function readGroupIds(body: unknown): string[] {
  const ids = typeof body === 'object' && body !== null && 'groupIds' in body ? body.groupIds : undefined;
  if (!Array.isArray(ids) || ids.length === 0 || !ids.every((id) => typeof id === 'string' && GUID.test(id)))
    throw new GraphFailure(400, 'Request_BadRequest', "The parameter 'groupIds' must be a list of group ids.");
  if (ids.length > MAX_CHECKED_GROUPS)
    throw new GraphFailure(
      400,
      'Request_BadRequest',
      `The number of ids in 'groupIds' (${ids.length}) is above the maximum of ${MAX_CHECKED_GROUPS}.`,
    );
  return ids as string[];
}
