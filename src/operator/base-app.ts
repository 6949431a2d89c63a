import express, { type ErrorRequestHandler, type Express } from 'express';
import helmet from 'helmet';
import { Conflict, messageOf, Rejected, SourceUnavailable } from '../domain/errors.js';
import type { Metrics } from '../telemetry/metrics.js';
import { withoutSecrets } from '../telemetry/redact.js';
import type { Unready } from './health.js';

export interface BaseAppOptions {
  metrics: Metrics;
  /** Brings gauges that are computed on demand up to date. */
  measure?: (() => void | Promise<void>) | undefined;
  /** Empty: ready. */
  unready: () => Promise<Unready[]>;
}

/** `/healthz`, `/readyz` and `/metrics`: safe to offer on loopback TCP as well, nothing here can change anything. */
export function createHealthApp(options: BaseAppOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  // What is told here was put together from many sources, errors of others among them.
  app.set('json replacer', withoutSecrets);
  app.use(helmet());
  app.get('/healthz', (_request, response) => {
    response.json({ ok: true });
  });
  app.get('/readyz', async (_request, response) => {
    const unready = await options.unready();
    response.status(unready.length === 0 ? 200 : 503).json({ ok: unready.length === 0, unready });
  });
  app.get('/metrics', async (_request, response) => {
    await options.measure?.();
    response.type(options.metrics.registry.contentType).send(await options.metrics.registry.metrics());
  });
  return app;
}

/** The last handler: errors as JSON with their text, never a stack. */
export const answerError: ErrorRequestHandler = (error, _request, response, next) => {
  if (response.headersSent) return next(error);
  const remedy = error instanceof Conflict ? { remedy: error.remedy } : {};
  response.status(statusOf(error)).json({ error: messageOf(error), ...remedy });
};

function statusOf(error: unknown): number {
  if (error instanceof Rejected) return 422;
  if (error instanceof Conflict) return 409;
  if (error instanceof SourceUnavailable) return 503;
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined;
  return typeof status === 'number' && status >= 400 && status < 600 ? status : 500;
}
