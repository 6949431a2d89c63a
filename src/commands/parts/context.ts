import { join } from 'node:path';
import PQueue from 'p-queue';
import type { Settings } from '../../config/settings.js';
import type { Clock } from '../../domain/clock.js';
import type { GroupId } from '../../domain/identity.js';
import type { GraphClient } from '../../entra/graph-client.js';
import { readGroupTree } from '../../entra/group-tree.js';
import { whichAreGroups } from '../../entra/groups.js';
import { openLedger } from '../../ledger/ledger.js';
import type { Context } from '../../reconcile/context.js';
import { createGroupStanding, type GroupStanding } from '../../reconcile/group-standing.js';
import { createProblems } from '../../reconcile/health.js';
import { tellOutages } from '../../reconcile/health-outages.js';
import { createIdentityLocks } from '../../reconcile/identity-locks.js';
import { createLakefsGroups } from '../../reconcile/lakefs-port.js';
import { createStorageWatch, watchedAudit, watchedLedger } from '../../reconcile/storage-watch.js';
import { type Audit, noAudit, openAudit } from '../../telemetry/audit.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { connectDirectory } from './directory.js';
import type { Graph } from './graph.js';
import { connectLakefs, lakefsRules } from './lakefs-target.js';
import { type Outside, theRealOutside } from './outside.js';
import { policyOf } from './policy.js';
import { type ConnectedTargets, connectTargets } from './targets.js';

export interface OpenContext {
  ctx: Context;
  targets: ConnectedTargets;
  /** The connection to Graph, with Entra as the source. */
  graph?: Graph | undefined;
  close(): Promise<void>;
}

/** Opens the ledger and connects everything that a reconcile works with. Throws LedgerBroken, Rejected. */
export async function openContext(
  settings: Settings,
  log: Log,
  metrics: Metrics,
  outside: Outside = theRealOutside,
): Promise<OpenContext> {
  const { clock } = outside;
  const problems = createProblems({ clock, log, metrics });
  const storage = createStorageWatch({ problems, log, metrics });
  const ledger = watchedLedger(await openLedger(join(settings.paths.stateDir, 'ledger.json')), storage);
  const audit = watchedAudit(settings.dryRun ? noAudit : openAuditOf(settings, log, clock), storage);
  const lakefsGroups = createLakefsGroups(ledger, settings.lakefs?.mode !== 'policies-only');
  const moreGroups = settings.lakefs && lakefsGroups.ids;
  const connected = connectDirectory(settings, log, metrics, ledger.entries, outside, moreGroups);
  const { directory, graph, close: closeDirectory } = connected;
  if (graph) tellOutages(problems, graph.breaker);
  const targets = connectTargets(settings, log, metrics, outside, problems);
  const lakefs = graph && connectLakefs(settings, log, metrics, outside);
  const ctx: Context = {
    policy: policyOf(settings),
    directory,
    // With the realm as the source, its users are read and never written.
    targets: settings.entra.enforce ? { ...targets, lakefs } : { linux: targets.linux },
    ledger,
    lanes: {
      linux: new PQueue({ concurrency: 1 }),
      proxmox: new PQueue({ concurrency: 1 }),
      lakefs: new PQueue({ concurrency: 1 }),
    },
    locks: createIdentityLocks(),
    clock,
    audit,
    metrics,
    log,
    dryRun: settings.dryRun,
    problems,
    outages: graph?.breaker,
    storage,
    records: {},
    groups: graph && groupStandingOf(settings, graph.client, clock, log, moreGroups),
    lakefs: lakefs && graph && lakefsRules(settings, graph.client, ledger, lakefsGroups),
    bootClock: outside.bootClock,
  };
  return {
    ctx,
    targets,
    graph,
    async close() {
      await Promise.all([targets.close(), lakefs?.close(), closeDirectory()]);
      audit.close();
    },
  };
}

function groupStandingOf(
  { entra }: Settings,
  graph: GraphClient,
  clock: Clock,
  log: Log,
  moreGroups: () => readonly GroupId[] = () => [],
): GroupStanding {
  const configured = () => [...new Set([...entra.groupIds, ...moreGroups()])];
  return createGroupStanding({
    configured,
    readTree: (signal) => readGroupTree(graph, configured(), signal),
    whichAreGroups: (ids, signal) => whichAreGroups(graph, ids, signal),
    clock,
    log,
  });
}

/** The chain's head lies beside the ledger, so that whoever loses the log does not lose it too. */
export function openAuditOf({ paths }: Settings, log: Log, clock: Clock): Audit {
  return openAudit(join(paths.logDir, 'audit.ndjson'), clock.now, {
    headPath: join(paths.stateDir, 'audit.head'),
    onHead: (head) => log('core.audit.head', { ...head }),
    complain: (error) => log('core.audit.unwritten', { error }),
  });
}
