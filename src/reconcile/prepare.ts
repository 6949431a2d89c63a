import type { Attributes } from '../domain/identity.js';
import type { Wanted } from '../domain/lifecycle.js';
import { formerNames, type IdentityPlan, type Names, type Observed, planIdentity } from '../domain/plan.js';
import type { LakefsPersonPlan } from '../domain/plan-lakefs-person.js';
import type { ProxmoxUser, Sight } from '../domain/sight.js';
import { type Assessment, type AssessOptions, judgeDesired } from './assess.js';
import { type Candidate, nameCandidates, nameIn } from './candidates.js';
import type { Context } from './context.js';
import type { Sights } from './look.js';

/** An assessment with what the targets show and the plan that follows; no plan where there is nothing to settle. */
export interface Prepared {
  assessment: Assessment;
  names?: Names;
  observed?: Observed;
  plan?: IdentityPlan;
  /** What was found of the person in lakeFS, also where nothing is to be done about it. */
  lakefs?: { part: LakefsPersonPlan; user: string | undefined; groups: readonly string[] };
}

/**
 * Plans what was assessed and seen. Synchronous, and its names are those of this moment: whoever puts the plans'
 * names into the ledger in the same turn can be sure that no other pass gave one of them away meanwhile.
 */
export function prepare(
  ctx: Context,
  assessments: readonly Assessment[],
  sights: Sights,
  options: AssessOptions,
): Prepared[] {
  const byOid = new Map(nameCandidates(ctx, assessments).map((candidate) => [candidate.entry.oid, candidate]));
  return assessments.map((assessment) => {
    const candidate = byOid.get(assessment.oid);
    return candidate ? planCandidate(ctx, candidate, observedOf(ctx, candidate, sights), options) : { assessment };
  });
}

function observedOf(ctx: Context, { entry: { oid }, names }: Candidate, sights: Sights): Observed {
  const linux = nameIn(names.linux);
  const proxmox = nameIn(names.proxmox);
  return {
    linux: ctx.targets.linux && sights.linux(oid, linux ?? ''),
    proxmox: ctx.targets.proxmox && (proxmox === undefined ? { certainty: 'absent' } : sights.proxmox(oid, proxmox)),
    retired: new Map(formerNames(names).map((name) => [name, sights.proxmox(oid, name)])),
  };
}

function planCandidate(ctx: Context, candidate: Candidate, seen: Observed, options: AssessOptions): Prepared {
  const { names } = candidate;
  let { assessment, entry, wanted } = candidate;
  const realm = wanted.presence === 'active' ? realmStanding(ctx, seen) : 'in';
  if (realm === 'out') {
    const desired = { kind: 'outsider' as const, reason: 'not in the Proxmox realm', positive: false };
    const verdict = judgeDesired(ctx, entry.oid, desired, options);
    assessment = { ...assessment, desired, verdict };
    if (verdict.kind !== 'settle') return { assessment, names, observed: seen };
    ({ entry, wanted } = verdict);
  }
  // Where nobody can tell whether a person is in the realm, who has an account keeps it and nobody gets one.
  const hasAccount = entry.names.linux !== undefined && ctx.ledger.entry(entry.oid)?.state === 'active';
  const observed: Observed = realm === 'unclear' && !hasAccount ? { ...seen, linux: undefined } : seen;
  const { reading } = assessment;
  const attributes: Attributes | undefined = reading.certainty === 'present' ? reading.attributes : undefined;
  const plan = planIdentity(
    entry,
    withoutMissingGroups(ctx, wanted),
    attributes,
    observed,
    names,
    ctx.policy,
    ctx.clock.now(),
  );
  return { assessment, names, observed, plan };
}

/** With PVE_PROVISION=existing somebody who is not in the Proxmox realm is out of scope, whatever the groups say. */
function realmStanding(ctx: Context, { proxmox, retired }: Observed): 'in' | 'out' | 'unclear' {
  // With the realm as the source nobody else is heard of.
  if (ctx.policy.provision !== 'existing' || !ctx.policy.enforce) return 'in';
  if (!proxmox) return 'unclear';
  // After a change of the user principal name the person is still there under the former one.
  const sights: Sight<ProxmoxUser>[] = [proxmox, ...(retired?.values() ?? [])];
  if (sights.some((sight) => sight.certainty === 'present' || isUnmarked(sight))) return 'in';
  return sights.every(({ certainty }) => certainty === 'absent') ? 'out' : 'unclear';
}

/** There, and nobody's; our token just may not write it yet. */
function isUnmarked(sight: Sight<ProxmoxUser>): boolean {
  return sight.certainty === 'foreign' && sight.adoptable !== undefined;
}

function withoutMissingGroups(ctx: Context, wanted: Wanted): Wanted {
  if (wanted.presence !== 'active') return wanted;
  const pveGroups = wanted.entitlement.pveGroups.filter((group) => !ctx.problems.has(missingGroupKey(group)));
  return { ...wanted, entitlement: { ...wanted.entitlement, pveGroups } };
}

/** The key under which a managed group that does not exist is noted in `ctx.problems`. */
export function missingGroupKey(group: string): string {
  return `proxmox-group:${group}`;
}
