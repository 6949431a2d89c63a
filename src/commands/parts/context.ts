import { join } from 'node:path';
import PQueue from 'p-queue';
import type { Settings } from '../../config/settings.js';
import { openLedger } from '../../ledger/ledger.js';
import type { Context } from '../../reconcile/context.js';
import { createIdentityLocks } from '../../reconcile/identity-locks.js';
import { noAudit, openAudit } from '../../telemetry/audit.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { systemClock } from '../../telemetry/system-clock.js';
import { connectDirectory } from './directory.js';
import { policyOf } from './policy.js';
import { type ConnectedTargets, connectTargets } from './targets.js';

export interface OpenContext {
  ctx: Context;
  targets: ConnectedTargets;
  close(): Promise<void>;
}

/** Opens the ledger and connects everything that a reconcile works with. Throws LedgerBroken, Rejected. */
export async function openContext(settings: Settings, log: Log, metrics: Metrics): Promise<OpenContext> {
  const ledger = await openLedger(join(settings.paths.stateDir, 'ledger.json'));
  const audit = settings.dryRun ? noAudit : openAudit(join(settings.paths.logDir, 'audit.ndjson'), systemClock.now);
  const { directory, close: closeDirectory } = connectDirectory(settings, log, metrics, ledger.entries);
  const targets = connectTargets(settings, log, metrics);
  const ctx: Context = {
    policy: policyOf(settings),
    directory,
    // With the realm as the source, its users are read and never written.
    targets: settings.entra.enforce ? targets : { linux: targets.linux },
    ledger,
    lanes: { linux: new PQueue({ concurrency: 1 }), proxmox: new PQueue({ concurrency: 1 }) },
    locks: createIdentityLocks(),
    clock: systemClock,
    audit,
    metrics,
    log,
    dryRun: settings.dryRun,
    problems: new Map(),
  };
  return {
    ctx,
    targets,
    async close() {
      await Promise.all([targets.close(), closeDirectory()]);
      audit.close();
    },
  };
}
