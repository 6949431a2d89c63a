import type { LakefsSettings, Settings } from '../../config/settings.js';
import { Rejected } from '../../domain/errors.js';
import type { GroupId } from '../../domain/identity.js';
import type { LakefsSelection } from '../../domain/lakefs.js';
import { assignedGroups } from '../../entra/app-assignments.js';
import type { GraphClient } from '../../entra/graph-client.js';
import { groupsById, groupsNamed } from '../../entra/group-search.js';
import type { RetryPolicy } from '../../targets/lakefs/backoff.js';
import { createLakefsClient, type LakefsClient } from '../../targets/lakefs/client.js';
import { type GroupSource, selectGroups } from '../../targets/lakefs/selection.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { openOutbound } from './graph.js';
import { type Outside, theRealOutside } from './outside.js';

/** The client of LAKEFS_ENDPOINT, by the same way out as to Microsoft. Throws Rejected where it is not configured. */
export function lakefsClient(
  settings: Settings,
  log: Log,
  metrics: Metrics,
  { clock, random, lakefs: given }: Outside = theRealOutside,
  retry?: RetryPolicy,
): LakefsClient {
  const { endpoint, accessKeyId, secretAccessKey, timeoutMs } = lakefsSettings(settings);
  if (!endpoint || !accessKeyId || !secretAccessKey) {
    throw new Rejected('lakeFS needs LAKEFS_ENDPOINT, LAKEFS_ACCESS_KEY_ID and LAKEFS_SECRET_ACCESS_KEY');
  }
  const outbound = given ? undefined : openOutbound(settings);
  const client = createLakefsClient({
    endpoint,
    accessKeyId,
    secretAccessKey,
    dispatcher: given ?? outbound?.dispatcher,
    timeoutMs,
    retry,
    log,
    clock,
    random,
    onCall: ({ method, status }) => metrics.lakefsCalls.inc({ method, status: String(status ?? 'none') }),
  });
  return {
    ...client,
    async close() {
      await client.close();
      await outbound?.close();
    },
  };
}

/**
 * Reads which Entra groups lakeFS should have. `owners`: the Entra group that each lakeFS group of ours was made for,
 * by its name, as it is known when it is asked.
 */
export function lakefsSelector(
  settings: Settings,
  graph: GraphClient,
  owners: () => ReadonlyMap<string, GroupId>,
): (signal: AbortSignal) => Promise<LakefsSelection> {
  const rules = lakefsSettings(settings);
  const { clientId = '' } = settings.entra;
  const groups: GroupSource = {
    groupsNamed: (prefix, signal) => groupsNamed(graph, prefix, signal),
    groupsById: (ids, signal) => groupsById(graph, ids, signal),
    assignedGroups: (signal) => assignedGroups(graph, clientId, signal),
  };
  return (signal) => selectGroups({ groups, rules, owners: owners(), signal });
}

function lakefsSettings({ lakefs }: Settings): LakefsSettings {
  if (!lakefs) throw new Rejected('lakeFS is not among TARGETS');
  return lakefs;
}
