import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '../domain/errors.js';
import type { ObjectId } from '../domain/identity.js';
import type { IdentityPlan } from '../domain/plan.js';
import type { LakefsGroupEntry, LakefsPersonEntry } from '../domain/plan-lakefs-record.js';
import type { Applied } from './apply.js';
import type { Assessment } from './assess.js';
import type { Context } from './context.js';
import { lakefsRecord, writableLakefsRecord } from './lakefs-port.js';
import { auditDecision } from './pass.js';

/** What a group's plan knows reaches the ledger, in memory, before its steps are done. */
export function rememberGroupIntent(ctx: Context, plan: IdentityPlan, by: string): void {
  if (!plan.lakefsGroup) return;
  const { entry: next } = plan.lakefsGroup;
  rememberConflict(ctx, plan, next === undefined);
  const before = lakefsRecord(ctx.ledger).groups[plan.oid];
  if (!next) {
    if (!before) return;
    delete writableLakefsRecord(ctx.ledger).groups[plan.oid];
    tell(ctx, before, undefined, by);
    return;
  }
  // Somebody may have been put in or taken out since this was planned.
  const members = before && next.id !== undefined && before.id === next.id ? before.members : next.members;
  const after = { ...next, members };
  if (isDeepStrictEqual(before, after)) return;
  writableLakefsRecord(ctx.ledger).groups[plan.oid] = after;
  tell(ctx, before, after, by);
}

/** Whoever is about to be put into a group is on record before: after a crash nobody is in it unknown to us. */
export function rememberMembersIntent(ctx: Context, { oid, lakefs }: IdentityPlan): void {
  const steps = lakefs?.steps ?? [];
  const leaves = new Set(steps.flatMap((step) => (step.action === 'remove-member' ? [step.group] : [])));
  for (const step of steps) {
    const members = step.action === 'add-member' && lakefsRecord(ctx.ledger).groups[step.group]?.members;
    // A former user stays on record until it is out; one that is not in the group any more is nobody's.
    if (!members || members[oid] === step.name || (leaves.has(step.group) && Object.hasOwn(members, oid))) continue;
    members[oid] = step.name;
    ctx.ledger.changed();
  }
}

/** A conflict over a group of which nothing is remembered; that of another one stands in its entry. */
function rememberConflict(ctx: Context, { oid, conflicts: [conflict], entry }: IdentityPlan, isNobodys: boolean): void {
  const known = lakefsRecord(ctx.ledger).conflicts?.[oid];
  if (!conflict || !isNobodys) {
    if (known) delete writableLakefsRecord(ctx.ledger).conflicts?.[oid];
    return;
  }
  const { what, remedy } = conflict;
  if (known?.what === what && known.remedy === remedy) return;
  const record = writableLakefsRecord(ctx.ledger);
  const since = known?.since ?? ctx.clock.now();
  record.conflicts = { ...record.conflicts, [oid]: { what, remedy, since, displayName: entry.displayName } };
  ctx.log('reconcile.lakefs.group', { group: oid, name: entry.displayName, after: `conflict: ${what}` });
}

/** What came of a group's steps. */
export function rememberGroup(ctx: Context, { oid }: IdentityPlan, applied: Applied | undefined): void {
  const known = lakefsRecord(ctx.ledger).groups[oid];
  if (!known) return;
  const failure = applied?.failures[0];
  const problem = failure && messageOf(failure.error);
  if (known.problem === problem) return;
  writableLakefsRecord(ctx.ledger).groups[oid] = { ...known, problem };
}

function tell(ctx: Context, before: LakefsGroupEntry | undefined, after: LakefsGroupEntry | undefined, by: string) {
  const entry = after ?? before;
  const was = standing(before);
  const is = after ? standing(after) : 'forgotten';
  if (!entry || was === is) return;
  const { groupId: oid, name } = entry;
  auditDecision(ctx, {
    ...{ kind: 'decision', by, action: 'lakefs-group', target: 'lakefs', oid, name },
    ...{ before: was, after: is, outcome: 'done' },
  });
  ctx.log('reconcile.lakefs.group', { group: oid, name, before: was, after: is });
}

const LOOKED_AFTER = 'looked after';

/** What matters of a group beside its members, in words. */
function standing(entry: LakefsGroupEntry | undefined): string {
  // That one is made is told by the step that makes it.
  if (!entry) return LOOKED_AFTER;
  if (entry.conflict) return `conflict: ${entry.conflict.what}`;
  if (entry.graceSince === undefined) return entry.missingSince === undefined ? LOOKED_AFTER : 'missing in Entra';
  const until = entry.deleteAt === undefined ? 'kept' : `deleted at ${new Date(entry.deleteAt).toISOString()}`;
  return `gone from Entra, its members leave, ${until}`;
}

/** What a person's plan found and what came of it; in memory, the caller saves it. */
export function rememberPerson(
  ctx: Context,
  { reading }: Pick<Assessment, 'reading'>,
  { oid, lakefs, entry }: IdentityPlan,
  applied: Applied | undefined,
): void {
  if (!lakefs) return;
  const record = lakefsRecord(ctx.ledger);
  for (const group of lakefs.vanished) delete record.groups[group]?.members[oid];
  for (const { group, user } of lakefs.seen) {
    const members = record.groups[group]?.members;
    // A former user that could not be taken out stays on record.
    if (members && !Object.hasOwn(members, oid)) members[oid] = user;
  }
  if (lakefs.seen.length + lakefs.vanished.length > 0) ctx.ledger.changed();
  const before = record.people[oid];
  const now = ctx.clock.now();
  const failure = applied?.failures.find(({ target }) => target === 'lakefs');
  const conflict = lakefs.conflict && {
    ...lakefs.conflict,
    since: before?.conflict?.what === lakefs.conflict.what ? before.conflict.since : now,
  };
  const isBlind = lakefs.unknown !== undefined;
  const next: LakefsPersonEntry = {
    oid,
    upn: entry.upn,
    mail: reading.certainty === 'present' ? reading.attributes.mail : before?.mail,
    suspicion: lakefs.suspicion,
    // Where lakeFS could not be seen, what was known of the person there still stands.
    pendingSince: lakefs.pending ? (before?.pendingSince ?? now) : isBlind ? before?.pendingSince : undefined,
    conflict: conflict ?? (isBlind ? before?.conflict : undefined),
    problem: failure && messageOf(failure.error),
  };
  put(ctx, next);
}

function put(ctx: Context, next: LakefsPersonEntry): void {
  const { oid, suspicion, pendingSince, conflict, problem } = next;
  const before = lakefsRecord(ctx.ledger).people[oid];
  if (!suspicion && pendingSince === undefined && !conflict && !problem) {
    if (before) delete writableLakefsRecord(ctx.ledger).people[oid];
    return;
  }
  if (!isDeepStrictEqual(before, next)) writableLakefsRecord(ctx.ledger).people[oid] = next;
}

/** Notes the first sign that somebody left a group; an older one stands. In memory, the caller saves it. */
export function suspect(
  ctx: Context,
  oid: ObjectId,
  upn: string,
  suspicion: NonNullable<LakefsPersonEntry['suspicion']>,
): void {
  const before = lakefsRecord(ctx.ledger).people[oid];
  if (before?.suspicion && !before.suspicion.doubted) return;
  put(ctx, { ...before, oid, upn, suspicion });
}
