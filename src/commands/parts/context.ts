import { join } from 'node:path';
import PQueue from 'p-queue';
import type { Settings } from '../../config/settings.js';
import type { Clock } from '../../domain/clock.js';
import { openLedger } from '../../ledger/ledger.js';
import type { Context } from '../../reconcile/context.js';
import { createIdentityLocks } from '../../reconcile/identity-locks.js';
import { createStorageWatch, watchedAudit, watchedLedger } from '../../reconcile/storage-watch.js';
import { type Audit, noAudit, openAudit } from '../../telemetry/audit.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { connectDirectory } from './directory.js';
import { type Outside, theRealOutside } from './outside.js';
import { policyOf } from './policy.js';
import { type ConnectedTargets, connectTargets } from './targets.js';

export interface OpenContext {
  ctx: Context;
  targets: ConnectedTargets;
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
  const problems = new Map<string, string>();
  const storage = createStorageWatch({ problems, log, metrics });
  const ledger = watchedLedger(await openLedger(join(settings.paths.stateDir, 'ledger.json')), storage);
  const audit = watchedAudit(settings.dryRun ? noAudit : openAuditOf(settings, log, clock), storage);
  const { directory, close: closeDirectory } = connectDirectory(settings, log, metrics, ledger.entries, outside);
  const targets = connectTargets(settings, log, metrics, outside, problems);
  const ctx: Context = {
    policy: policyOf(settings),
    directory,
    // With the realm as the source, its users are read and never written.
    targets: settings.entra.enforce ? targets : { linux: targets.linux },
    ledger,
    lanes: { linux: new PQueue({ concurrency: 1 }), proxmox: new PQueue({ concurrency: 1 }) },
    locks: createIdentityLocks(),
    clock,
    audit,
    metrics,
    log,
    dryRun: settings.dryRun,
    problems,
    storage,
    records: {},
    bootClock: outside.bootClock,
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

/** The chain's head lies beside the ledger, so that whoever loses the log does not lose it too. */
export function openAuditOf({ paths }: Settings, log: Log, clock: Clock): Audit {
  return openAudit(join(paths.logDir, 'audit.ndjson'), clock.now, {
    headPath: join(paths.stateDir, 'audit.head'),
    onHead: (head) => log('core.audit.head', { ...head }),
    complain: (error) => log('core.audit.unwritten', { error }),
  });
}
