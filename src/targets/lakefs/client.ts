import type { Dispatcher } from 'undici';
import type { z } from 'zod';
import type { Clock } from '../../domain/clock.js';
import { Busy, Rejected, SourceUnavailable } from '../../domain/errors.js';
import type { Log } from '../../telemetry/log.js';
import type { LakefsClient } from './api.js';
import { DEFAULT_RETRY, type RetryPolicy } from './backoff.js';
import { openConnections } from './connections.js';
import { parseEndpoint } from './encode.js';
import { LakefsError, type LakefsErrorKind } from './errors.js';
import { checked, PAGE_SIZE, readAllPages } from './pages.js';
import { acl, capabilities, currentUser, group, type LakefsGroup, policy, user } from './schema.js';
import { type CallReport, createTransport, type LakefsCall } from './transport.js';

export type { LakefsCapabilities, LakefsClient, LakefsGroup, LakefsUser } from './api.js';
export type { CallReport } from './transport.js';

export interface LakefsClientOptions {
  /** LAKEFS_ENDPOINT, with or without `/api/v1`. */
  endpoint: string;
  accessKeyId: string;
  secretAccessKey: string;
  /** PEM text of roots trusted beside Node's own; only without `dispatcher`. */
  ca?: string | undefined;
  /** The way out, through a proxy where there is one. By default connections of the client's own. */
  dispatcher?: Dispatcher | undefined;
  /** Per attempt; default 30 s. */
  timeoutMs?: number | undefined;
  retry?: RetryPolicy | undefined;
  log: Log;
  clock: Clock;
  /** From 0 up to 1. */
  random?: (() => number) | undefined;
  onCall?: ((report: CallReport) => void) | undefined;
}

