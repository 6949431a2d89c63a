import { Busy } from '../domain/errors.js';
import type { LakefsStep } from '../domain/step.js';
import type { Context } from './context.js';
import { lakefsRecord, writableLakefsRecord } from './lakefs-port.js';

/** Does one step in lakeFS and notes in the ledger, in memory, what came of it. Throws what the target throws. */
export async function applyLakefs(ctx: Context, step: LakefsStep, signal: AbortSignal): Promise<void> {
  const groupId = lakefsRecord(ctx.ledger).groups['group' in step ? step.group : step.oid]?.id;
  const done = await ctx.targets.lakefs?.apply(step, groupId, signal);
  note(ctx, step, done?.id);
}

/**
 * Why somebody cannot be put into a group: it was to be made just now, and was not; or the user that the person was
 * before could not be taken out, and would be lost sight of.
 */
export function obstacleTo({ ledger }: Context, step: LakefsStep): Busy | undefined {
  if (!('group' in step)) return undefined;
  const group = lakefsRecord(ledger).groups[step.group];
  if (group?.id === undefined) {
    return new Busy(`the lakeFS group "${step.groupName}" could not be made, so its members wait for it`);
  }
  const former = group.members[step.oid];
  if (step.action !== 'add-member' || former === undefined || former === step.name) return undefined;
  return new Busy(`the lakeFS user "${former}" is still in "${step.groupName}", so "${step.name}" waits`);
}

function note({ ledger }: Context, step: LakefsStep, id: string | undefined): void {
  const { groups } = writableLakefsRecord(ledger);
  const group = groups['group' in step ? step.group : step.oid];
  if (!group) return;
  switch (step.action) {
    case 'create-group':
      group.id = id;
      break;
    case 'delete-group':
      delete groups[step.oid];
      break;
    case 'add-member':
      group.members[step.oid] = step.name;
      break;
    case 'remove-member':
      if (group.members[step.oid] === step.name) delete group.members[step.oid];
      break;
    case 'detach-policy':
      group.policies = group.policies.filter((policy) => policy !== step.policy);
      break;
    // What is attached and set was noted before it was done; whoever was made is found by matching.
    case 'attach-policy':
    case 'set-permission':
    case 'create-user':
      break;
    default:
      step satisfies never;
  }
}
