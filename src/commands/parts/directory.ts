import type { Settings } from '../../config/settings.js';
import type { GroupId } from '../../domain/identity.js';
import type { LedgerEntry } from '../../domain/ledger-entry.js';
import type { Directory } from '../../domain/reading.js';
import { createEntraDirectory } from '../../entra/directory.js';
import { createRealmDirectory } from '../../targets/proxmox/realm-directory.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { connectGraph, type Graph } from './graph.js';
import { type Outside, theRealOutside } from './outside.js';
import { proxmoxClient } from './targets.js';

export interface ConnectedDirectory {
  directory: Directory;
  /** The connection behind it, with Entra as the source. */
  graph?: Graph | undefined;
  close(): Promise<void>;
}

/**
 * Entra, or with GRAPH_ENFORCE=false the Proxmox realm. `remembered`: everybody in the ledger. `moreGroups`: groups of
 * Entra that are read beside the configured ones.
 */
export function connectDirectory(
  settings: Settings,
  log: Log,
  metrics: Metrics,
  remembered: () => readonly LedgerEntry[],
  outside: Outside = theRealOutside,
  moreGroups?: () => readonly GroupId[],
): ConnectedDirectory {
  const { entra } = settings;
  if (!entra.enforce) {
    const client = proxmoxClient(settings, log, metrics, outside);
    const realm = settings.proxmox.realm ?? '';
    const directory = createRealmDirectory({ client, realm, remembered, log, clock: outside.clock });
    return { directory, close: () => client.close() };
  }
  const graph = connectGraph(settings, log, metrics, outside);
  const { groupIds: groups, userIds: users } = entra;
  const directory = createEntraDirectory({ graph: graph.client, groups, moreGroups, users, log });
  return { directory, graph, close: () => graph.close() };
}
