import { entriesOf, isSameEntry, isSameGrant } from '../entries.js';
import { isNamedLike } from '../family.js';
import { ownUserComment, rolesInMark } from '../marks.js';
import type { AclEntry, ObservedAccess } from '../observed.js';
import type { TokenStep } from '../plan.js';
import { isSameRole } from '../privileges.js';
import type { SeenGroup } from './groups.js';
import { groupComment, isOurGroup, realmInMark } from './marks.js';
import type { Wanted } from './wanted.js';

/** One write on a group. */
export type GroupStep =
  | { do: 'group.create' | 'group.mark'; group: string; comment: string }
  | { do: 'group.delete'; group: string };

/** One write before the token is looked after. */
export type GroundStep = GroupStep | TokenStep;

/** What stands in the way; nothing at all is done then. */
export interface GroundConflict {
  what: string;
  why: string;
  remedy: string;
}

export interface GroundPlan {
  steps: GroundStep[];
  conflicts: GroundConflict[];
  remarks: string[];
}

export interface GroundOptions {
  wanted: Wanted;
  access: ObservedAccess;
  groups: ReadonlyMap<string, SeenGroup>;
  /** Take what is there without a mark under management. */
  adopt: boolean;
  /** Take away what is ours and no longer wanted. */
  prune: boolean;
}

/**
 * What has to stand before Entramox's own token can: its user, its roles, the managed groups, and what those may. Rights
 * of the user and the token itself follow with the declaration of the token. Pure.
 */
export function planGround(options: GroundOptions): GroundPlan {
  const { wanted, access, groups, prune } = options;
  const conflicts = conflictsOf(options);
  if (conflicts.length > 0) return { steps: [], conflicts, remarks: [] };
  const surplus = surplusEntries(options);
  const retired = [...groups].filter(([group, seen]) => isRetired(group, seen, wanted)).map(([group]) => group);
  const doomed = doomedRoles(options, surplus);
  const { owner } = wanted.declaration;
  const seenOwner = access.owners.get(owner);
  const ours = ourRoles(options);
  // A role is named before it is made and until it is gone, so that a run that dies in between still knows whose it is.
  const comment = ownUserComment([...ours, ...doomed], seenOwner?.comment);
  const marking: TokenStep[] = [];
  if (!seenOwner) marking.push({ do: 'owner.create', owner, comment });
  else if (seenOwner.comment !== comment) marking.push({ do: 'owner.mark', owner, comment });
  const steps: GroundStep[] = [
    ...marking,
    ...wanted.roles.flatMap((role) => roleSteps(role, owner, access)),
    ...wanted.groups.flatMap((group) => groupSteps(group, wanted.realm, groups)),
    ...groupEntries(wanted)
      .filter((entry) => !access.acl.some((seen) => isSameEntry(seen, entry)))
      .map((entry): TokenStep => ({ do: 'acl.grant', entry })),
  ];
  const left = [
    ...surplus.map(({ ugid, roleid, path }) => `${ugid} has ${roleid} on ${path}, which is not asked for`),
    ...retired.map((group) => `the group ${group} is ours and carries no role of the configuration any more`),
    ...doomed.map((role) => `the role ${role} is ours and not needed any more`),
  ];
  if (!prune) return { steps, conflicts, remarks: left.map((text) => `${text}; --prune takes it away`) };
  const taken: GroundStep[] = [
    ...surplus.map((entry): TokenStep => ({ do: 'acl.revoke', entry })),
    ...retired.map((group): GroupStep => ({ do: 'group.delete', group })),
    ...doomed.map((role): TokenStep => ({ do: 'role.delete', role })),
    ...(doomed.length > 0 ? [{ do: 'owner.mark', owner, comment: ownUserComment(ours, comment) } as const] : []),
  ];
  return { steps: [...steps, ...taken], conflicts, remarks: [] };
}

