import { compareRecords, type Sides, sideToMend } from '../domain/disagreement.js';
import { Busy, messageOf, Rejected, SourceUnavailable } from '../domain/errors.js';
import type { ObjectId } from '../domain/identity.js';
import type { LedgerEntry } from '../domain/ledger-entry.js';
import { type Rebuilt, rebuildLedger } from '../domain/rebuild.js';
import type { Context } from './context.js';
import { seeOtherSides } from './disagreement.js';

/** What a repair works with: less than a reconcile, since it must run where the ledger is broken too. */
export type RepairContext = Pick<
  Context,
  'policy' | 'targets' | 'ledger' | 'locks' | 'clock' | 'audit' | 'log' | 'dryRun'
>;

/** What rebuilding did, or would do, to one identity. */
export interface RepairChange {
  oid: ObjectId;
  upn: string;
  /** One line for a person. */
  text: string;
}

export interface Repair {
  changes: RepairChange[];
  /** What only root can mend, on the account agent's side. */
  agentSide: string[];
  /** The command for that; undefined where nothing is to be mended there. */
  command?: string | undefined;
}

export interface RepairOptions {
  apply: boolean;
  claimedUser?: string | undefined;
}

/**
 * Rebuilds in the ledger what the account agent's record and our marks in Proxmox know and it does not, or says what
 * would be rebuilt. No target is written. Throws SourceUnavailable where a target in use cannot be seen, since half of
 * the marks would make half of a ledger; Busy where the ledger or the audit log cannot be written.
 */
export async function repairLedger(ctx: RepairContext, options: RepairOptions, signal: AbortSignal): Promise<Repair> {
  if (!ctx.targets.linux && !ctx.targets.proxmox)
    throw new Rejected('no target is in use that could tell what was ours');
  const seen = await seeOtherSides(ctx, signal);
  if ('unseen' in seen) throw new SourceUnavailable(`nothing is rebuilt while a target cannot be seen: ${seen.unseen}`);
  const rebuilt = rebuild(ctx, seen);
  if (options.apply && !ctx.dryRun && rebuilt.length > 0) {
    const oids = rebuilt.map(({ oid }) => oid);
    // Whoever works on one of them finishes first; what they wrote down meanwhile is not written over.
    await ctx.locks.hold(oids, () => keep(ctx, rebuild(ctx, seen), options));
    ctx.locks.touch(oids);
  }
  const agentSide = compareRecords({ entries: ctx.ledger.entries(), ...seen }).items.filter(
    ({ kind }) => sideToMend(kind) === 'agent',
  );
  return {
    changes: rebuilt.map(({ oid, before, after }) => ({ oid, upn: after.upn, text: describe(before, after) })),
    agentSide: agentSide.map(({ what }) => what),
    command: agentSide.length > 0 ? `entramox accounts repair --ledger ${ctx.ledger.path}` : undefined,
  };
}

function rebuild(ctx: RepairContext, seen: Omit<Sides, 'entries'>): Rebuilt[] {
  const { deleteAfterMs, realm } = ctx.policy;
  return rebuildLedger({ entries: ctx.ledger.entries(), ...seen }, { now: ctx.clock.now(), deleteAfterMs, realm });
}

async function keep(ctx: RepairContext, rebuilt: readonly Rebuilt[], { claimedUser }: RepairOptions): Promise<void> {
  try {
    for (const { oid, before, after } of rebuilt) {
      const who = { oid, upn: after.upn, claimedUser };
      ctx.audit.append({ kind: 'decision', by: 'operator', action: 'repair', ...who, before, after, outcome: 'done' });
    }
    ctx.audit.flush();
  } catch (error) {
    throw new Busy(`the audit log cannot be written, so nothing was rebuilt: ${messageOf(error)}`);
  }
  for (const { after } of rebuilt) ctx.ledger.put(after);
  // Whoever was ours before shows that this host has run: only a lost ledger took it for a new one.
  const { data } = ctx.ledger;
  if (data.firstRun?.state === 'waiting' && rebuilt.some(({ before }) => !before)) {
    data.firstRun = { state: 'begun', at: ctx.clock.now() };
    ctx.ledger.changed();
  }
  await ctx.ledger.save();
  ctx.log('reconcile.records.repaired', { identities: rebuilt.length, claimedUser });
}

function describe(before: LedgerEntry | undefined, after: LedgerEntry): string {
  if (!before) {
    const names = [after.names.linux && `account ${after.names.linux} (uid ${after.uid})`, after.names.proxmox];
    const held = [...names, ...after.retired.map((userid) => `${userid} (former)`)].filter(Boolean).join(', ');
    return `make ${after.upn} (${after.oid}): ${standing(after)}; ${held}`;
  }
  const parts = [
    before.names.linux === after.names.linux ? '' : `account ${before.names.linux} -> ${after.names.linux}`,
    before.uid === after.uid ? '' : `uid ${before.uid} -> ${after.uid}`,
    standing(before) === standing(after) ? '' : `${standing(before)} -> ${standing(after)}`,
  ];
  return `change ${after.upn} (${after.oid}): ${parts.filter(Boolean).join(', ')}`;
}

function standing({ state, deleteAt }: LedgerEntry): string {
  if (state !== 'grace' || deleteAt === undefined) return state;
  return `left, deletes ${new Date(deleteAt).toISOString().slice(0, 16).replace('T', ' ')} UTC at the earliest`;
}
