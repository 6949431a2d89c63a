import { isDeepStrictEqual } from 'node:util';
import { Busy, messageOf } from '../domain/errors.js';
import {
  describeTrip,
  partOf,
  type Removal,
  type RemovalPart,
  removalKey,
  removalsIn,
  withinWindow,
} from '../domain/guard.js';
import type { ObjectId } from '../domain/identity.js';
import type { IdentityPlan } from '../domain/plan.js';
import { isKnownInLakefs } from '../domain/plan-lakefs-record.js';
import type { HeldPlan, HeldRemoval, RejectedRemoval } from '../ledger/document.js';
import { isApproved, isCurrent } from './approved.js';
import type { Context } from './context.js';
import { lakefsRecord } from './lakefs-port.js';
import { knownPlans } from './open-plans.js';
import { speaksOf, stands } from './rejection.js';
import { type DueRemoval, hashOf, judgeWholes, removalsOf } from './removals.js';
import { noteSeen } from './seen-plans.js';

/** What the guard says of one pass. */
export interface Clearance {
  /** What may be done of this plan now: all of it, only what takes access away (its deletion waits), or nothing. */
  part(plan: IdentityPlan): IdentityPlan | undefined;
  /** Why not all of somebody's plan is done; undefined where it is. */
  obstacle(oid: ObjectId): Obstacle | undefined;
  /** The plan that is held after this pass, or would be. */
  held: HeldPlan | undefined;
  /** Those of it that this pass could say nothing of. */
  unjudged: readonly HeldRemoval[];
  /** Whose removal stays rejected after this pass. */
  rejected: readonly RejectedRemoval[];
  /** That somebody is held, or is not any more, could not be put on record: the pass counts as failed. */
  unrecorded?: Busy | undefined;
}

export interface Obstacle {
  result: 'held' | 'rejected';
  why: string;
}

interface Judgement {
  free: DueRemoval[];
  held: DueRemoval[];
  rejected: DueRemoval[];
  /** Those of the held ones whose rejection is over. */
  lapsed: DueRemoval[];
  why: string | undefined;
}

/**
 * Guards the removals of a pass. Free removals enter the window at once, before anything is applied, so that a crash
 * cannot get around it; held ones are kept for an operator under a hash. With `dryRun` nothing is remembered.
 */
export function clear(ctx: Context, plans: readonly IdentityPlan[], by: HeldPlan['by'], dryRun: boolean): Clearance {
  const removals = removalsOf(ctx, plans);
  const judgement = judge(ctx, removals, by);
  const pass: Pass = { by, planOf: new Map(plans.map((plan) => [plan.oid, plan])), removals };
  const { held, unjudged } = nextHeld(ctx, pass, judgement);
  const rejected = nextRejected(ctx, pass, judgement);
  const unrecorded = dryRun ? undefined : remember(ctx, pass, judgement, held, rejected);
  return { ...clearanceOf(ctx, judgement, rejected), held, unjudged, rejected, unrecorded };
}

/** An approval lets its removal pass once: this one was done. What failed may be tried again until the approval ends. */
export function spendApprovals(ctx: Context, plan: IdentityPlan): void {
  const { guard: state } = ctx.ledger.data;
  const done = new Set(removalsIn(plan.steps).map(removalKey));
  const left = state.approved.filter((item) => !done.has(removalKey(item)));
  if (left.length === state.approved.length) return;
  state.approved = left;
  ctx.ledger.changed();
}

/**
 * Who is held stays held until an operator decides or the cause is gone; so does whoever an operator rejected too long
 * ago, and every deletion while the clock is in doubt. In targeted work the others are judged without them: nobody is
 * held for the sake of those who are. A sweep's removals are one plan.
 */
