import { badRequest, exists, notFound } from './errors.js';
import { pageOf } from './paging.js';
import { param, type Reply, type Route, type Service, WITH_ACLS, WITH_GROUPS, WITH_POLICIES } from './routes.js';
import type { GroupRecord } from './state.js';
import { shownUser } from './users.js';

const PERMISSIONS = ['Read', 'Write', 'Super', 'Admin'];

/** Groups, their members, their policies and their ACLs. */
export function groupRoutes({ state, flavour, conflictOnRepeatedPut }: Service): Route[] {
  function put(set: Set<string>, id: string): Reply {
    if (set.has(id) && conflictOnRepeatedPut()) throw exists();
    set.add(id);
    return { status: 201 };
  }

  function drop(set: Set<string>, id: string): Reply {
    if (!set.delete(id)) throw notFound();
    return { status: 204 };
  }

  const shown = (group: GroupRecord) => ({
    id: group.id,
    // Where names are ids, the server may leave the name out.
    ...(flavour === 'cloud' ? { name: group.name } : {}),
    ...(group.description === undefined ? {} : { description: group.description }),
    creation_date: group.creationDate,
  });

  return [
    {
      method: 'GET',
      template: '/auth/groups',
      permission: 'auth:ListGroups',
      flavours: WITH_GROUPS,
      handle: ({ query }) => ({ status: 200, body: pageOf([...state.groups.values()].map(shown), query) }),
    },
    {
      method: 'POST',
      template: '/auth/groups',
      permission: 'auth:CreateGroup',
      flavours: WITH_GROUPS,
      body: { required: ['id'], optional: ['description'] },
      handle: ({ body }) => {
        const { id, description } = body;
        if (typeof id !== 'string') throw badRequest('id: must be string');
        if (description !== undefined && typeof description !== 'string')
          throw badRequest('description: must be string');
        return { status: 201, body: shown(state.createGroup(id, description)) };
      },
    },
    {
      method: 'GET',
      template: '/auth/groups/{groupId}',
      permission: 'auth:ReadGroup',
      flavours: WITH_GROUPS,
      handle: (call) => ({ status: 200, body: shown(state.group(param(call, 'groupId'))) }),
    },
    {
      method: 'DELETE',
      template: '/auth/groups/{groupId}',
      permission: 'auth:DeleteGroup',
      flavours: WITH_GROUPS,
      handle: (call) => {
        state.groups.delete(state.group(param(call, 'groupId')).id);
        return { status: 204 };
      },
    },
    {
      method: 'GET',
      template: '/auth/groups/{groupId}/members',
      permission: 'auth:ReadGroup',
      flavours: WITH_GROUPS,
      handle: (call) => {
        const members = [...state.group(param(call, 'groupId')).members];
        return {
          status: 200,
          body: pageOf(
            members.map((id) => shownUser(state.user(id))),
            call.query,
          ),
        };
      },
    },
    {
      method: 'PUT',
      template: '/auth/groups/{groupId}/members/{userId}',
      permission: 'auth:AddGroupMember',
      flavours: WITH_GROUPS,
      handle: (call) => {
        const { members } = state.group(param(call, 'groupId'));
        return put(members, state.user(param(call, 'userId')).id);
      },
    },
    {
      method: 'DELETE',
      template: '/auth/groups/{groupId}/members/{userId}',
      permission: 'auth:RemoveGroupMember',
      flavours: WITH_GROUPS,
      handle: (call) => {
        const { members } = state.group(param(call, 'groupId'));
        return drop(members, state.user(param(call, 'userId')).id);
      },
    },
    {
      method: 'GET',
      template: '/auth/users/{userId}/groups',
      permission: 'auth:ReadUser',
      flavours: WITH_GROUPS,
      handle: (call) => {
        const { id } = state.user(param(call, 'userId'));
        const groups = [...state.groups.values()].filter(({ members }) => members.has(id));
        return { status: 200, body: pageOf(groups.map(shown), call.query) };
      },
    },
    {
      method: 'GET',
      template: '/auth/groups/{groupId}/policies',
      permission: 'auth:ReadGroup',
      flavours: WITH_POLICIES,
      handle: (call) => {
        const policies = [...state.group(param(call, 'groupId')).policies];
        return { status: 200, body: pageOf(policies.map(shownPolicy), call.query) };
      },
    },
    {
      method: 'PUT',
      template: '/auth/groups/{groupId}/policies/{policyId}',
      permission: 'auth:AttachPolicy',
      flavours: WITH_POLICIES,
      handle: (call) => {
        const { policies } = state.group(param(call, 'groupId'));
        return put(policies, state.policy(param(call, 'policyId')));
      },
    },
    {
      method: 'DELETE',
      template: '/auth/groups/{groupId}/policies/{policyId}',
      permission: 'auth:DetachPolicy',
      flavours: WITH_POLICIES,
      handle: (call) => drop(state.group(param(call, 'groupId')).policies, param(call, 'policyId')),
    },
    {
      method: 'GET',
      template: '/auth/policies',
      permission: 'auth:ListPolicies',
      flavours: WITH_POLICIES,
      handle: ({ query }) => ({ status: 200, body: pageOf([...state.policies].map(shownPolicy), query) }),
    },
    {
      method: 'GET',
      template: '/auth/groups/{groupId}/acl',
      permission: 'auth:ReadGroup',
      flavours: WITH_ACLS,
      handle: (call) => {
        const { acl } = state.group(param(call, 'groupId'));
        if (acl === undefined) throw notFound('Group has no ACL').and({ no_acl: true });
        return { status: 200, body: { permission: acl } };
      },
    },
    {
      method: 'POST',
      template: '/auth/groups/{groupId}/acl',
      permission: 'auth:AttachPolicy',
      flavours: WITH_ACLS,
      body: { required: ['permission'] },
      handle: (call) => {
        const group = state.group(param(call, 'groupId'));
        const { permission } = call.body;
        if (typeof permission !== 'string' || !PERMISSIONS.includes(permission)) {
          throw badRequest('permission: unknown');
        }
        group.acl = permission;
        return { status: 201 };
      },
    },
  ];
}

function shownPolicy(id: string) {
  return {
    id,
    creation_date: 1_764_000_000,
    statement: [{ effect: 'allow', resource: '*', action: [id.startsWith('FS') ? 'fs:Read*' : 'auth:*'] }],
  };
}
