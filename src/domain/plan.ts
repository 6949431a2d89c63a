import type { Attributes, ObjectId } from './identity.js';
import type { ConflictRecord, LedgerEntry } from './ledger-entry.js';
import type { Wanted } from './lifecycle.js';
import type { LakefsPersonPlan } from './plan-lakefs-person.js';
import type { LakefsGroupEntry } from './plan-lakefs-record.js';
import { planLinux } from './plan-linux.js';
import { planProxmox, planRetired } from './plan-proxmox.js';
import type { Policy, TargetName } from './policy.js';
import { proxmoxNameOf } from './proxmox-name.js';
import type { LinuxAccount, ProxmoxUser, Sight } from './sight.js';
import type { Effect, Step } from './step.js';
import { unixNameOf } from './unix-name.js';

/** What one target needs: steps, or a conflict, or nothing because it could not be seen. */
export interface TargetPlan {
  steps: Step[];
  conflict?: { what: string; remedy: string } | undefined;
  unknown?: string | undefined;
}

/** What the targets show for one identity; a target that is not in use is absent here. */
export interface Observed {
  linux?: Sight<LinuxAccount> | undefined;
  proxmox?: Sight<ProxmoxUser> | undefined;
  /** The userids of former user principal names, by userid; see `formerNames`. */
  retired?: ReadonlyMap<string, Sight<ProxmoxUser>> | undefined;
}

/** The plan for one identity: plain data, nothing is done yet. */
export interface IdentityPlan {
  oid: ObjectId;
  /** Ordered: what takes away comes first. */
  steps: Step[];
  conflicts: ConflictRecord[];
  /** Targets that could not be seen, with why: to be tried again. */
  unknown: { target: TargetName; why: string }[];
  /** The entry to remember once the steps are done, names of new accounts included. */
  entry: LedgerEntry;
  /** What is to be done about the person in lakeFS; its steps are among the others. */
  lakefs?: LakefsPersonPlan | undefined;
  /**
   * The plan is about lakeFS alone, and `entry` is made up for it: a person who is no identity of ours elsewhere, or a
   * lakeFS group, under the object id of its Entra group.
   */
  beside?: 'person' | 'group' | undefined;
  /** What to remember of the lakeFS group; undefined inside: nothing any more. */
  lakefsGroup?: { entry: LakefsGroupEntry | undefined } | undefined;
}

/** The names an identity has or would have, and what speaks against them. */
export interface Names {
  linux: { name: string } | { conflict: { what: string; remedy: string } };
  proxmox:
    | { name: string; former?: string | undefined; retired: readonly string[] }
    | { conflict: { what: string; remedy: string } };
}

/** Userids of earlier user principal names: the last one, which may still be in use, and those before it. */
export function formerNames({ proxmox }: Names): string[] {
  if ('conflict' in proxmox) return [];
  return proxmox.former === undefined ? [...proxmox.retired] : [proxmox.former, ...proxmox.retired];
}

const NOT_LOOKED_AT = { certainty: 'unknown', why: 'it was not looked at' } as const;

const ORDER: Record<Effect, number> = { revoke: 0, lock: 1, create: 2, grant: 3, touch: 4, delete: 5 };

/** What takes away comes first, and deletions last; otherwise as they are. */
export function inOrder<S extends Step>(steps: readonly S[]): S[] {
  return [...steps].sort((a, b) => ORDER[a.effect] - ORDER[b.effect]);
}

/**
 * Which names to look for in the targets. A Unix name, once given, stays; a name that another identity holds, also a
 * deleted one, is a conflict for the later one.
 * `holderOf` answers who holds a Unix name in the ledger.
 */
export function namesFor(
  entry: LedgerEntry,
  policy: Policy,
  holderOf: (unixName: string) => ObjectId | undefined,
): Names {
  return { linux: linuxName(entry, policy, holderOf), proxmox: proxmoxName(entry, policy) };
}

function linuxName(
  entry: LedgerEntry,
  policy: Policy,
  holderOf: (name: string) => ObjectId | undefined,
): Names['linux'] {
  if (entry.names.linux) return { name: entry.names.linux };
  const mapped = unixNameOf(entry.upn, policy.username);
  if (!mapped.ok) return { conflict: { what: mapped.why, remedy: 'change the user principal name, or USERNAME_MODE' } };
  const holder = holderOf(mapped.name);
  if (holder === undefined || holder === entry.oid) return { name: mapped.name };
  return {
    conflict: {
      what: `the Unix name "${mapped.name}" belongs to another identity (${holder})`,
      remedy: 'give one of the two another user principal name, or use USERNAME_MODE=upn_concat',
    },
  };
}

