import { baseGroup } from '../domain/entitlement.js';
import type { ObjectId } from '../domain/identity.js';
import { commentFor, ownerIn } from '../domain/proxmox-comment.js';
import { proxmoxNameOf } from '../domain/proxmox-name.js';
import type { ProxmoxUser } from '../domain/sight.js';
import { describeStep, type ProxmoxStep } from '../domain/step.js';
import type { Found, Subject } from './adoption-part.js';
import type { Context } from './context.js';

/** What stands in Proxmox for somebody. */
export async function findProxmox(
  ctx: Context,
  { oid, entry, attributes }: Subject,
  signal: AbortSignal,
): Promise<Found> {
  const part: Found = { target: 'proxmox', name: '', standing: 'none', facts: [], steps: [], next: [], done: false };
  const mapped = proxmoxNameOf(attributes.upn, ctx.policy.realm);
  if (!mapped.ok) return { ...part, name: attributes.upn, standing: 'refused', why: mapped.why };
  const name = mapped.userid;
  const sight = (await ctx.targets.proxmox?.observe([{ oid, name }], signal))?.get(oid);
  const isReleased = entry.released?.proxmox !== undefined;
  const adoptable = (user: ProxmoxUser, first?: string): Found => ({
    ...part,
    name,
    standing: 'adoptable',
    proxmox: user,
    first,
    facts: factsOf(user),
    steps: [describeStep(markStep(ctx, oid, user))],
  });
  switch (sight?.certainty) {
    case 'present': {
      const { value } = sight;
      // With PVE_PROVISION=existing a mark is not needed to be seen.
      if (ownerIn(value.comment) !== oid || isReleased) return adoptable(value);
      return { ...part, name, standing: 'managed', proxmox: value, facts: factsOf(value) };
    }
    case 'foreign': {
      const { what, remedy } = sight;
      if (!sight.adoptable) return { ...part, name, standing: 'refused', why: `${name}: ${what}`, remedy };
      return adoptable(sight.adoptable, sight.outOfReach);
    }
    case 'absent':
      if (!isReleased) return { ...part, name, why: `Proxmox has no user ${name}` };
      return { ...part, name, standing: 'adoptable', steps: [`proxmox look after ${name} again`] };
    default:
      return {
        ...part,
        name,
        standing: 'refused',
        why: `${name} cannot be seen in Proxmox: ${sight?.why ?? 'no answer'}`,
      };
  }
}

function factsOf({ enabled, comment, groups }: ProxmoxUser): string[] {
  return [`${enabled ? 'enabled' : 'disabled'}, comment "${comment}"`, `groups ${groups.join(' ') || 'none'}`];
}

function markStep(ctx: Context, oid: ObjectId, before: ProxmoxUser): ProxmoxStep {
  const wanted = { presence: 'active', entitlement: { sudo: false, linuxGroups: [], pveGroups: [] } } as const;
  const { userid: name } = before;
  const change = { comment: commentFor(oid, wanted, undefined) };
  const groups = [baseGroup(ctx.policy.realm)];
  return { target: 'proxmox', action: 'update', effect: 'touch', oid, name, change, groups, append: true, before };
}

/** Puts our mark into the comment of a user, which makes it ours. */
export async function writeMark(ctx: Context, oid: ObjectId, user: ProxmoxUser, signal: AbortSignal): Promise<void> {
  const step = markStep(ctx, oid, user);
  await ctx.lanes.proxmox.add(async () => ctx.targets.proxmox?.apply(step, signal), { priority: 1 });
}
