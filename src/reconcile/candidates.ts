import type { ObjectId } from '../domain/identity.js';
import type { LedgerEntry } from '../domain/ledger-entry.js';
import type { Wanted } from '../domain/lifecycle.js';
import { type Names, namesFor } from '../domain/plan.js';
import type { Assessment } from './assess.js';
import type { Context } from './context.js';

/** Somebody who is to be settled. */
export interface Candidate {
  assessment: Assessment;
  entry: LedgerEntry;
  wanted: Wanted;
  names: Names;
}

/** Those that are to be settled, with the names that they have or would get. */
export function nameCandidates(ctx: Context, assessments: readonly Assessment[]): Candidate[] {
  const settling = assessments.flatMap((assessment) =>
    assessment.verdict.kind === 'settle'
      ? [{ assessment, entry: assessment.verdict.entry, wanted: assessment.verdict.wanted }]
      : [],
  );
  const claimants = claimantsOf(ctx, settling);
  return settling.map((item) => {
    const holderOf = (name: string) =>
      ctx.ledger.holderOf(name) ?? claimants.get(name)?.find((oid) => oid !== item.entry.oid);
    return { ...item, names: namesFor(item.entry, ctx.policy, holderOf) };
  });
}

/**
 * Who would get which Unix name: those of this pass, and those who wait for one. Two who claim one name are equals, so
 * neither gets it until somebody gives one of them another name; otherwise the next look at one of them alone would
 * decide between them by chance.
 */
function claimantsOf(
  ctx: Context,
  settling: readonly { entry: LedgerEntry; wanted: Wanted }[],
): ReadonlyMap<string, ObjectId[]> {
  const claimants = new Map<string, ObjectId[]>();
  if (!ctx.targets.linux) return claimants;
  const inThisPass = new Set(settling.map(({ entry }) => entry.oid));
  const waiting = ctx.ledger.entries().filter((entry) => entry.state === 'active' && !inThisPass.has(entry.oid));
  const arriving = settling.filter(({ wanted }) => wanted.presence === 'active').map(({ entry }) => entry);
  for (const entry of [...arriving, ...waiting]) {
    if (entry.names.linux) continue;
    const { linux } = namesFor(entry, ctx.policy, () => undefined);
    if ('name' in linux) claimants.set(linux.name, [...(claimants.get(linux.name) ?? []), entry.oid]);
  }
  return claimants;
}

/** The name to look for in a target; undefined where there is none because of a conflict. */
export function nameIn(name: { name: string } | { conflict: unknown }): string | undefined {
  return 'name' in name ? name.name : undefined;
}
