import type { Attributes, ObjectId } from '../domain/identity.js';
import type { LedgerEntry } from '../domain/ledger-entry.js';
import type { Wanted } from '../domain/lifecycle.js';
import { type IdentityPlan, type Names, namesFor, type Observed, planIdentity } from '../domain/plan.js';
import type { Ask, Sight } from '../domain/sight.js';
import { type Assessment, type AssessOptions, judgeDesired } from './assess.js';
import type { Context } from './context.js';

/** An assessment with what the targets show and the plan that follows; no plan where there is nothing to settle. */
export interface Prepared {
  assessment: Assessment;
  names?: Names;
  observed?: Observed;
  plan?: IdentityPlan;
}

interface Candidate {
  assessment: Assessment;
  entry: LedgerEntry;
  wanted: Wanted;
  names: Names;
}

/** Looks at the targets, one question each for all identities together, and plans. */
export async function prepare(
  ctx: Context,
  assessments: readonly Assessment[],
  options: AssessOptions,
  signal: AbortSignal,
): Promise<Prepared[]> {
  const candidates = nameCandidates(ctx, assessments);
  const byOid = new Map(candidates.map((candidate) => [candidate.entry.oid, candidate]));
  const linuxAsks = candidates.flatMap(({ entry, names }) => askFor(entry.oid, names.linux));
  const proxmoxAsks = candidates.flatMap(({ entry, names }) => askFor(entry.oid, names.proxmox));
  const retiredAsks = candidates.flatMap(({ entry, names }) =>
    'former' in names.proxmox && names.proxmox.former ? [{ oid: entry.oid, name: names.proxmox.former }] : [],
  );
  const [linux, proxmox, retired] = await Promise.all([
    observe(ctx.targets.linux, linuxAsks, signal),
    observe(ctx.targets.proxmox, proxmoxAsks, signal),
    observe(ctx.targets.proxmox, retiredAsks, signal),
  ]);
  return assessments.map((assessment) => {
    const candidate = byOid.get(assessment.oid);
    if (!candidate) return { assessment };
    const observed: Observed = {
      linux: ctx.targets.linux && (linux.get(assessment.oid) ?? { certainty: 'absent' }),
      proxmox: ctx.targets.proxmox && (proxmox.get(assessment.oid) ?? { certainty: 'absent' }),
      retired: retired.get(assessment.oid),
    };
    return planCandidate(ctx, candidate, observed, options);
  });
}

function planCandidate(ctx: Context, candidate: Candidate, observed: Observed, options: AssessOptions): Prepared {
  const { names } = candidate;
  let { assessment, entry, wanted } = candidate;
  // In this mode somebody who is not in the Proxmox realm is out of scope, whatever the groups say.
  const outside = ctx.policy.provision === 'existing' && observed.proxmox?.certainty === 'absent';
  if (outside && wanted.presence === 'active') {
    const desired = { kind: 'outsider' as const, reason: 'not in the Proxmox realm', positive: false };
    const verdict = judgeDesired(ctx, entry.oid, desired, options);
    assessment = { ...assessment, desired, verdict };
    if (verdict.kind !== 'settle') return { assessment, names, observed };
    ({ entry, wanted } = verdict);
  }
  const attributes = attributesOf(assessment);
  const existing = { ...wanted };
  if (existing.presence === 'active') {
    const pveGroups = existing.entitlement.pveGroups.filter((group) => !ctx.problems.has(missingGroupKey(group)));
    existing.entitlement = { ...existing.entitlement, pveGroups };
  }
  const plan = planIdentity(entry, existing, attributes, observed, names, ctx.policy, ctx.clock.now());
  return { assessment, names, observed, plan };
}

/** The key under which a managed group that does not exist is noted in `ctx.problems`. */
export function missingGroupKey(group: string): string {
  return `proxmox-group:${group}`;
}

function nameCandidates(ctx: Context, assessments: readonly Assessment[]): Candidate[] {
  const settling = assessments.flatMap((assessment) =>
    assessment.verdict.kind === 'settle'
      ? [{ assessment, entry: assessment.verdict.entry, wanted: assessment.verdict.wanted }]
      : [],
  );
  // Two who arrive together with one Unix name: neither is the earlier one, so neither gets it.
  const claimants = new Map<string, ObjectId[]>();
  for (const { entry, wanted } of settling) {
    const { linux } = namesFor(entry, ctx.policy, () => undefined);
    if (wanted.presence !== 'active' || entry.names.linux || !('name' in linux)) continue;
    claimants.set(linux.name, [...(claimants.get(linux.name) ?? []), entry.oid]);
  }
  return settling.map((item) => {
    const holderOf = (name: string) =>
      ctx.ledger.holderOf(name) ?? claimants.get(name)?.find((oid) => oid !== item.entry.oid);
    return { ...item, names: namesFor(item.entry, ctx.policy, holderOf) };
  });
}

function askFor(oid: ObjectId, name: { name: string } | { conflict: unknown }): Ask[] {
  return 'name' in name ? [{ oid, name: name.name }] : [];
}

async function observe<T>(
  target: { observe(asks: readonly Ask[], signal: AbortSignal): Promise<Map<string, Sight<T>>> } | undefined,
  asks: readonly Ask[],
  signal: AbortSignal,
): Promise<Map<string, Sight<T>>> {
  return target && asks.length > 0 ? target.observe(asks, signal) : new Map();
}

function attributesOf({ reading }: Assessment): Attributes | undefined {
  return reading.certainty === 'present' ? reading.attributes : undefined;
}