function judge(ctx: Context, removals: readonly DueRemoval[], by: HeldPlan['by']): Judgement {
  const { guard: state, clock } = ctx.ledger.data;
  const now = ctx.clock.now();
  const unapproved = removals.filter((removal) => !isApproved(state.approved, removal, now));
  const spokenOf = (removal: DueRemoval) => state.rejected?.find((rejection) => speaksOf(rejection, removal));
  const rejected = unapproved.filter((removal) => {
    const rejection = spokenOf(removal);
    return rejection !== undefined && stands(rejection, now);
  });
  const open = unapproved.filter((removal) => !rejected.includes(removal));
  const waitingKeys = new Set(state.held?.removals.map(removalKey));
  const isWaiting = (removal: Removal) => waitingKeys.has(removalKey(removal));
  const lapsed = open.filter(spokenOf);
  const judged = open.filter((removal) => !removal.clockDoubted && (by === 'sweep' || !isWaiting(removal)));
  const { holds, trips } = judgeWholes(ctx, judged);
  const waits = (removal: DueRemoval) => removal.clockDoubted || isWaiting(removal) || lapsed.includes(removal);
  const held = open.filter((removal) => holds(removal) || waits(removal));
  const reasons = [
    ...trips.map(describeTrip),
    ...(held.some((removal) => removal.clockDoubted) ? [`the clock is in doubt: ${clock?.doubt?.why}`] : []),
    ...(lapsed.length > 0 ? ['the time of a rejection is over'] : []),
  ];
  const why = reasons.length > 0 ? reasons.join('; ') : state.held?.why;
  return { free: open.filter((removal) => !held.includes(removal)), held, rejected, lapsed, why };
}

function clearanceOf(
  ctx: Context,
  { held, rejected, why }: Judgement,
  records: readonly RejectedRemoval[],
): Pick<Clearance, 'part' | 'obstacle'> {
  const stopped = new Map<string, Obstacle>();
  for (const removal of rejected) {
    const until = records.find((record) => removalKey(record) === removalKey(removal))?.until ?? 0;
    const rejection = `kept by an operator's rejection until ${new Date(until).toISOString()}`;
    stopped.set(removalKey(removal), { result: 'rejected', why: rejection });
  }
  for (const removal of held) stopped.set(removalKey(removal), { result: 'held', why: why ?? '' });
  const obstacleTo = (oid: ObjectId, kind: Removal['kind'], part: RemovalPart) =>
    stopped.get(removalKey({ oid, kind, targets: part === 'lakefs' ? [part] : [] }));
  return {
    part(plan) {
      const { oid } = plan;
      const inLakefs = obstacleTo(oid, 'lock', 'lakefs') ?? obstacleTo(oid, 'delete', 'lakefs');
      if (plan.beside) return inLakefs ? undefined : plan;
      if (obstacleTo(oid, 'lock', 'accounts')) return inLakefs ? undefined : onlyLakefs(plan);
      const allowed = inLakefs ? withoutLakefs(plan) : plan;
      if (!obstacleTo(oid, 'delete', 'accounts')) return allowed;
      const steps = allowed.steps.filter(({ effect }) => effect === 'lock' || effect === 'revoke');
      const entry = ctx.ledger.entry(oid);
      return steps.length > 0 && entry ? { ...allowed, steps, entry } : undefined;
    },
    obstacle: (oid) =>
      obstacleTo(oid, 'lock', 'accounts') ??
      obstacleTo(oid, 'delete', 'accounts') ??
      obstacleTo(oid, 'lock', 'lakefs') ??
      obstacleTo(oid, 'delete', 'lakefs'),
  };
}

/** Somebody's accounts wait; what lakeFS needs does not wait with them, and the entry stays as it is. */
function onlyLakefs(plan: IdentityPlan): IdentityPlan | undefined {
  const steps = plan.steps.filter(({ target }) => target === 'lakefs');
  return steps.length > 0 ? { ...plan, steps, beside: 'person' } : undefined;
}

/** Nothing is given there either: who may not lose what they should lose gets nothing for it. */
function withoutLakefs(plan: IdentityPlan): IdentityPlan {
  return { ...plan, steps: plan.steps.filter(({ target }) => target !== 'lakefs'), lakefs: undefined };
}

/** What was judged in a pass, and by what. */
interface Pass {
  by: HeldPlan['by'];
  planOf: ReadonlyMap<ObjectId, IdentityPlan>;
  removals: readonly DueRemoval[];
}

/** Whether a pass saw that a removal is due, that it is not any more, or cannot tell. */
function finding(ctx: Context, pass: Pass, item: Removal): DueRemoval | 'gone' | 'untold' {
  const due = pass.removals.find((removal) => removalKey(removal) === removalKey(item));
  if (due) return due;
  const plan = pass.planOf.get(item.oid);
  if (!plan) return pass.by === 'sweep' && isOver(ctx, item.oid) ? 'gone' : 'untold';
  if (isUnseenFor(plan, item)) return 'untold';
  // Only a sweep that could read everything ends countdowns; any other look at a leaver says nothing about that.
  const over = plan.entry.state === 'grace' && (plan.entry.deleteAt ?? 0) <= ctx.clock.now();
  return item.kind === 'delete' && over ? 'untold' : 'gone';
}

