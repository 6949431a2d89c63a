import { isDeepStrictEqual } from 'node:util';
import { messageOf, Rejected, SourceUnavailable } from '../domain/errors.js';
import { partOf, removalKey } from '../domain/guard.js';
import type { ApprovedRemoval, DecisionRecord, HeldRemoval } from '../ledger/document.js';
import type { Key } from '../queue/queue.js';
import { APPROVAL_MS } from './approved.js';
import { endDoubt } from './confirm-clock.js';
import type { Context } from './context.js';
import { type Difference, differenceOf, type PlanLine } from './difference.js';
import { isUnseenFor } from './held.js';
import { lakefsRecord } from './lakefs-port.js';
import { knownPlans, type OpenPlan, plansOf } from './open-plans.js';
import { recordDecision } from './plan-decisions.js';
import { hashOf } from './removals.js';
import { noteSeen, seenPlan } from './seen-plans.js';
import { type SweepReport, sweep } from './sweep.js';

export type Approval =
  | {
      approved: true;
      lines: PlanLine[];
      /** What to work on now: the approved identities, and a sweep where only that does what was approved. */
      keys: Key[];
    }
  | {
      approved: false;
      difference: Difference;
      /** What may be approved instead; undefined where nothing of it is due any more. */
      instead: string | undefined;
    };

/**
 * Lets exactly the plan with this hash go ahead, once: a held plan, a rejected one, or that of the first run, whether it
 * was shown by `status` or made by `plan`. Everything is read anew first. Where the fresh plan is another one nothing is
 * approved and nothing is done; the held plan becomes the fresh one, and the difference is told. What was approved is
 * read once more when it is applied, so whoever comes back until then is not touched.
 *
 * Throws Rejected where nobody knows a plan of that hash, where somebody else decided on it meanwhile, and in a dry run;
 * SourceUnavailable where not all of the plan can be read. `claimedUser`: who the operator says to be.
 */
export async function approve(
  ctx: Context,
  hash: string,
  operator: string,
  signal: AbortSignal,
  claimedUser?: string | undefined,
): Promise<Approval> {
  if (ctx.dryRun) throw new Rejected('DRY_RUN is on, so nothing is approved: nothing would come of it');
  const { guard } = ctx.ledger.data;
  const decidedBefore = new Set(guard.decisions);
  const known = knownPlans(ctx).find((plan) => plan.hash === hash);
  const decided = guard.decisions?.findLast((decision) => decision.hash === hash);
  const report = await sweep(ctx, { apply: false }, signal);
  // Nothing is awaited from here until the decision is in memory: of two operators only the first one decides.
  const other = guard.decisions?.find((decision) => decision.hash === hash && !decidedBefore.has(decision));
  if (other) throw new Rejected(alreadyDecided(other));
  const fresh = plansOf(ctx, report);
  const match = fresh.find((plan) => plan.hash === hash);
  if (decided && !match && !known) throw new Rejected(alreadyDecided(decided));
  const subject = match ?? known ?? seenPlan(ctx, hash);
  if (!subject) throw unknownHash(hash, fresh);
  requireReadable(subject, report);
  if (!match) {
    const now = fresh.find((plan) => plan.kind === subject.kind && plan.since === subject.since);
    noteSeen(ctx, fresh);
    await keepFresh(ctx, subject, report);
    return { approved: false, difference: differenceOf(subject.lines, now?.lines ?? []), instead: now?.hash };
  }
  decide(ctx, match, { hash, operator, claimedUser });
  try {
    await ctx.ledger.save();
  } catch (error) {
    // It is decided, in the audit log and in memory, and must be done now: asked again it would be refused as decided.
    ctx.log('reconcile.guard.unsaved', { hash, error: messageOf(error) });
  }
  ctx.log('reconcile.guard.approved', { hash, operator, claimedUser, identities: match.lines.length });
  return {
    approved: true,
    lines: match.lines,
    keys: keysOf(match, (oid) => Object.hasOwn(lakefsRecord(ctx.ledger).groups, oid)),
  };
}

