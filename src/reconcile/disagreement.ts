import type { Desired } from '../domain/desired.js';
import { type Comparison, compareRecords, heldBackBy, type Sides, sideToMend } from '../domain/disagreement.js';
import { messageOf } from '../domain/errors.js';
import type { ObjectId } from '../domain/identity.js';
import type { Context } from './context.js';

const KEY = 'records';
/** How long a comparison is left alone before it is tried again. */
const RETRY_MS = 30_000;
const LOGGED = 20;

/**
 * Compares the ledger with the account agent's record and with our marks in Proxmox, and keeps what was found in
 * `ctx.records`, the problems, the log and the metrics. A target that cannot be seen says nothing, and what it
 * contradicted before stands. Gives back the problem in words, or nothing.
 */
export async function compareWithTargets(ctx: Context, signal: AbortSignal): Promise<string[]> {
  ctx.records.triedAt = ctx.clock.now();
  const begun = ctx.locks.mark();
  const seen = await seeOtherSides(ctx, signal);
  if ('unseen' in seen) {
    ctx.log('reconcile.records.unseen', { error: seen.unseen });
    return problemNow(ctx);
  }
  const enabled = (seen.marks ?? []).filter((mark) => mark.enabled).map(({ oid }) => oid);
  ctx.records.reopened = new Set(enabled.filter((oid) => ctx.ledger.entry(oid)?.state === 'deleted'));
  // The ledger of this moment is never behind what the targets showed before; whoever was worked on since is left out.
  const latestEnd = ctx.clock.now() + ctx.policy.deleteAfterMs;
  const { items, lost } = compareRecords({ entries: ctx.ledger.entries(), ...seen, latestEnd });
  const settled = items.filter(({ oid }) => !ctx.locks.isOvertaken(oid, begun));
  note(ctx, { lost: settled.length > 0 ? lost : undefined, items: settled });
  return problemNow(ctx);
}

/** Compares where that was not possible yet since the start, and where they disagreed: whoever mended it, it ends then. */
export async function compareOnce(ctx: Context, signal: AbortSignal): Promise<void> {
  const { comparison, triedAt } = ctx.records;
  const now = ctx.clock.now();
  if (comparison?.items.length === 0 || (triedAt !== undefined && Math.abs(now - triedAt) < RETRY_MS)) return;
  await compareWithTargets(ctx, signal);
}

/** The sides beside the ledger, or why one that is in use cannot be seen. */
export async function seeOtherSides(
  ctx: Pick<Context, 'targets' | 'ledger'>,
  signal: AbortSignal,
): Promise<Omit<Sides, 'entries'> | { unseen: string }> {
  const { linux, proxmox } = ctx.targets;
  try {
    const [agent, marks] = await Promise.all([linux?.record(namedIn(ctx), signal), proxmox?.marks(signal)]);
    return { agent, marks };
  } catch (error) {
    signal.throwIfAborted();
    return { unseen: messageOf(error) };
  }
}

function namedIn(ctx: Pick<Context, 'ledger'>): { oid: ObjectId; name: string }[] {
  return ctx.ledger.entries().flatMap(({ oid, names }) => (names.linux ? [{ oid, name: names.linux }] : []));
}

function note(ctx: Context, comparison: Comparison): void {
  const { lost, items } = comparison;
  const before = ctx.problems.get(KEY);
  ctx.records.comparison = comparison;
  ctx.metrics.recordDisagreements.set(items.length);
  const problem = problemOf(ctx, comparison);
  if (problem === undefined) {
    ctx.problems.delete(KEY);
    if (before !== undefined) ctx.log('reconcile.records.agree', {});
    return;
  }
  ctx.problems.set(KEY, problem);
  if (problem !== before) {
    ctx.log('reconcile.records.disagree', {
      lost,
      identities: new Set(items.map(({ oid }) => oid)).size,
      first: items.slice(0, LOGGED).map(({ what }) => what),
    });
  }
}

function problemOf(ctx: Context, { lost, items }: Comparison): string | undefined {
  const [first] = items;
  if (!first) return undefined;
  const many = new Set(items.map(({ oid }) => oid)).size;
  const whole =
    lost === 'ledger'
      ? `the ledger is lost or empty, and the targets show ${many} identities that were ours; nobody is removed`
      : lost === 'agent'
        ? `the account agent's record is lost or empty, and the ledger names ${many} accounts; nothing is done to anybody`
        : `the ledger and the targets disagree about ${many} ${many === 1 ? 'identity' : 'identities'}, to whom nothing is done: ${first.what}`;
  return `${whole}. ${mendingCommands(ctx, items)}`;
}

function mendingCommands(ctx: Context, items: Comparison['items']): string {
  const sides = new Set(items.map(({ kind }) => sideToMend(kind)));
  const show = 'Each shows first what it would do:';
  const commands = [
    ...(sides.has('ledger') ? ['"entramox repair"'] : []),
    ...(sides.has('agent') ? [`as root on this host "entramox accounts repair --ledger ${ctx.ledger.path}"`] : []),
  ];
  return commands.length === 1
    ? `It shows first what it would do: ${commands[0]}`
    : `${show} ${commands.join(', then ')}`;
}

function problemNow(ctx: Context): string[] {
  const problem = ctx.problems.get(KEY);
  return problem === undefined ? [] : [problem];
}

/** Why nothing may happen to this identity until the records agree; undefined where it may. */
export function heldBackFor(ctx: Context, oid: ObjectId, desired: Desired): string | undefined {
  const { comparison } = ctx.records;
  if (!comparison || comparison.items.length === 0) return undefined;
  const stays = desired.kind === 'member' && desired.enabled;
  const why = heldBackBy(comparison, oid, ctx.ledger.entry(oid), stays);
  return why && `${why}; "entramox status" says what mends it`;
}
