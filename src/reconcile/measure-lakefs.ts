import type { Context } from './context.js';
import { lakefsRecord } from './lakefs-port.js';

/** Brings the gauges of lakeFS up to date with the ledger. */
export function measureLakefs({ ledger, metrics, lakefs }: Pick<Context, 'ledger' | 'metrics' | 'lakefs'>): void {
  if (!lakefs) return;
  const record = lakefsRecord(ledger);
  const groups = Object.values(record.groups);
  const ending = groups.filter(({ graceSince }) => graceSince !== undefined).length;
  const conflict = groups.filter((group) => group.graceSince === undefined && group.conflict !== undefined).length;
  metrics.lakefsGroups.set({ state: 'ending' }, ending);
  metrics.lakefsGroups.set({ state: 'conflict' }, conflict);
  metrics.lakefsGroups.set({ state: 'active' }, groups.length - ending - conflict);
  const memberships = groups.map(({ members }) => Object.keys(members).length);
  metrics.lakefsMemberships.set(memberships.reduce((sum, count) => sum + count, 0));
  metrics.lakefsPending.set(Object.values(record.people).filter((person) => person.pendingSince !== undefined).length);
}
