import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { Router } from 'express';
import type { Settings } from '../../config/settings.js';
import { messageOf } from '../../domain/errors.js';
import { answerError, type BaseAppOptions, createHealthApp } from '../../operator/base-app.js';
import { closeServer, serveOnSocket } from '../../operator/socket.js';
import type { Log } from '../../telemetry/log.js';
import { orUndo } from './or-undo.js';

export interface OperatorServerOptions extends BaseAppOptions {
  log: Log;
  /** What operators may ask beside health and metrics; never offered over TCP. */
  routers: readonly Router[];
  /** Where health and metrics are offered over loopback TCP as well; each process needs an address of its own. */
  metricsAddress: Settings['telemetry']['metrics'];
}

const OPERATORS_GROUP = 'entramox-operators';
const GRACE_MS = 2000;

/** The operator socket, and health and metrics on loopback TCP where that is asked for. */
export async function serveOperators(
  socketPath: string,
  options: OperatorServerOptions,
): Promise<{ close(): Promise<void> }> {
  const app = createHealthApp(options);
  for (const router of options.routers) app.use(router);
  app.use((_request, response) => void response.status(404).json({ error: 'there is nothing of that name here' }));
  app.use(answerError);
  const socket = await serveOnSocket(app, { path: socketPath, groupId: operatorsGroup() });
  const metrics = options.metricsAddress
    ? await orUndo(serveMetrics(options.metricsAddress, options), () => closeServer(socket, 0))
    : undefined;
  return {
    async close() {
      await Promise.all([closeServer(socket, GRACE_MS), metrics ? closeServer(metrics, GRACE_MS) : undefined]);
    },
  };
}

async function serveMetrics(where: { host: string; port: number }, options: OperatorServerOptions): Promise<Server> {
  const app = createHealthApp(options);
  app.use((_request, response) => void response.status(404).end());
  app.use(answerError);
  const server = createServer(app);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      const names = 'METRICS_HOST with METRICS_PORT or LISTENER_METRICS_PORT';
      reject(new Error(`cannot listen on ${where.host}, port ${where.port} (${names}): ${messageOf(error)}`));
    });
    server.listen(where.port, where.host, resolve);
  });
  return server;
}

/** The gid of the operators' group; undefined where this machine has none (a lab, a container). */
function operatorsGroup(): number | undefined {
  const line = readFileSync('/etc/group', 'utf8')
    .split('\n')
    .find((text) => text.startsWith(`${OPERATORS_GROUP}:`));
  const gid = Number(line?.split(':')[2]);
  const mayChange = process.getuid?.() === 0 || process.getgroups?.().includes(gid);
  return line && Number.isInteger(gid) && mayChange ? gid : undefined;
}
