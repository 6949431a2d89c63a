import { Conflict, Invariant, Rejected } from '../../domain/errors.js';
import type { LakefsStep } from '../../domain/step.js';
import type { LakefsClient } from './client.js';
import { LakefsError } from './errors.js';
import { groupMarkedIn, markOfGroup } from './marks.js';
import { isBuiltIn } from './observe.js';

/** What a step made, as lakeFS calls it. */
export interface LakefsDone {
  id?: string | undefined;
}

/**
 * Does one step. `groupId`: the id of the lakeFS group that it is about, undefined where it is about to be made. A write
 * that was done already counts as done. Throws LakefsError, Busy, Conflict, Rejected.
 */
export async function apply(
  client: LakefsClient,
  step: LakefsStep,
  groupId: string | undefined,
  signal: AbortSignal,
): Promise<LakefsDone> {
  switch (step.action) {
    case 'create-user': {
      const { id } = await client.createUser({ id: step.name, invite: step.invite }, signal);
      return { id };
    }
    case 'create-group':
      return createGroup(client, step, signal);
    case 'delete-group':
      return deleteGroup(client, step, needed(groupId, step), signal);
    case 'add-member':
      await client.addMember(needed(groupId, step), step.name, signal);
      return {};
    case 'remove-member':
      await client.removeMember(needed(groupId, step), step.name, signal);
      return {};
    case 'attach-policy':
      return attachPolicy(client, step, needed(groupId, step), signal);
    case 'detach-policy':
      await client.detachPolicy(needed(groupId, step), step.policy, signal);
      return {};
    case 'set-permission':
      await client.setAcl(needed(groupId, step), step.permission, signal);
      return {};
    default:
      return step satisfies never;
  }
}

function needed(groupId: string | undefined, step: LakefsStep): string {
  const name = 'groupName' in step ? step.groupName : step.name;
  if (isBuiltIn(name) || (groupId !== undefined && isBuiltIn(groupId))) {
    throw new Invariant(`"${name}" is a group that lakeFS made at its set-up; nothing is written to it`);
  }
  if (groupId === undefined) throw new Rejected(`the lakeFS group "${name}" could not be made, so this waits for it`);
  return groupId;
}

async function createGroup(
  client: LakefsClient,
  { oid, name }: Extract<LakefsStep, { action: 'create-group' }>,
  signal: AbortSignal,
): Promise<LakefsDone> {
  if (isBuiltIn(name)) throw new Invariant(`"${name}" is a group that lakeFS made at its set-up`);
  try {
    const { id } = await client.createGroup({ name, description: markOfGroup(oid) }, signal);
    return { id };
  } catch (error) {
    if (!(error instanceof LakefsError && error.kind === 'exists')) throw error;
    // A creation whose answer was lost left our mark; without it somebody else was faster.
    const ours = (await client.listGroups(signal)).find(({ description }) => groupMarkedIn(description) === oid);
    if (ours) return { id: ours.id };
    throw new Conflict(
      `a lakeFS group "${name}" came into being meanwhile, and Entramox did not make it`,
      'if it is to be looked after, add its Entra group to LAKEFS_ADOPT_GROUP_IDS; else choose another name',
    );
  }
}

/** The mark is read again right before: an id may have been given to another group since the sweep looked. */
async function deleteGroup(
  client: LakefsClient,
  { oid, name }: Extract<LakefsStep, { action: 'delete-group' }>,
  groupId: string,
  signal: AbortSignal,
): Promise<LakefsDone> {
  const group = await client.getGroup(groupId, signal);
  if (!group) return {};
  if (groupMarkedIn(group.description) !== oid) {
    throw new Conflict(
      `the lakeFS group "${name}" does not carry our mark any more, so it is not deleted`,
      'delete it by hand once nobody needs it',
    );
  }
  await client.deleteGroup(groupId, signal);
  return {};
}

async function attachPolicy(
  client: LakefsClient,
  { policy, name }: Extract<LakefsStep, { action: 'attach-policy' }>,
  groupId: string,
  signal: AbortSignal,
): Promise<LakefsDone> {
  try {
    await client.attachPolicy(groupId, policy, signal);
    return {};
  } catch (error) {
    if (!(error instanceof LakefsError && error.kind === 'not-found')) throw error;
    throw new Rejected(
      `lakeFS has no policy "${policy}", or no group "${name}" any more: make the policy, or take it out of LAKEFS_DEFAULT_POLICIES or the mapping file`,
    );
  }
}