function proxmoxName(entry: LedgerEntry, policy: Policy): Names['proxmox'] {
  const mapped = proxmoxNameOf(entry.upn, policy.realm);
  const present = entry.names.proxmox;
  if (!mapped.ok) {
    // A person who is already there under a name that fits is still looked after.
    if (present) return { name: present, retired: entry.retired.filter((name) => name !== present) };
    return { conflict: { what: mapped.why, remedy: 'change the user principal name in Entra' } };
  }
  const name = mapped.userid;
  const former = present !== name ? present : undefined;
  return { name, former, retired: entry.retired.filter((earlier) => earlier !== name && earlier !== former) };
}

/** plan(desired, observed, owned, policy, now): the steps for one identity. No I/O, no clock, no chance. */
export function planIdentity(
  entry: LedgerEntry,
  wanted: Wanted,
  attributes: Attributes | undefined,
  observed: Observed,
  names: Names,
  policy: Policy,
  now: number,
): IdentityPlan {
  const plan: IdentityPlan = { oid: entry.oid, steps: [], conflicts: [], unknown: [], entry };
  const newNames = { ...entry.names };
  const released = releasesAfter(entry, observed, now);
  let retired = entry.retired;
  const add = (target: TargetName, part: TargetPlan): void => {
    plan.steps.push(...part.steps);
    if (part.unknown !== undefined) plan.unknown.push({ target, why: part.unknown });
    if (part.conflict) plan.conflicts.push(conflictRecord(entry, target, part.conflict, now));
  };
  if (observed.linux && !released?.linux) {
    const { linux } = observed;
    // An account may have been adopted under a name that the rule would not give, or that it can give to nobody.
    if ('name' in names.linux || linux.certainty === 'present') {
      const name = 'name' in names.linux ? names.linux.name : '';
      const part = planLinux(entry, wanted, linux, name);
      add('linux', part);
      if (linux.certainty === 'present') newNames.linux = linux.value.name;
      else if (part.steps.some((step) => step.effect === 'create')) newNames.linux = name;
    } else if (wanted.presence === 'active') {
      const unknown = linux.certainty === 'unknown' ? linux.why : undefined;
      add('linux', { steps: [], conflict: names.linux.conflict, unknown });
    }
  }
  if (observed.proxmox && !released?.proxmox) {
    if ('conflict' in names.proxmox) {
      if (wanted.presence === 'active') add('proxmox', { steps: [], conflict: names.proxmox.conflict });
    } else {
      const { name, former } = names.proxmox;
      const part = planProxmox(entry, wanted, attributes, observed.proxmox, name, policy);
      add('proxmox', part);
      const there = observed.proxmox.certainty === 'present' || part.steps.some((step) => step.effect === 'create');
      if (there) newNames.proxmox = name;
      for (const earlier of formerNames(names)) {
        const sight = observed.retired?.get(earlier) ?? NOT_LOOKED_AT;
        // Until the new user is there the last one is still the person's, and is looked after as such.
        const inUse = earlier === former && !there;
        add(
          'proxmox',
          inUse
            ? planProxmox(entry, wanted, attributes, sight, earlier, { ...policy, provision: 'existing' })
            : planRetired(entry, newNames.proxmox ?? name, sight, policy),
        );
      }
      if (there) retired = formerNames(names);
    }
  }
  plan.steps = inOrder(plan.steps);
  plan.entry = { ...entry, names: newNames, retired, conflicts: plan.conflicts };
  if (released) plan.entry.released = released;
  else delete plan.entry.released;
  if (observed.linux?.certainty === 'present') plan.entry.uid = observed.linux.value.uid;
  return plan;
}

/** Where this identity is left alone: what the ledger says, and what the host itself tells of its account. */
function releasesAfter(entry: LedgerEntry, { linux }: Observed, now: number): LedgerEntry['released'] {
  const { linux: known, proxmox } = entry.released ?? {};
  let next = known;
  if (linux?.certainty === 'foreign' && linux.released) next = known ?? { at: now, by: 'host' };
  if (linux?.certainty === 'present' && known?.by === 'host') next = undefined;
  return next || proxmox ? { ...(next ? { linux: next } : {}), ...(proxmox ? { proxmox } : {}) } : undefined;
}

/**
 * The releases to remember after a pass: an operator may have given something back, or adopted it again, while the pass
 * went on. `current`: what the ledger holds by now.
 */
export function releasesToRemember(current: LedgerEntry | undefined, planned: LedgerEntry): LedgerEntry['released'] {
  if (!current) return planned.released;
  const ours = current.released?.linux?.by === 'operator' ? current.released.linux : undefined;
  const linux = ours ?? (planned.released?.linux?.by === 'host' ? planned.released.linux : undefined);
  const proxmox = current.released?.proxmox;
  return linux || proxmox ? { ...(linux ? { linux } : {}), ...(proxmox ? { proxmox } : {}) } : undefined;
}

function conflictRecord(
  entry: LedgerEntry,
  target: TargetName,
  conflict: { what: string; remedy: string },
  now: number,
): ConflictRecord {
  const earlier = entry.conflicts.find((item) => item.target === target && item.what === conflict.what);
  return { target, what: conflict.what, remedy: conflict.remedy, since: earlier?.since ?? now };
}
