import type { LakefsSettings } from '../../config/settings.js';
import { messageOf } from '../../domain/errors.js';
import type { LakefsClient, LakefsGroup, LakefsUser } from '../../targets/lakefs/client.js';
import { LakefsError } from '../../targets/lakefs/errors.js';
import { type Check, fine, remark, skipped, unreachable, wrong } from './check.js';

export type Tried<T> = { kind: 'answer'; value: T } | { kind: 'error'; error: unknown };

/** One read of each kind that a sweep makes; undefined: this mode makes none of that kind. */
export interface Reads {
  groups: Tried<LakefsGroup[]>;
  /** The members of one group. */
  members: Tried<LakefsUser[]> | undefined;
  groupPolicies: Tried<string[] | undefined> | undefined;
  users: Tried<LakefsUser[]> | undefined;
  policies: Tried<string[]> | undefined;
  /** The groups that our own user is in; undefined in the answer: lakeFS does not know our user. */
  ownGroups: Tried<LakefsGroup[] | undefined>;
}

/** Reads what a sweep would read, of one group as an example. Rejects only when aborted. */
export async function lookInside(
  { mode }: Pick<LakefsSettings, 'mode'>,
  client: LakefsClient,
  user: string,
  signal: AbortSignal,
): Promise<Reads> {
  const withMembers = mode !== 'policies-only';
  const withPolicies = mode !== 'members-only';
  const [groups, users, policies, ownGroups] = await Promise.all([
    tried(client.listGroups(signal), signal),
    withMembers ? tried(client.listUsers(signal), signal) : undefined,
    withPolicies ? tried(client.listPolicies(signal), signal) : undefined,
    tried(client.listUserGroups(user, signal), signal),
  ]);
  const first = groups.kind === 'answer' ? groups.value[0]?.id : undefined;
  if (first === undefined) return { groups, users, policies, ownGroups, members: undefined, groupPolicies: undefined };
  const hasPolicies = policies !== undefined && !isOf('no-policies')(policies);
  const [members, groupPolicies] = await Promise.all([
    withMembers ? tried(client.listMembers(first, signal), signal) : undefined,
    hasPolicies ? tried(client.listGroupPolicies(first, signal), signal) : undefined,
  ]);
  return { groups, users, policies, ownGroups, members, groupPolicies };
}

async function tried<T>(call: Promise<T>, signal: AbortSignal): Promise<Tried<T>> {
  try {
    return { kind: 'answer', value: await call };
  } catch (error) {
    signal.throwIfAborted();
    return { kind: 'error', error };
  }
}

/** Whether lakeFS refused a read in this way. */
export function isOf(kind: LakefsError['kind']): (outcome: Tried<unknown>) => boolean {
  return (outcome) => outcome.kind === 'error' && outcome.error instanceof LakefsError && outcome.error.kind === kind;
}

/** Whether the key's user may read what a sweep reads. What it may write cannot be seen without writing. */
export function checkRights({ accessKeyId }: Pick<LakefsClient, 'accessKeyId'>, all: Reads): Check {
  const name = 'lakefs.rights';
  const { ownGroups, ...rest } = all;
  // Reading people singly is what notifications need, and they are about members.
  const reads = [...Object.values(rest), all.users && ownGroups].filter((read) => read !== undefined);
  const refused = reads.filter(isOf('refused'));
  if (refused.length > 0) {
    const missing = [...new Set(refused.map(permissionIn))].join(', ');
    const mend = 'attach a policy with these to it in lakeFS (docs/lakefs.md, "A key of its own" has it whole)';
    return wrong(name, `the key ${accessKeyId} is taken, but its user lacks ${missing}`, mend);
  }
  const failed = reads.find(
    (read) => read.kind === 'error' && !isOf('no-policies')(read) && !isOf('no-rbac')(read) && !isOf('not-found')(read),
  );
  if (failed?.kind === 'error') return unreachable(name, messageOf(failed.error), 'run "entramox doctor" again');
  return fine(name, 'what a sweep reads may be read; what it writes shows with the first write');
}

function permissionIn(outcome: Tried<unknown>): string {
  return outcome.kind === 'error' ? (/auth:\w+/.exec(messageOf(outcome.error))?.[0] ?? 'a permission') : '';
}

/** Whether our user may do everything in lakeFS. */
export function checkBeyond(user: string, { ownGroups, policies }: Reads): Check {
  const name = 'lakefs.beyond';
  if (ownGroups.kind === 'error') {
    return isOf('refused')(ownGroups)
      ? remark(name, `in which groups the user ${user} is cannot be seen (that takes auth:ReadUser)`, 'look in lakeFS')
      : skipped(name, messageOf(ownGroups.error));
  }
  if (policies && isOf('no-policies')(policies)) {
    return fine(name, 'with simplified access control nobody less than an administrator can look after groups');
  }
  const groups = (ownGroups.value ?? []).map((group) => group.name);
  const isAdmin = groups.some((group) => group.toLowerCase() === 'admins');
  if (!isAdmin) return fine(name, `the user ${user} is no administrator of lakeFS`);
  const mend = `attach the policy of docs/lakefs.md ("A key of its own") to ${user}, then take it out of Admins`;
  return remark(name, `the user ${user} is in Admins: whoever has the key can do everything in lakeFS`, mend);
}
