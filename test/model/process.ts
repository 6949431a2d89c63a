import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Dispatcher } from 'undici';
import { serveOperators } from '../../src/commands/parts/operator-server.js';
import { type Reconciler, startReconciler } from '../../src/commands/parts/reconciler.js';
import { loadSettings } from '../../src/config/load.js';
import { createOperatorClient, type OperatorClient } from '../../src/operator/client.js';
import type { Connect } from '../../src/targets/linux/channel.js';
import type { Connections } from '../../src/targets/proxmox/connections.js';
import type { Log } from '../../src/telemetry/log.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import type { Gate } from './gate.js';
import type { VirtualTime } from './virtual-time.js';

/** One run of the reconciler on one directory, from its start to its end or its death. */
export interface Process {
  gate: Gate;
  dir: string;
  reconciler: Reconciler;
  operator: OperatorClient;
  /** An orderly end. */
  stop(): Promise<void>;
}

export interface ProcessOptions {
  dir: string;
  env: Record<string, string>;
  gate: Gate;
  time: VirtualTime;
  random: () => number;
  graph: Dispatcher;
  proxmox: Connections;
  accounts: Connect;
  log: Log;
}

const DIRECTORIES = ['state', 'spool', 'log', 'run'];

/** Starts the reconciler as the daemon does, with wires and time of the model's. */
export async function startProcess(options: ProcessOptions): Promise<Process> {
  const { dir, env, gate, time, log } = options;
  for (const name of DIRECTORIES) mkdirSync(join(dir, name), { recursive: true, mode: 0o755 });
  const { settings } = loadSettings({ env: { ...env, ...pathsIn(dir) }, command: 'reconcile' });
  const metrics = createMetrics();
  const reconciler = await startReconciler(settings, log, metrics, {
    clock: time.clockOf(gate.alive),
    random: options.random,
    lock: async () => ({ release: () => undefined }),
    graph: gate.wrap(options.graph, 'graph'),
    proxmox: {
      reads: gate.wrap(options.proxmox.reads, 'proxmox'),
      writes: gate.wrap(options.proxmox.writes, 'proxmox'),
      close: async () => undefined,
    },
    accounts: options.accounts,
  });
  const socket = join(dir, 'run/operator.sock');
  const operators = await serveOperators(socket, {
    metricsAddress: undefined,
    metrics,
    log,
    routers: [reconciler.routes],
    unready: () => reconciler.unready(),
    measure: () => reconciler.measure(),
  });
  return {
    gate,
    dir,
    reconciler,
    operator: createOperatorClient(socket),
    async stop() {
      await operators.close();
      await reconciler.stop();
    },
  };
}

/** What a machine would find after the death of the process that wrote `from`. Synchronous, so that nothing moves meanwhile. */
export function copyDisk(from: string, to: string): void {
  for (const name of ['state', 'spool', 'log']) {
    cpSync(join(from, name), join(to, name), { recursive: true, preserveTimestamps: true });
  }
}

function pathsIn(dir: string): Record<string, string> {
  return {
    STATE_DIR: join(dir, 'state'),
    SPOOL_DIR: join(dir, 'spool'),
    LOG_DIR: join(dir, 'log'),
    RUN_DIR: join(dir, 'run'),
    LISTENER_STATE_DIR: join(dir, 'state'),
  };
}
