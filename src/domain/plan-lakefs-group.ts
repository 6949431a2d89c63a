import type { LakefsConflict, LakefsMode, LakefsWanted } from './lakefs.js';
import { LAKEFS_PERMISSIONS } from './lakefs.js';
import type { LakefsGroupEntry } from './plan-lakefs-record.js';
import type { LakefsGroupSight, PoliciesReading } from './plan-lakefs-sight.js';
import type { LakefsGroupStep } from './step.js';

/** What a complete selection of Entra's groups says of one of them. */
export type GroupWish =
  | { kind: 'wanted'; wanted: LakefsWanted }
  /** Selected, and something about it must be settled by a person first. */
  | { kind: 'blocked'; conflict: LakefsConflict }
  | { kind: 'unwanted' };

export interface LakefsGroupInput {
  wish: GroupWish;
  entry: LakefsGroupEntry | undefined;
  sight: LakefsGroupSight;
  mode: LakefsMode;
  /** Whether this lakeFS has permissions instead of policies. */
  simplified: boolean;
  /** undefined: groups are never deleted. */
  deleteAfterMs: number | undefined;
  confirmMs: number;
  /** Whether countdowns that ran out end now. */
  endsCountdowns: boolean;
  now: number;
}

/** What one lakeFS group needs. */
export interface LakefsGroupPlan {
  /** What takes away comes first. */
  steps: LakefsGroupStep[];
  /** What to remember before anything is done, what is about to be made or attached included; undefined: nothing. */
  entry: LakefsGroupEntry | undefined;
  unknown?: string | undefined;
  conflict?: { what: string; remedy: string } | undefined;
}

/** Brings one lakeFS group to what Entra and the configuration say. No I/O, no clock, no chance. */
export function planLakefsGroup(input: LakefsGroupInput): LakefsGroupPlan {
  const { wish, entry } = input;
  switch (wish.kind) {
    case 'blocked':
      return blocked(input, wish.conflict);
    case 'unwanted':
      return entry ? planUnwanted(input, entry) : { steps: [], entry: undefined };
    case 'wanted':
      return planWanted(input, wish.wanted);
    default:
      return wish satisfies never;
  }
}

/** A group of ours whose name is now another one's too stays what it is, since it is known by its object id. */
function blocked({ entry, now }: LakefsGroupInput, { why: what, remedy }: LakefsConflict): LakefsGroupPlan {
  const conflict = { what, remedy };
  if (!entry) return { steps: [], entry: undefined, conflict };
  return { steps: [], entry: withConflict(selected(entry), conflict, now), conflict };
}

function planWanted(input: LakefsGroupInput, wanted: LakefsWanted): LakefsGroupPlan {
  const { sight, mode, now } = input;
  const { groupId, displayName } = wanted;
  const entry = input.entry && { ...selected(input.entry), displayName };
  switch (sight.certainty) {
    case 'unknown':
      return { steps: [], entry, unknown: sight.why };
    case 'foreign': {
      const conflict = { what: sight.what, remedy: sight.remedy };
      return { steps: [], entry: entry && withConflict(entry, conflict, now), conflict };
    }
    case 'absent': {
      const name = wanted.lakefsName;
      // Whoever brings the members brings the group; until then there is nothing to attach policies to.
      if (mode === 'policies-only') {
        const what = `lakeFS has no group "${name}" yet, and with LAKEFS_MODE=policies-only Entramox makes none`;
        return { steps: [], entry: undefined, conflict: { what, remedy: 'have it made by SCIM, or by hand' } };
      }
      const made: LakefsGroupEntry = {
        ...{ groupId, displayName, name, origin: 'made', since: entry?.since ?? now },
        ...{ policies: [], members: {} },
      };
      const rights = rightsOf(input, wanted, made, freshRights(input.simplified));
      const create: LakefsGroupStep = {
        target: 'lakefs',
        action: 'create-group',
        effect: 'create',
        oid: groupId,
        name,
      };
      return { steps: [create, ...rights.steps], entry: rights.entry };
    }
    case 'present': {
      const { id, name, origin } = sight;
      // A group that was deleted and made again by hand, or by an earlier life of this ledger, begins anew.
      const same = entry?.id === id || entry?.id === undefined ? entry : undefined;
      const base = same ?? { groupId, displayName, since: now, policies: [], members: {} };
      const known: LakefsGroupEntry = { ...base, id, name, origin, conflict: undefined };
      return rightsOf(input, wanted, known, sight.policies);
    }
    default:
      return sight satisfies never;
  }
}

function freshRights(simplified: boolean): PoliciesReading {
  return simplified ? { certainty: 'simplified', permission: undefined } : { certainty: 'present', policies: [] };
}

/** What the group may do: policies, or on a server without them one permission. */
function rightsOf(
  { mode }: LakefsGroupInput,
  wanted: LakefsWanted,
  entry: LakefsGroupEntry,
  reading: PoliciesReading,
): LakefsGroupPlan {
  if (mode === 'members-only') return { steps: [], entry };
  switch (reading.certainty) {
    case 'unasked':
      return { steps: [], entry };
    case 'unknown':
      return { steps: [], entry, unknown: reading.why };
    case 'simplified':
      return permissionOf(wanted, entry, reading.permission);
    case 'present':
      return policiesOf(wanted, entry, reading.policies);
    default:
      return reading satisfies never;
  }
}

