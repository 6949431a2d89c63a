import type { GroupId } from '../domain/identity.js';
import type { LakefsSelection } from '../domain/lakefs.js';
import type { Context } from './context.js';
import { type LakefsRules, lakefsRecord, writableLakefsRecord } from './lakefs-port.js';

/** The name of what hinders the selection as a whole. */
const SELECTION = 'lakefs-groups';

export interface LakefsSweepOptions {
  /** Whether the pass writes: then a group that is missing is looked for a second time. */
  write: boolean;
}

/** The first part of a sweep for lakeFS: which groups there are. */
export interface LakefsSweep {
  selection: LakefsSelection;
  rules: LakefsRules;
}

/**
 * Asks Entra which groups lakeFS should have, twice where one of ours is missing in the answer, and has their members
 * read from now on. Never throws but when aborted.
 */
export async function beginLakefs(
  ctx: Context,
  { write }: LakefsSweepOptions,
  signal: AbortSignal,
): Promise<LakefsSweep | undefined> {
  const { lakefs: rules } = ctx;
  if (!rules || !ctx.targets.lakefs) return undefined;
  const first = await rules.select(signal);
  const missing = write ? missingIn(ctx, first) : [];
  if (missing.length > 0) {
    ctx.log('reconcile.lakefs.missing', { groups: missing });
    const { groups } = writableLakefsRecord(ctx.ledger);
    for (const group of missing) {
      const entry = groups[group];
      if (entry) groups[group] = { ...entry, missingSince: entry.missingSince ?? ctx.clock.now() };
    }
    await ctx.clock.sleep(ctx.policy.confirmBeforeLockMs, signal);
  }
  const selection = missing.length > 0 ? await rules.select(signal) : first;
  if (selection.certainty === 'unknown') {
    ctx.problems.note(SELECTION, { detail: selection.why, mend: selection.mend });
    ctx.log('reconcile.lakefs.unread', { why: selection.why });
  } else {
    ctx.problems.delete(SELECTION);
    const { wanted, conflicts, absent = [] } = selection;
    if (absent.length > 0) ctx.log('reconcile.lakefs.absent', { groups: absent });
    const managed = conflicts.filter(({ groupId }) => lakefsRecord(ctx.ledger).groups[groupId]);
    const before = new Set(rules.groups.ids());
    rules.groups.selected([...wanted, ...managed].map(({ groupId }) => groupId));
    // What is nested below a group that came is to be known before somebody in it changes.
    if (rules.groups.ids().some((group) => !before.has(group))) await ctx.groups?.refresh(signal);
  }
  return { selection, rules };
}

/** Groups of ours that a complete selection does not have, and that were not proved to be gone before. */
function missingIn(ctx: Context, selection: LakefsSelection): GroupId[] {
  if (selection.certainty !== 'complete') return [];
  const there = new Set([...selection.wanted, ...selection.conflicts].map(({ groupId }) => groupId));
  const ours = Object.values(lakefsRecord(ctx.ledger).groups);
  return ours.flatMap(({ groupId, graceSince }) => (graceSince === undefined && !there.has(groupId) ? [groupId] : []));
}