/** Throws Rejected where the endpoint is wrong or would send the secret in clear. */
export function createLakefsClient(options: LakefsClientOptions): LakefsClient {
  const { accessKeyId, secretAccessKey, log, clock, timeoutMs = 30_000 } = options;
  const address = parseEndpoint(options.endpoint);
  const own = options.dispatcher ? undefined : openConnections({ ca: options.ca, timeoutMs });
  const send = createTransport({
    address,
    accessKeyId,
    secretAccessKey,
    dispatcher: options.dispatcher ?? (own as Dispatcher),
    timeoutMs,
    retry: options.retry ?? DEFAULT_RETRY,
    log,
    clock,
    random: options.random ?? Math.random,
    onCall: options.onCall ?? (() => undefined),
  });

  const list = <T extends { id: string }>(
    call: Omit<LakefsCall, 'method' | 'query' | 'body'>,
    item: z.ZodType<T>,
    what: string,
    signal: AbortSignal,
  ): Promise<T[]> =>
    readAllPages({
      what,
      item,
      read: (after) => {
        const query = { amount: PAGE_SIZE, ...(after === undefined ? {} : { after }) };
        return send({ ...call, method: 'GET', query }, signal);
      },
    });

  /** Sends a write whose refusal as `settled` means that nothing was left to do. */
  async function write(call: LakefsCall, settled: LakefsErrorKind, signal: AbortSignal): Promise<boolean> {
    return unless(settled, async () => {
      await send(call, signal);
      return true;
    }).then((done) => done ?? false);
  }

  const membership = (groupId: string, userId: string) => ({
    route: '/auth/groups/{groupId}/members/{userId}',
    params: { groupId, userId },
    subject: 'groups' as const,
  });
  const attachment = (groupId: string, policyId: string) => ({
    route: '/auth/groups/{groupId}/policies/{policyId}',
    params: { groupId, policyId },
    subject: 'policies' as const,
  });
  const oneGroup = (groupId: string) => ({
    route: '/auth/groups/{groupId}',
    params: { groupId },
    subject: 'groups' as const,
  });
  const groupAcl = (groupId: string) => ({
    route: '/auth/groups/{groupId}/acl',
    params: { groupId },
    subject: 'acls' as const,
  });

  return {
    host: address.host,
    accessKeyId,
    listGroups: (signal) =>
      list({ route: '/auth/groups', subject: 'groups', permission: 'auth:ListGroups' }, group, 'its groups', signal),
    getGroup: (groupId, signal) =>
      unless('not-found', async () => {
        const call = { ...oneGroup(groupId), method: 'GET' as const, permission: 'auth:ReadGroup' };
        return itself(groupId, checked(group, await send(call, signal), `the group ${groupId}`));
      }),
    async createGroup({ name, description }, signal) {
      // lakeFS: "Group name cannot contain '%'".
      if (name === '' || name.includes('%')) {
        throw new Rejected(
          `lakeFS takes no group of the name ${JSON.stringify(name)}; give it another with LAKEFS_MAPPING_FILE`,
        );
      }
      const body = { id: name, description };
      const route = '/auth/groups';
      const call = { method: 'POST' as const, route, body, subject: 'groups' as const, permission: 'auth:CreateGroup' };
      return asOrdered({ name, description }, checked(group, await send(call, signal), `the new group ${name}`));
    },
    deleteGroup: (groupId, signal) =>
      write({ ...oneGroup(groupId), method: 'DELETE', permission: 'auth:DeleteGroup' }, 'not-found', signal),
    listMembers(groupId, signal) {
      const route = '/auth/groups/{groupId}/members';
      const call = { route, params: { groupId }, subject: 'groups' as const, permission: 'auth:ReadGroup' };
      return list(call, user, `the members of ${groupId}`, signal);
    },
    addMember: (groupId, userId, signal) =>
      write({ ...membership(groupId, userId), method: 'PUT', permission: 'auth:AddGroupMember' }, 'exists', signal),
    removeMember: (groupId, userId, signal) =>
      write(
        { ...membership(groupId, userId), method: 'DELETE', permission: 'auth:RemoveGroupMember' },
        'not-found',
        signal,
      ),
    async listGroupPolicies(groupId, signal) {
      const route = '/auth/groups/{groupId}/policies';
      const call = { route, params: { groupId }, subject: 'policies' as const, permission: 'auth:ReadGroup' };
      return idsOf(await list(call, policy, `the policies of ${groupId}`, signal));
    },
    attachPolicy: (groupId, policyId, signal) =>
      write({ ...attachment(groupId, policyId), method: 'PUT', permission: 'auth:AttachPolicy' }, 'exists', signal),
    detachPolicy: (groupId, policyId, signal) =>
      write(
        { ...attachment(groupId, policyId), method: 'DELETE', permission: 'auth:DetachPolicy' },
        'not-found',
        signal,
      ),
    async listPolicies(signal) {
      const call = { route: '/auth/policies', subject: 'policies' as const, permission: 'auth:ListPolicies' };
      return idsOf(await list(call, policy, 'its policies', signal));
    },
    listUsers: (signal) =>
      list({ route: '/auth/users', subject: 'users', permission: 'auth:ListUsers' }, user, 'its users', signal),
    getUser: (userId, signal) =>
      unless('not-found', async () => {
        const route = '/auth/users/{userId}';
        const call = { method: 'GET' as const, route, params: { userId }, subject: 'users' as const };
        const answer = await send({ ...call, permission: 'auth:ReadUser' }, signal);
        return itself(userId, checked(user, answer, `the user ${userId}`));
      }),
    listUserGroups: (userId, signal) =>
      unless('not-found', () => {
        const route = '/auth/users/{userId}/groups';
        const call = { route, params: { userId }, subject: 'groups' as const, permission: 'auth:ReadUser' };
        return list(call, group, `the groups of ${userId}`, signal);
      }),
    async createUser({ id, invite }, signal) {
      const body = invite ? { id, invite_user: true } : { id };
      const permission = invite ? 'auth:CreateUser and auth:InviteUser' : 'auth:CreateUser';
      const call = { method: 'POST' as const, route: '/auth/users', body, subject: 'users' as const, permission };
      return checked(user, await send(call, signal), `the new user ${id}`);
    },
    getAcl: (groupId, signal) =>
      unless('no-acl-yet', async () => {
        const call = { ...groupAcl(groupId), method: 'GET' as const, permission: 'auth:ReadGroup' };
        return checked(acl, await send(call, signal), `the ACL of ${groupId}`).permission;
      }),
    async setAcl(groupId, permission, signal) {
      const call = { ...groupAcl(groupId), method: 'POST' as const, body: { permission } };
      await send({ ...call, permission: 'auth:AttachPolicy' }, signal);
    },
    async currentUser(signal) {
      const call = { method: 'GET' as const, route: '/user', subject: 'users' as const, permission: 'to sign in' };
      return checked(currentUser, await send(call, signal), 'our own user').user;
    },
    async capabilities(signal) {
      const call = { method: 'GET' as const, route: '/auth/capabilities', subject: 'users' as const };
      return checked(capabilities, await send({ ...call, permission: 'to sign in' }, signal), 'its capabilities');
    },
    async close() {
      await own?.destroy();
    },
  };
}

function idsOf(items: readonly { id: string }[]): string[] {
  return items.map(({ id }) => id).sort();
}

/** A cache or a proxy in between may give another one's answer, and people would be put where nobody put them. */
function itself<T extends { id: string }>(asked: string, answer: T): T {
  if (answer.id === asked) return answer;
  throw new SourceUnavailable(
    `lakeFS was asked about ${JSON.stringify(asked)} and told about ${JSON.stringify(answer.id)}; is something in between?`,
  );
}

/** The group that was just made. Its id is lakeFS's affair; what else it says of it is what we said. */
function asOrdered(ordered: { name: string; description: string }, made: LakefsGroup): LakefsGroup {
  const { id, name, description } = made;
  // Without a name the id stands for it, and without a description nothing does.
  const isIt = (name === id || name === ordered.name) && (description === '' || description === ordered.description);
  if (isIt) return made;
  throw new Busy(
    `lakeFS was told to make the group ${JSON.stringify(ordered.name)} and says that it made ${JSON.stringify(name.slice(0, 300))}; the next pass looks again`,
  );
}

/** What `work` gives, or undefined where lakeFS answered with this kind of error. */
async function unless<T>(kind: LakefsErrorKind, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof LakefsError && error.kind === kind) return undefined;
    throw error;
  }
}