function permissionOf(
  { acl: permission }: LakefsWanted,
  entry: LakefsGroupEntry,
  before: LakefsGroupEntry['acl'],
): LakefsGroupPlan {
  // There is no call that takes a permission away altogether, so one that is not declared any more stays.
  if (permission === undefined || permission === before) return { steps: [], entry };
  const rank = (each: typeof before) => (each === undefined ? -1 : LAKEFS_PERMISSIONS.indexOf(each));
  const effect = rank(permission) < rank(before) ? 'revoke' : 'grant';
  const { groupId: oid, name } = entry;
  const step: LakefsGroupStep = { target: 'lakefs', action: 'set-permission', effect, oid, name, permission, before };
  return { steps: [step], entry: { ...entry, acl: permission } };
}

function policiesOf(wanted: LakefsWanted, entry: LakefsGroupEntry, present: readonly string[]): LakefsGroupPlan {
  const attach = wanted.policies.filter((policy) => !present.includes(policy));
  const detach = entry.policies.filter((policy) => present.includes(policy) && !wanted.policies.includes(policy));
  // In a group of our own making whatever is declared is ours to take back, whoever attached it first.
  const declared = entry.origin === 'made' ? wanted.policies : [];
  const ours = [
    ...entry.policies.filter((policy) => wanted.policies.includes(policy)),
    ...attach,
    ...detach,
    ...declared,
  ];
  const { groupId: oid, name } = entry;
  return {
    steps: [...detachSteps(entry, detach), ...attach.map((policy) => attachStep(oid, name, policy))],
    entry: { ...entry, policies: [...new Set(ours)].sort() },
  };
}

function attachStep(oid: string, name: string, policy: string): LakefsGroupStep {
  return { target: 'lakefs', action: 'attach-policy', effect: 'grant', oid, name, policy };
}

function detachSteps({ groupId: oid, name }: LakefsGroupEntry, policies: readonly string[]): LakefsGroupStep[] {
  return policies.map((policy) => ({ target: 'lakefs', action: 'detach-policy', effect: 'revoke', oid, name, policy }));
}

/** Gone from Entra, or not selected any more: believed at the second sign, emptied then, deleted last. */
function planUnwanted(input: LakefsGroupInput, entry: LakefsGroupEntry): LakefsGroupPlan {
  const { sight, now, confirmMs, deleteAfterMs, endsCountdowns } = input;
  // Nothing was made of it yet.
  if (sight.certainty === 'absent' && Object.keys(entry.members).length === 0) return { steps: [], entry: undefined };
  if (entry.graceSince === undefined) {
    const since = Math.min(entry.missingSince ?? now, now);
    if (entry.missingSince === undefined || now - since < confirmMs) {
      return { steps: [], entry: { ...entry, missingSince: since } };
    }
    const deleteAt = deleteAfterMs === undefined ? undefined : now + deleteAfterMs;
    return { steps: [], entry: { ...entry, missingSince: since, graceSince: now, deleteAt, conflict: undefined } };
  }
  const isDue = endsCountdowns && entry.deleteAt !== undefined && now >= entry.deleteAt;
  if (!isDue) return { steps: [], entry };
  return endOf(sight, entry, now);
}

function endOf(sight: LakefsGroupSight, entry: LakefsGroupEntry, now: number): LakefsGroupPlan {
  switch (sight.certainty) {
    case 'unknown':
      return { steps: [], entry, unknown: sight.why };
    case 'absent':
    case 'foreign':
      return { steps: [], entry: undefined };
    case 'present':
      break;
    default:
      return sight satisfies never;
  }
  if (entry.origin !== 'made') return giveBack(sight, entry);
  if (!sight.members) return { steps: [], entry, unknown: `the members of ${entry.name} cannot be read` };
  const ours = new Set(Object.values(entry.members));
  const others = sight.members.filter((user) => !ours.has(user));
  if (others.length > 0) {
    const conflict = {
      what: `the lakeFS group "${entry.name}" is to be deleted, and ${others.length} of its members were not put there by Entramox`,
      remedy: 'remove them by hand, or delete the group by hand',
    };
    return { steps: [], entry: withConflict(entry, conflict, now), conflict };
  }
  // Who is in it still leaves first; that may wait for the guard, or for a person to decide.
  if (sight.members.length > 0) return { steps: [], entry };
  const { groupId: oid, name } = entry;
  return { steps: [{ target: 'lakefs', action: 'delete-group', effect: 'delete', oid, name }], entry };
}

/** A group that is not of our making is never deleted: what we attached goes, then it is forgotten. */
function giveBack(
  sight: Extract<LakefsGroupSight, { certainty: 'present' }>,
  entry: LakefsGroupEntry,
): LakefsGroupPlan {
  const { policies } = sight;
  if (policies.certainty === 'unknown') return { steps: [], entry, unknown: policies.why };
  const attached = policies.certainty === 'present' ? policies.policies : [];
  const detach = entry.policies.filter((policy) => attached.includes(policy));
  if (detach.length > 0) return { steps: detachSteps(entry, detach), entry };
  return { steps: [], entry: Object.keys(entry.members).length > 0 ? entry : undefined };
}

/** Whatever began because it was missing ends, now that it is there again. */
function selected(entry: LakefsGroupEntry): LakefsGroupEntry {
  return { ...entry, missingSince: undefined, graceSince: undefined, deleteAt: undefined };
}

function withConflict(
  entry: LakefsGroupEntry,
  { what, remedy }: { what: string; remedy: string },
  now: number,
): LakefsGroupEntry {
  const since = entry.conflict?.what === what ? entry.conflict.since : now;
  return { ...entry, conflict: { what, remedy, since } };
}