function conflictsOf({ wanted, access, groups, adopt }: GroundOptions): GroundConflict[] {
  const found: GroundConflict[] = [];
  const adoption = 'run with --adopt if it is meant to be looked after from now on';
  for (const group of wanted.groups) {
    const seen = groups.get(group);
    const strangers = seen?.members.filter((userid) => !userid.endsWith(`@${wanted.realm}`)) ?? [];
    if (strangers.length > 0) {
      const why = `the group ${group} has members of other realms: ${strangers.slice(0, 5).join(', ')}; the token could act as them`;
      const remedy = `take them out of it (pveum user modify USER --groups THE,OTHERS), and give them their role in another way`;
      found.push({ what: group, why, remedy });
    }
    if (!seen || adopt || isOurGroup(seen.comment, wanted.realm)) continue;
    const members = seen.members.length > 0 ? `, with ${seen.members.length} members` : '';
    const why = `the group ${group} is there${members} and is not marked as ours`;
    found.push({ what: group, why, remedy: `${adoption}, or set pve_group in ENTRA_ROLE_MAP to another name` });
  }
  for (const role of new Set(wanted.groupGrants.map(({ pveRole }) => pveRole))) {
    if (access.roles.has(role)) continue;
    const why = `there is no role ${role}, which the configuration maps a group to`;
    found.push({ what: role, why, remedy: 'make it (pveum role add), or name one of "pveum role list"' });
  }
  for (const { role, privilege } of wanted.roles) {
    const held = access.roles.get(role);
    if (adopt || !held || isSameRole(held, [privilege]) || isMarked(role, access)) continue;
    const why = `the role ${role} is there with other privileges and is not marked as ours`;
    found.push({ what: role, why, remedy: adoption });
  }
  return found;
}

function isMarked(role: string, { owners }: ObservedAccess): boolean {
  return [...owners.values()].some(({ comment }) => rolesInMark(comment)?.includes(role));
}

/** Those of the wanted roles that we made, make now or take over; a fitting one of somebody else is only used. */
function ourRoles({ wanted, access, adopt }: GroundOptions): string[] {
  return wanted.roles
    .map(({ role }) => role)
    .filter((role) => adopt || !access.roles.has(role) || isMarked(role, access));
}

function roleSteps(
  { role, privilege }: Wanted['roles'][number],
  owner: string,
  { roles }: ObservedAccess,
): TokenStep[] {
  const privileges = [privilege];
  const held = roles.get(role);
  if (!held) return [{ do: 'role.create', role, owner, privileges }];
  if (isSameRole(held, privileges)) return [];
  const removed = [...held].filter((name) => name !== privilege).sort();
  return [{ do: 'role.change', role, privileges, added: held.has(privilege) ? [] : privileges, removed }];
}

function groupSteps(group: string, realm: string, groups: GroundOptions['groups']): GroupStep[] {
  const seen = groups.get(group);
  const comment = groupComment(realm, seen?.comment);
  if (!seen) return [{ do: 'group.create', group, comment }];
  return seen.comment === comment ? [] : [{ do: 'group.mark', group, comment }];
}

function groupEntries({ groupGrants }: Wanted): AclEntry[] {
  return groupGrants.map(({ pveGroup, pveRole, path }) => ({
    path,
    type: 'group',
    ugid: pveGroup,
    roleid: pveRole,
    propagate: true,
  }));
}

/** What our groups, our user and our tokens may beyond what was asked for. */
function surplusEntries({ wanted, access }: GroundOptions): AclEntry[] {
  const { declaration, groups } = wanted;
  const { owner, name } = declaration;
  const asked = [...entriesOf(declaration), ...groupEntries(wanted)];
  // While a token is being followed by the next, both have the same rights.
  const asOurs = (entry: AclEntry): AclEntry =>
    entry.type === 'token' && isNamedLike(declaration, entry.ugid) ? { ...entry, ugid: `${owner}!${name}` } : entry;
  return access.acl.map(asOurs).flatMap((entry, index) => {
    const seen = access.acl[index];
    const isOurs =
      entry.type === 'group' ? groups.includes(entry.ugid) : [owner, `${owner}!${name}`].includes(entry.ugid);
    return seen && isOurs && !asked.some((other) => isSameGrant(other, entry)) ? [seen] : [];
  });
}

function isRetired(group: string, { comment }: SeenGroup, { realm, groups }: Wanted): boolean {
  return realmInMark(comment) === realm && !groups.includes(group);
}

/** Roles that our user's mark names, that nobody wants and that nobody else holds. */
function doomedRoles({ wanted, access }: GroundOptions, surplus: readonly AclEntry[]): string[] {
  const marked = rolesInMark(access.owners.get(wanted.declaration.owner)?.comment ?? '') ?? [];
  return marked.filter((role) => {
    if (!access.roles.has(role) || wanted.roles.some((own) => own.role === role)) return false;
    return access.acl.every((entry) => entry.roleid !== role || surplus.includes(entry));
  });
}
