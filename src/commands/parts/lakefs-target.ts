import type { Settings } from '../../config/settings.js';
import type { GroupId } from '../../domain/identity.js';
import type { GraphClient } from '../../entra/graph-client.js';
import type { Ledger } from '../../ledger/ledger.js';
import { type LakefsGroups, type LakefsRules, lakefsRecord } from '../../reconcile/lakefs-port.js';
import { createLakefsTarget, type LakefsTarget } from '../../targets/lakefs/target.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { lakefsClient, lakefsSelector } from './lakefs.js';
import type { Outside } from './outside.js';

/** lakeFS as a target, where TARGETS names it; nothing is asked yet. */
export function connectLakefs(
  settings: Settings,
  log: Log,
  metrics: Metrics,
  outside: Outside,
): LakefsTarget | undefined {
  const { lakefs } = settings;
  if (!lakefs) return undefined;
  const { mode, memberMatch: strategies, missingUsers: missing } = lakefs;
  return createLakefsTarget({ client: lakefsClient(settings, log, metrics, outside), mode, strategies, missing });
}

/** What the reconciler has to know of lakeFS beside the target. */
export function lakefsRules(
  settings: Settings,
  graph: GraphClient,
  ledger: Ledger,
  groups: LakefsGroups,
): LakefsRules | undefined {
  const { lakefs } = settings;
  if (!lakefs) return undefined;
  const { mode, missingUsers: missing, adoptGroupIds, deleteAfterMs } = lakefs;
  const select = lakefsSelector(settings, graph, () => ownersOf(ledger));
  return { mode, missing, adopt: new Set(adoptGroupIds), deleteAfterMs, select, groups };
}

/** Which Entra groups have to be watched for lakeFS; undefined where lakeFS's members are not ours to look after. */
export function lakefsDiscovery(
  settings: Settings,
  graph: GraphClient,
  log: Log,
): ((signal: AbortSignal) => Promise<GroupId[] | undefined>) | undefined {
  if (!settings.lakefs || settings.lakefs.mode === 'policies-only') return undefined;
  // Names do not matter here: a group in conflict may be one that is looked after already.
  const select = lakefsSelector(settings, graph, () => new Map());
  return async (signal) => {
    const selection = await select(signal);
    if (selection.certainty === 'complete') {
      return [...selection.wanted, ...selection.conflicts].map(({ groupId }) => groupId);
    }
    log('listener.tree.unread', { error: selection.why });
    return undefined;
  };
}

/** Which Entra group each lakeFS group of ours stands for, by its name. */
function ownersOf(ledger: Ledger): Map<string, GroupId> {
  const { groups } = lakefsRecord(ledger);
  return new Map(Object.values(groups).map(({ name, groupId }) => [name, groupId]));
}