/** Whether a target could not be seen that a removal is about. */
export function isUnseenFor({ unknown }: Pick<IdentityPlan, 'unknown'>, removal: Removal): boolean {
  const part = partOf(removal);
  return unknown.some(({ target }) => partOf({ targets: [target] }) === part);
}

/** A sweep looks at everybody that we know of, but for tombstones that nobody opened again. */
function isOver({ ledger, records }: Context, oid: ObjectId): boolean {
  const entry = ledger.entry(oid);
  if (!entry && isKnownInLakefs(lakefsRecord(ledger), oid)) return false;
  return !entry || (entry.state === 'deleted' && records.reopened !== undefined && !records.reopened.has(oid));
}

/** A pass replaces what was held of the identities that it judged, and leaves the others as they are. */
function nextHeld(ctx: Context, pass: Pass, { held, lapsed, why }: Judgement): Pick<Clearance, 'held' | 'unjudged'> {
  const before = ctx.ledger.data.guard.held;
  const unjudged = (before?.removals ?? []).filter((item) => finding(ctx, pass, item) === 'untold');
  // The end of the doubt about the clock does not answer what an operator was asked for another reason.
  const isAsked = (removal: DueRemoval) => {
    const earlier = before?.removals.find((item) => removalKey(item) === removalKey(removal));
    return lapsed.includes(removal) || (earlier !== undefined && (!earlier.clockDoubted || earlier.asked === true));
  };
  const kept = held.map((item) => (item.clockDoubted && isAsked(item) ? { ...item, asked: true } : item));
  const removals = [...unjudged, ...kept];
  if (removals.length === 0) return { held: undefined, unjudged };
  const { by } = pass;
  const since = before?.since ?? ctx.clock.now();
  return { held: { hash: hashOf(removals), since, by, why: why ?? before?.why ?? '', removals }, unjudged };
}

/** A rejection ends when its cause is gone, when it is approved after all, and with its time: then it is held again. */
function nextRejected(ctx: Context, pass: Pass, { rejected }: Judgement): RejectedRemoval[] {
  return (ctx.ledger.data.guard.rejected ?? []).flatMap((item) => {
    const due = finding(ctx, pass, item);
    if (due === 'untold') return [item];
    if (due === 'gone' || !rejected.includes(due)) return [];
    return [{ ...item, ...due }];
  });
}

/** Gives back what kept it from being put on record; then only the window is remembered, and the next pass tries again. */
function remember(
  ctx: Context,
  pass: Pass,
  { free }: Judgement,
  held: HeldPlan | undefined,
  rejected: RejectedRemoval[],
): Busy | undefined {
  const { guard: state } = ctx.ledger.data;
  const now = ctx.clock.now();
  const counted = free.map(({ oid, kind, targets }) => ({ oid, kind, targets, at: now }));
  const next = {
    ...state,
    window: [...withinWindow(state.window, ctx.policy.guard, now), ...counted],
    approved: state.approved.filter((item) => isCurrent(item, now) && finding(ctx, pass, item) !== 'gone'),
    held,
    rejected: rejected.length > 0 ? rejected : undefined,
  };
  try {
    if (held && held.hash !== state.held?.hash) announce(ctx, held);
    if (!held && state.held) announceEnd(ctx, state.held, pass.by);
  } catch (error) {
    state.window = next.window;
    ctx.ledger.changed();
    return new Busy(`the audit log cannot be written, so only who left is locked: ${messageOf(error)}`);
  }
  if (isDeepStrictEqual(next, { held: undefined, rejected: undefined, ...state })) return undefined;
  Object.assign(state, next);
  noteSeen(ctx, knownPlans(ctx));
  ctx.ledger.changed();
  return undefined;
}

function announce(ctx: Context, { hash, by, why, removals }: HeldPlan): void {
  ctx.audit.append({ kind: 'decision', by, action: 'hold', plan: hash, name: hash, after: removals, outcome: 'held' });
  ctx.log('reconcile.guard.held', { hash, by, why, identities: removals.length });
}

/** Nobody decided: the people in it are where they were again, so nothing is left to hold. */
function announceEnd(ctx: Context, { hash, removals }: HeldPlan, by: HeldPlan['by']): void {
  ctx.audit.append({
    kind: 'decision',
    by,
    action: 'hold',
    plan: hash,
    name: hash,
    before: removals,
    outcome: 'ended',
  });
}
