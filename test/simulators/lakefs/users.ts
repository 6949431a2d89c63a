import { badRequest, notImplemented } from './errors.js';
import { pageOf } from './paging.js';
import { ALL, param, type Route, type Service } from './routes.js';
import type { UserRecord } from './state.js';

/** People, what this server can do, and who is asking. */
export function userRoutes({ state, flavour, canInvite }: Service): Route[] {
  return [
    {
      method: 'GET',
      template: '/auth/users',
      permission: 'auth:ListUsers',
      flavours: ALL,
      handle: ({ query }) => ({ status: 200, body: pageOf([...state.users.values()].map(shownUser), query) }),
    },
    {
      method: 'POST',
      template: '/auth/users',
      permission: 'auth:CreateUser',
      flavours: ['cloud', 'names', 'simplified'],
      body: { required: ['id'], optional: ['invite_user'] },
      handle: ({ body }) => {
        const { id, invite_user: invite = false } = body;
        if (typeof id !== 'string') throw badRequest('id: must be string');
        if (typeof invite !== 'boolean') throw badRequest('invite_user: must be boolean');
        if (!invite) return { status: 201, body: shownUser(state.createUser({ id })) };
        if (!canInvite()) throw notImplemented();
        const email = id.toLowerCase();
        if (!/^[^@\s]+@[^@\s]+$/.test(email)) throw badRequest('invalid email');
        return { status: 201, body: shownUser(state.createUser({ id: email, email })) };
      },
    },
    {
      method: 'GET',
      template: '/auth/users/{userId}',
      permission: 'auth:ReadUser',
      flavours: ALL,
      handle: (call) => ({ status: 200, body: shownUser(state.user(param(call, 'userId'))) }),
    },
    {
      method: 'DELETE',
      template: '/auth/users/{userId}',
      permission: 'auth:DeleteUser',
      flavours: ['cloud', 'names', 'simplified'],
      handle: (call) => {
        state.deleteUser(param(call, 'userId'));
        return { status: 204 };
      },
    },
    {
      method: 'GET',
      template: '/user',
      permission: undefined,
      flavours: ALL,
      handle: ({ userId }) => ({ status: 200, body: { user: shownUser(state.user(userId)) } }),
    },
    {
      method: 'GET',
      template: '/auth/capabilities',
      permission: 'open',
      flavours: ALL,
      handle: () => ({ status: 200, body: { invite_user: flavour !== 'none' && canInvite(), forgot_password: false } }),
    },
  ];
}

/** A user as lakeFS writes one: what is not known of it is left out. */
export function shownUser({ id, creationDate, friendlyName, email }: UserRecord) {
  return {
    id,
    creation_date: creationDate,
    ...(friendlyName === undefined ? {} : { friendly_name: friendlyName }),
    ...(email === undefined ? {} : { email }),
  };
}