/** Only what was read can be compared: somebody who cannot be read has neither stayed in the plan nor left it. */
function requireReadable(plan: OpenPlan, { outcomes, clearance }: SweepReport): void {
  const oids = new Set(plan.lines.map(({ oid }) => oid));
  const unjudged = new Set(clearance.unjudged.map(removalKey));
  const unread = outcomes.find(({ oid, result, prepared }) => {
    if (!oids.has(oid)) return false;
    const own = plan.kind === 'first-run' ? [] : plan.removals.filter((removal) => removal.oid === oid);
    // What lakeFS does not show now keeps nobody's accounts open: it is looked at again before it is taken.
    const accounts = own.filter((removal) => partOf(removal) === 'accounts');
    const deciding = accounts.length > 0 ? accounts : own;
    if (deciding.some((removal) => unjudged.has(removalKey(removal)))) return true;
    if (!prepared.plan || deciding.length === 0) return result === 'unknown';
    const seen = prepared.plan;
    return deciding.some((removal) => isUnseenFor(seen, removal));
  });
  if (!unread) return;
  const { oid, why, prepared } = unread;
  const reason = why ?? prepared.plan?.unknown[0]?.why ?? 'not everything could be read';
  throw new SourceUnavailable(`${oid} of this plan cannot be read now, so nothing was approved: ${reason}`);
}

/** The fresh plan takes the place of the one that is not true any more, so that status shows what may be approved. */
async function keepFresh(ctx: Context, subject: OpenPlan, { clearance }: SweepReport): Promise<void> {
  const { guard } = ctx.ledger.data;
  if (subject.kind !== 'held' || isDeepStrictEqual(guard.held, clearance.held)) return;
  guard.held = clearance.held;
  ctx.ledger.changed();
  await ctx.ledger.save();
}

interface Decider {
  hash: string;
  operator: string;
  claimedUser: string | undefined;
}

function decide(ctx: Context, plan: OpenPlan, { hash, operator, claimedUser }: Decider): void {
  const { data } = ctx.ledger;
  const { guard } = data;
  const at = ctx.clock.now();
  recordDecision(ctx, { hash, decision: 'approved', at, claimedUser }, operator, plan.lines);
  const until = at + APPROVAL_MS;
  const passes = plan.removals.map(
    ({ oid, kind, targets, takes }): ApprovedRemoval => ({ oid, kind, targets, takes, until }),
  );
  guard.approved = [...guard.approved, ...passes];
  const keys = new Set(passes.map(removalKey));
  const lets = (item: HeldRemoval) => keys.has(removalKey(item));
  const left = guard.rejected?.filter((item) => !lets(item));
  guard.rejected = left && left.length > 0 ? left : undefined;
  // A pass that went on beside this one may have added somebody whom the operator has not seen.
  const waiting = guard.held?.removals.filter((item) => !lets(item)) ?? [];
  guard.held =
    guard.held && waiting.length > 0 ? { ...guard.held, hash: hashOf(waiting), removals: waiting } : undefined;
  if (plan.kind === 'first-run') data.firstRun = { state: 'begun', at };
  // Whoever approves a deletion that waits because of the clock has looked at the clock.
  if (plan.removals.some(({ clockDoubted }) => clockDoubted)) endDoubt(ctx, { hash, operator, claimedUser });
  ctx.ledger.changed();
}

/** Only a sweep deletes or writes to groups of lakeFS, and the first run is one. Targeted work on the same identities would only overtake it. */
function keysOf({ kind, removals }: OpenPlan, isGroup: (oid: string) => boolean): Key[] {
  if (kind === 'first-run') return ['sweep'];
  const isForSweep = (removal: HeldRemoval) => removal.kind === 'delete' || isGroup(removal.oid);
  const users = removals.filter((removal) => !isForSweep(removal)).map(({ oid }): Key => `user:${oid}`);
  return removals.some(isForSweep) ? [...users, 'sweep'] : users;
}

function unknownHash(hash: string, fresh: readonly OpenPlan[]): Rejected {
  const hashes = fresh.map((plan) => plan.hash).join(', ');
  const instead = hashes
    ? `the plan is ${hashes} now: look at it with "entramox status" or "entramox plan"`
    : 'no plan is held';
  return new Rejected(`no plan has the hash ${hash}; ${instead}`);
}

function alreadyDecided({ decision, at, claimedUser }: DecisionRecord): string {
  const by = claimedUser ? ` by ${claimedUser}` : '';
  return `this plan was ${decision} at ${new Date(at).toISOString()}${by}; nothing more is done with it`;
}
