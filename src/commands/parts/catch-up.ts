import { join } from 'node:path';
import type { Settings } from '../../config/settings.js';
import { createDeltaSource } from '../../entra/delta-hints.js';
import type { GraphClient } from '../../entra/graph-client.js';
import type { HintSink } from '../../queue/queue.js';
import { type CatchUp, createCatchUp } from '../../reconcile/catch-up/catch-up.js';
import { createKnownPeople } from '../../reconcile/catch-up/known.js';
import { type LinkStore, linksInMemory, openLinkStore } from '../../reconcile/catch-up/links.js';
import type { Context } from '../../reconcile/context.js';
import type { Log } from '../../telemetry/log.js';

export interface CatchUpParts {
  ctx: Context;
  graph: GraphClient;
  queue: HintSink;
  random: () => number;
}

/** Catch-up for this configuration, with the places in the changes of Graph that an earlier process stored. */
export async function openCatchUp(settings: Settings, { ctx, graph, queue, random }: CatchUpParts): Promise<CatchUp> {
  const { clock, log, metrics, ledger } = ctx;
  const { entra, sources, catchUp } = settings;
  return createCatchUp({
    source: createDeltaSource(graph),
    hints: queue,
    links: settings.dryRun ? linksInMemory() : await openLinks(settings, log),
    groups: () => ctx.groups?.watchedGroups() ?? entra.groupIds,
    known: createKnownPeople(ledger, entra.userIds),
    entry: ledger.entry,
    intervalMs: catchUp.intervalMs,
    isPushed: sources.some((source) => source !== 'poll'),
    clock,
    log,
    metrics,
    random,
  });
}

function openLinks({ paths, entra }: Settings, log: Log): Promise<LinkStore> {
  const path = join(paths.stateDir, 'catch-up.json');
  return openLinkStore({
    path,
    tenantId: entra.tenantId ?? '',
    graphBaseUrl: entra.graphBaseUrl,
    complain: (why) => log('reconcile.catchup.forgot', { path, error: why }),
  });
}
