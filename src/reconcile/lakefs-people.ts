import type { ObjectId } from '../domain/identity.js';
import type { LedgerEntry } from '../domain/ledger-entry.js';
import { type IdentityPlan, inOrder } from '../domain/plan.js';
import { type LakefsPersonInput, type LakefsPersonPlan, planLakefsPerson } from '../domain/plan-lakefs-person.js';
import { recordedMemberships } from '../domain/plan-lakefs-record.js';
import type { LakefsPersonSight } from '../domain/plan-lakefs-sight.js';
import { lakefsWishOf } from '../domain/plan-lakefs-wish.js';
import type { Assessment, AssessOptions } from './assess.js';
import type { Context } from './context.js';
import type { LakefsLook } from './lakefs-look.js';
import { lakefsRecord } from './lakefs-port.js';
import type { Prepared } from './prepare.js';

/** Adds to the plans of people what is to be done about them in lakeFS. Nothing is asked and nothing written. */
export function withLakefs(
  ctx: Context,
  prepared: readonly Prepared[],
  look: LakefsLook | undefined,
  options: AssessOptions,
): Prepared[] {
  if (!look) return [...prepared];
  let found: LakefsPersonInput['holderOf'] | undefined;
  // Nearly every targeted pass needs nobody's.
  const holderOf = (user: string) => {
    found ??= holders(ctx, prepared, look);
    return found(user);
  };
  return [...look.groups, ...prepared.map((item) => withPerson(ctx, item, look, holderOf, options))];
}

function withPerson(
  ctx: Context,
  item: Prepared,
  look: LakefsLook,
  holderOf: LakefsPersonInput['holderOf'],
  options: AssessOptions,
): Prepared {
  const { assessment } = item;
  const { oid, verdict } = assessment;
  const sight = look.sight(oid);
  // Who is doubted elsewhere is doubted here, and unknown is unknown.
  if (!sight || verdict.kind === 'hold' || verdict.kind === 'confirm') return item;
  const part = planLakefsPerson({
    ...inputOf(ctx, assessment, look, options),
    sight,
    holderOf,
  });
  const lakefs = { part, ...whereabouts(look, sight) };
  return concerns(ctx, oid, part)
    ? { ...item, lakefs, plan: merged(item.plan ?? besidePlan(ctx, assessment), part, ctx) }
    : { ...item, lakefs };
}

/** As which user somebody is in which groups of ours, by their names. */
function whereabouts({ places }: LakefsLook, sight: LakefsPersonSight): { user: string | undefined; groups: string[] } {
  const user = sight.certainty === 'present' && sight.match.kind === 'one' ? sight.match.user : undefined;
  if (sight.certainty !== 'present' || user === undefined) return { user, groups: [] };
  const groups = [...(sight.memberships.get(user) ?? [])].flatMap((group) => places.get(group)?.name ?? []);
  return { user, groups: groups.sort() };
}

function inputOf(
  ctx: Context,
  { oid, reading }: Assessment,
  look: LakefsLook,
  options: AssessOptions,
): Omit<LakefsPersonInput, 'sight' | 'holderOf'> {
  const record = lakefsRecord(ctx.ledger);
  const missing = ctx.lakefs?.missing ?? 'pending';
  const person =
    reading.certainty === 'present' ? { oid, upn: reading.attributes.upn, mail: reading.attributes.mail } : undefined;
  return {
    oid,
    wish: lakefsWishOf(reading, ctx.policy, look.readable, look.unclear),
    known: record.people[oid],
    recorded: recordedMemberships(record, oid),
    places: look.places,
    kept: look.kept,
    missing:
      missing === 'pending'
        ? { kind: missing }
        : { kind: missing, user: person && ctx.targets.lakefs?.newUser(person) },
    untouchable: look.untouchable,
    now: ctx.clock.now(),
    confirmMs: ctx.policy.confirmBeforeLockMs,
    removalReportedAt: options.removalReports?.get(oid),
    assumeConfirmed: options.assumeConfirmed,
  };
}

/** Who has which lakeFS user: whoever we put somewhere as it, then whoever else of this pass it matches alone. */
function holders(ctx: Context, prepared: readonly Prepared[], look: LakefsLook): LakefsPersonInput['holderOf'] {
  const byUser = new Map<string, Set<ObjectId>>();
  const note = (user: string, oid: ObjectId) => byUser.set(user, (byUser.get(user) ?? new Set()).add(oid));
  const recorded = new Set<string>();
  for (const { members } of Object.values(lakefsRecord(ctx.ledger).groups)) {
    for (const [oid, user] of Object.entries(members)) {
      note(user, oid);
      recorded.add(user);
    }
  }
  for (const { assessment } of prepared) {
    const sight = look.sight(assessment.oid);
    if (sight?.certainty !== 'present' || sight.match.kind !== 'one') continue;
    if (!recorded.has(sight.match.user)) note(sight.match.user, assessment.oid);
  }
  // Of two who are equals neither has it, so each finds the other one.
  return (user) => {
    const found = byUser.get(user);
    return found && found.size === 1 ? [...found][0] : found && [...found].join(' and ');
  };
}

function concerns(ctx: Context, oid: ObjectId, part: LakefsPersonPlan): boolean {
  const known = Object.hasOwn(lakefsRecord(ctx.ledger).people, oid);
  const { steps, seen, vanished, pending, unknown, conflict, recheckAt } = part;
  const changes = steps.length + seen.length + vanished.length;
  return known || pending || changes > 0 || Boolean(unknown || conflict || recheckAt);
}

function merged(plan: IdentityPlan, part: LakefsPersonPlan, ctx: Context): IdentityPlan {
  const now = ctx.clock.now();
  const before = lakefsRecord(ctx.ledger).people[plan.oid]?.conflict;
  const conflict = part.conflict && {
    ...part.conflict,
    target: 'lakefs' as const,
    since: before?.what === part.conflict.what ? before.since : now,
  };
  const conflicts = conflict ? [...plan.conflicts, conflict] : plan.conflicts;
  return {
    ...plan,
    steps: inOrder([...plan.steps, ...part.steps]),
    conflicts,
    unknown: part.unknown === undefined ? plan.unknown : [...plan.unknown, { target: 'lakefs', why: part.unknown }],
    entry: { ...plan.entry, conflicts },
    lakefs: part,
  };
}

/** A plan for somebody who is no identity of ours but in lakeFS. */
function besidePlan(ctx: Context, { oid, reading, desired }: Assessment): IdentityPlan {
  const known = lakefsRecord(ctx.ledger).people[oid];
  const upn = reading.certainty === 'present' ? reading.attributes.upn : (known?.upn ?? oid);
  const suspended = reading.certainty === 'present' && !reading.enabled;
  const gone = desired.kind === 'outsider' && reading.certainty === 'absent' ? desired.reason : undefined;
  const reason = suspended ? 'disabled in Entra' : gone;
  return { oid, steps: [], conflicts: [], unknown: [], entry: besideEntry(ctx, oid, upn, reason), beside: 'person' };
}

/** An entry for something that is not kept among the identities. */
export function besideEntry(ctx: Context, oid: string, upn: string, reason: string | undefined): LedgerEntry {
  const blank = { displayName: '', groups: [], names: {}, retired: [], conflicts: [] };
  return { oid, upn, state: 'active', since: ctx.clock.now(), reason, ...blank };
}
