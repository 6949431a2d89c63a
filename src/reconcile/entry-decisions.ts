import type { ConflictRecord, LedgerEntry } from '../domain/ledger-entry.js';
import type { AuditRecord } from '../telemetry/audit.js';

/** A decision about one identity, without who asked for it. */
export type Decision = Omit<AuditRecord, 'by'>;

/** What was decided between two entries of the ledger for one identity; nothing where nothing that matters changed. */
export function decisionsBetween(before: LedgerEntry | undefined, after: LedgerEntry): Decision[] {
  const about = { kind: 'decision' as const, oid: after.oid, upn: after.upn };
  return [
    ...renaming(before, after),
    ...suspicion(before, after),
    ...stateAndGroups(before, after),
    ...conflicts(before, after),
  ].map((decision) => ({ ...about, ...decision }));
}

/** The decision to forget somebody for whom nothing was ever made. */
export function forgetting(entry: LedgerEntry): Decision {
  const { oid, upn, state } = entry;
  return { kind: 'decision', action: 'forget', oid, upn, before: { state }, outcome: 'done' };
}

type Part = Pick<Decision, 'action' | 'before' | 'after' | 'outcome' | 'target'>;

function renaming(before: LedgerEntry | undefined, after: LedgerEntry): Part[] {
  if (!before || before.upn === after.upn) return [];
  return [{ action: 'rename', before: { upn: before.upn }, after: { upn: after.upn }, outcome: 'done' }];
}

function suspicion(before: LedgerEntry | undefined, after: LedgerEntry): Part[] {
  if (!before?.suspicion && after.suspicion) {
    const { since, by } = after.suspicion;
    return [{ action: 'suspect', after: { since: iso(since), sign: by }, outcome: 'begun' }];
  }
  if (before?.suspicion && !after.suspicion) {
    const confirmed = after.state === 'grace' || after.state === 'deleted';
    return [{ action: 'suspect', after: { confirmed }, outcome: 'ended' }];
  }
  return [];
}

function stateAndGroups(before: LedgerEntry | undefined, after: LedgerEntry): Part[] {
  if (before?.state !== after.state) {
    return [{ action: 'state', before: before && standing(before), after: standing(after), outcome: 'done' }];
  }
  const [old, now] = [[...before.groups].sort(), [...after.groups].sort()];
  if (old.join() === now.join()) return [];
  return [{ action: 'groups-read', before: { groups: old }, after: { groups: now }, outcome: 'done' }];
}

function standing({ state, reason, deleteAt, groups }: LedgerEntry): Record<string, unknown> {
  return { state, reason, deleteAt: deleteAt === undefined ? undefined : iso(deleteAt), groups };
}

function conflicts(before: LedgerEntry | undefined, after: LedgerEntry): Part[] {
  const old = before?.conflicts ?? [];
  const isIn = (list: readonly ConflictRecord[], { target, what }: ConflictRecord) =>
    list.some((item) => item.target === target && item.what === what);
  const part = ({ target, what, remedy }: ConflictRecord, outcome: 'begun' | 'ended'): Part => ({
    action: 'conflict',
    target,
    [outcome === 'begun' ? 'after' : 'before']: { what, remedy },
    outcome,
  });
  return [
    ...old.filter((item) => !isIn(after.conflicts, item)).map((item) => part(item, 'ended')),
    ...after.conflicts.filter((item) => !isIn(old, item)).map((item) => part(item, 'begun')),
  ];
}

function iso(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
