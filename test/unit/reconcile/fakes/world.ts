import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import PQueue from 'p-queue';
import type { ObjectId } from '../../../../src/domain/identity.js';
import type { LedgerEntry } from '../../../../src/domain/ledger-entry.js';
import type { Policy } from '../../../../src/domain/policy.js';
import { type Ledger, openLedger } from '../../../../src/ledger/ledger.js';
import type { BootClock, Context } from '../../../../src/reconcile/context.js';
import { createProblems } from '../../../../src/reconcile/health.js';
import { reconcileIdentities } from '../../../../src/reconcile/identities.js';
import { createIdentityLocks } from '../../../../src/reconcile/identity-locks.js';
import type { Outcome } from '../../../../src/reconcile/settle.js';
import { createStorageWatch } from '../../../../src/reconcile/storage-watch.js';
import { type SweepReport, sweep } from '../../../../src/reconcile/sweep.js';
import type { AuditRecord } from '../../../../src/telemetry/audit.js';
import type { EventCode } from '../../../../src/telemetry/events/index.js';
import { createMetrics } from '../../../../src/telemetry/metrics.js';
import { policy } from '../../domain/builders.js';
import { createFakeClock, type FakeClock } from './clock.js';
import { createFakeDirectory, type FakeDirectory } from './directory.js';
import { createFakeLinux, type FakeLinux } from './linux.js';
import { createFakeProxmox, type FakeProxmox } from './proxmox.js';

/** Everything that a reconcile works with, in memory but for the ledger file. */
export interface FakeWorld {
  ctx: Context;
  clock: FakeClock;
  directory: FakeDirectory;
  linux: FakeLinux;
  proxmox: FakeProxmox;
  audit: AuditRecord[];
  auditFault: { error?: Error | undefined };
  events: { event: EventCode; fields: Record<string, unknown> }[];
  ledgerPath: string;
  entry(oid: ObjectId): LedgerEntry | undefined;
  /** What happens to these identities when a notification names them. */
  reconcile(...oids: ObjectId[]): Promise<Outcome[]>;
  /** Twice, with the pause that a departure needs in between. */
  settleDown(...oids: ObjectId[]): Promise<Outcome[]>;
  sweep(): Promise<SweepReport>;
  /** The process ends and begins again: everything but the ledger file and the outside is forgotten. */
  restart(): Promise<void>;
  remove(): Promise<void>;
}

export interface FakeWorldOptions {
  policy?: Partial<Policy>;
  dryRun?: boolean;
  ledger?: Ledger;
  bootClock?: BootClock;
}

const forever = new AbortController().signal;

export async function createFakeWorld(options: FakeWorldOptions = {}): Promise<FakeWorld> {
  const dir = await mkdtemp(join(tmpdir(), 'entramox-reconcile-'));
  const ledgerPath = join(dir, 'ledger.json');
  const rules = policy(options.policy);
  const clock = createFakeClock();
  const directory = createFakeDirectory(rules.groupIds, rules.userIds);
  const linux = createFakeLinux();
  const proxmox = createFakeProxmox();
  const audit: AuditRecord[] = [];
  const auditFault: FakeWorld['auditFault'] = {};
  const events: FakeWorld['events'] = [];
  const log: Context['log'] = (event, fields = {}) => void events.push({ event, fields });
  const openContext = async (): Promise<Context> => contextOf(createMetrics(), await openOr(options.ledger));
  const openOr = async (given: Ledger | undefined) => given ?? (await openLedger(ledgerPath));
  const contextOf = (metrics: Context['metrics'], ledger: Ledger): Context => {
    const problems = createProblems({ clock, log, metrics });
    return {
      policy: rules,
      directory,
      targets: { linux, proxmox },
      ledger,
      lanes: {
        linux: new PQueue({ concurrency: 1 }),
        proxmox: new PQueue({ concurrency: 1 }),
        lakefs: new PQueue({ concurrency: 1 }),
      },
      locks: createIdentityLocks(),
      clock,
      audit: {
        append(record) {
          if (auditFault.error) throw auditFault.error;
          audit.push(record);
        },
        flush: () => undefined,
        close: () => undefined,
      },
      metrics,
      log,
      dryRun: options.dryRun ?? false,
      problems,
      storage: createStorageWatch({ problems, log, metrics }),
      records: {},
      ...(options.bootClock ? { bootClock: options.bootClock } : {}),
    };
  };
  const world: FakeWorld = {
    ctx: await openContext(),
    clock,
    directory,
    linux,
    proxmox,
    audit,
    auditFault,
    events,
    ledgerPath,
    entry: (oid) => world.ctx.ledger.entry(oid),
    reconcile: (...oids) => reconcileIdentities(world.ctx, oids, { by: 'notification', apply: true }, forever),
    async settleDown(...oids) {
      await world.reconcile(...oids);
      clock.time += rules.confirmBeforeLockMs;
      return world.reconcile(...oids);
    },
    sweep: () => sweep(world.ctx, { apply: true }, forever),
    async restart() {
      world.ctx = await openContext();
    },
    remove: () => rm(dir, { recursive: true, force: true }),
  };
  return world;
}

/** The n-th of a row of object ids. */
export function oidOf(n: number): ObjectId {
  return `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;
}
