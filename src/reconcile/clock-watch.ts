import { type ClockJump, type ClockSight, clockJump } from '../domain/clock-jump.js';
import { messageOf } from '../domain/errors.js';
import type { ObjectId } from '../domain/identity.js';
import type { ClockDoubt, LedgerDocument } from '../ledger/document.js';
import type { Context } from './context.js';
import { hashOf } from './removals.js';

const KEY = 'clock';

/** What a look at the clock found. */
export type ClockFinding = 'believed' | 'doubted' | 'jumped';

/**
 * Looks at the wall clock beside the clock of the boot and keeps both in the ledger, where the next start finds them. A
 * jump puts the clock in doubt, and deletions wait. The doubt ends when the clock agrees again with what it was before,
 * or when an operator takes it away. `jumped`: this look noticed it, so whatever waits for a time should be looked at.
 */
export async function watchClock(ctx: Context): Promise<ClockFinding> {
  if (!ctx.bootClock) return 'believed';
  const { data } = ctx.ledger;
  const now: ClockSight = { wall: ctx.clock.now(), ...ctx.bootClock() };
  const last = data.clock;
  const doubted = last?.doubt;
  // While in doubt the sight before the jump is what counts, however often the clock is set meanwhile.
  const jump = last && clockJump(doubted?.before ?? last, now);
  const again = last && doubted ? clockJump(last, now) : jump;
  // How long a host was off nobody knows: over a reboot only a clock that went back is sure to be off.
  if (last && again && (last.bootId === now.bootId || again.byMs < 0)) shiftTimes(data, again.byMs, now.wall);
  data.clock = { ...now, ...(doubted ? { doubt: doubted } : {}) };
  if (jump && !doubted) {
    data.clock.doubt = doubtOf(ctx, jump, last, now.wall);
    ctx.log('reconcile.clock.jumped', { why: jump.why, byMs: jump.byMs });
    await keep(ctx);
  } else if (doubted?.before && !jump) {
    delete data.clock.doubt;
    beginAnew(ctx, doubted, now.wall);
    letGo(data);
    ctx.log('reconcile.clock.agrees', { doubted: doubted.why });
    await keep(ctx);
  }
  const isDoubted = tellOfClock(ctx);
  if (again !== undefined) return 'jumped';
  return isDoubted ? 'doubted' : 'believed';
}

/** Tells status, health and metrics of the doubt, or that there is none. Gives back whether there is. */
export function tellOfClock(ctx: Context): boolean {
  const doubt = ctx.ledger.data.clock?.doubt;
  ctx.metrics.clockDoubted.set(doubt ? 1 : 0);
  if (!doubt) {
    ctx.problems.delete(KEY);
    return false;
  }
  const end = 'until it is set right, or, where it is right, until somebody says so: entramox approve clock';
  ctx.problems.set(KEY, `${doubt.why}; deletions wait ${end}`);
  return true;
}

function doubtOf(ctx: Context, jump: ClockJump, before: ClockSight, now: number): ClockDoubt {
  const running = ctx.ledger
    .entries()
    .flatMap(({ oid, state, deleteAt }) =>
      state === 'grace' && deleteAt !== undefined ? [[oid, deleteAt] as const] : [],
    );
  const { wall, bootId, uptimeMs } = before;
  return {
    since: now,
    why: jump.why,
    before: { wall, bootId, uptimeMs },
    countdowns: Object.fromEntries<number>(running) satisfies Record<ObjectId, number>,
  };
}

/**
 * Times that only measure how long something is ago, or lasts, go along with the clock: a first sign of a departure is
 * not old because the date jumped ahead, and the guard does not count a removal for a year because it jumped back.
 */
function shiftTimes(data: LedgerDocument, byMs: number, now: number): void {
  const shifted = (at: number) => Math.max(0, at + byMs);
  for (const [oid, entry] of Object.entries(data.identities)) {
    if (!entry.suspicion) continue;
    const since = Math.min(shifted(entry.suspicion.since), now);
    data.identities[oid] = { ...entry, suspicion: { ...entry.suspicion, since } };
  }
  const { guard } = data;
  guard.window = guard.window.map((past) => ({ ...past, at: Math.min(shifted(past.at), now) }));
  guard.approved = guard.approved.map((item) => ({ ...item, until: shifted(item.until) }));
  guard.rejected = guard.rejected?.map((item) => ({ ...item, at: shifted(item.at), until: shifted(item.until) }));
}

/** Countdowns that the wrong clock began would end at a wrong time, long past perhaps: they get their full length. */
function beginAnew(ctx: Context, { countdowns = {} }: ClockDoubt, now: number): void {
  for (const entry of ctx.ledger.entries()) {
    if (entry.state !== 'grace' || entry.deleteAt === undefined || countdowns[entry.oid] === entry.deleteAt) continue;
    ctx.ledger.put({ ...entry, since: now, deleteAt: now + ctx.policy.deleteAfterMs });
  }
}

/** Deletions that waited for the clock alone are not held any more; the guard judges them again with the next sweep. */
export function letGo({ guard }: LedgerDocument): void {
  const { held } = guard;
  if (!held?.removals.some(({ clockDoubted }) => clockDoubted)) return;
  const removals = held.removals.flatMap(({ clockDoubted, asked, ...item }) => (clockDoubted && !asked ? [] : [item]));
  const why = 'these waited for a decision before the clock was in doubt';
  guard.held = removals.length > 0 ? { ...held, why, removals, hash: hashOf(removals) } : undefined;
}

/** A jump that was noticed must outlive a restart; where the disk refuses, it is in memory until it takes it. */
async function keep(ctx: Context): Promise<void> {
  if (ctx.dryRun) return;
  ctx.ledger.changed();
  try {
    await ctx.ledger.save();
  } catch (error) {
    ctx.log('reconcile.loop.failed', { error: messageOf(error) });
  }
}
