import express, { type NextFunction, type Request, type Response } from 'express';
import helmet, { type HelmetOptions } from 'helmet';
import type { Clock } from '../domain/clock.js';
import { messageOf, Rejected } from '../domain/errors.js';
import { parseGuid } from '../domain/identity.js';
import type { Log } from '../telemetry/log.js';
import { readCollection } from './collection.js';
import { type IntakeOptions, type LifecycleEvent, takeIn } from './intake.js';
import { createOnceInAWhile } from './once-in-a-while.js';
import type { IntakeOutcome } from './outcome.js';
import { LIFECYCLE_PATH, NOTIFICATIONS_PATH } from './paths.js';
import { readBody } from './read-body.js';
import { readValidationToken } from './validation-token.js';

export interface ListenerAppOptions extends Pick<IntakeOptions, 'find' | 'isWatchedGroup' | 'hints'> {
  /** Our tenant id; throws Rejected where it is not a GUID, since notifications carry nothing else. */
  tenantId: string;
  /** Told of lifecycle events after the answer is decided; its failures are logged, not answered. */
  onLifecycle: (event: LifecycleEvent) => Promise<void>;
  clock: Clock;
  log: Log;
  onOutcome?: ((outcome: IntakeOutcome) => void) | undefined;
  onAnswered?: ((answer: { status: number; durationMs: number }) => void) | undefined;
}

/** Graph names no maximum for a batch; express's default of 100 kB is too small (1 MiB). */
const MAX_BODY_BYTES = 1024 * 1024;
const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i;
const OTHER_CHARSET = /;\s*charset\s*=\s*"?(?!utf-?8\b|us-ascii\b)/i;
const RETRY_AFTER_SECONDS = '10';
/** Nothing here is ever shown in a browser: no source is allowed, and what only concerns pages is left out. */
const HEADERS: HelmetOptions = {
  contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
  originAgentCluster: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xPermittedCrossDomainPolicies: false,
  xXssProtection: false,
  xPoweredBy: false,
};
/** Graph counts answers above 3 s as slow (change-notifications-delivery-webhooks). */
const SLOW_ANSWER_MS = 2000;

/**
 * The app that Graph calls: handshakes, notifications and lifecycle events, and 404 without a body for all else.
 * 202 means that every hint would survive a power cut; 503 that it would not and Graph shall send it again.
 */
export function createListenerApp(options: ListenerAppOptions): express.Express {
  const { clock, log, onLifecycle, onOutcome = () => undefined, onAnswered } = options;
  const tenantId = parseGuid(options.tenantId);
  if (!tenantId) {
    throw new Rejected(`the tenant id must be a GUID to be compared with notifications, not ${options.tenantId}`);
  }
  const sayable = createOnceInAWhile(clock);

  function say(event: Parameters<Log>[0], kind: string, req: Request, fields: Record<string, unknown>): void {
    const allowed = sayable(`${kind} ${req.ip}`);
    if (allowed) log(event, { kind, source: req.ip, ...fields, leftOut: allowed.leftOut });
  }

  function refuse(req: Request, res: Response, status: number, outcome: IntakeOutcome, why: string): void {
    onOutcome(outcome);
    say('listener.request.refused', outcome, req, { status, why });
    res.status(status).end();
  }

  function measure(req: Request, res: Response, next: NextFunction): void {
    const start = clock.now();
    res.once('finish', () => {
      const durationMs = clock.now() - start;
      onAnswered?.({ status: res.statusCode, durationMs });
      if (durationMs > SLOW_ANSWER_MS) say('listener.answer.slow', 'slow', req, { durationMs });
    });
    next();
  }

  function shakeHands(req: Request, res: Response, next: NextFunction): void {
    const reading = readValidationToken(req.url);
    if (reading.kind === 'none') {
      next();
      return;
    }
    if (reading.kind === 'bad') {
      refuse(req, res, 400, 'bad-token', reading.why);
      return;
    }
    onOutcome('handshake');
    say('listener.handshake.answered', 'handshake', req, { path: req.path });
    res.status(200).set('Cache-Control', 'no-store').type('text/plain').send(reading.token);
  }

  function requireJson(req: Request, res: Response, next: NextFunction): void {
    const type = req.headers['content-type'] ?? '';
    const plain = (req.headers['content-encoding'] ?? 'identity') === 'identity';
    if (plain && JSON_TYPE.test(type) && !OTHER_CHARSET.test(type)) {
      next();
      return;
    }
    refuse(req, res, 415, 'not-json', 'not plain JSON in UTF-8');
  }

  async function receive(req: Request, res: Response): Promise<void> {
    const read = await readBody(req, MAX_BODY_BYTES);
    if (read.kind === 'too-large') {
      refuse(req, res, 413, 'too-large', `more than ${MAX_BODY_BYTES} bytes`);
      return;
    }
    if (read.kind === 'aborted') {
      refuse(req, res, 400, 'malformed', 'the body ended early');
      return;
    }
    const reading = readCollection(read.body);
    if (!reading.ok) {
      refuse(req, res, 400, 'malformed', reading.why);
      return;
    }
    let lifecycle: LifecycleEvent[];
    try {
      lifecycle = await takeIn(reading.items, {
        tenantId: tenantId ?? '',
        find: options.find,
        isWatchedGroup: options.isWatchedGroup,
        hints: options.hints,
        onOutcome,
        onDropped: (outcome, subscriptionId) => say('listener.item.dropped', outcome, req, { subscriptionId }),
      });
    } catch (error) {
      onOutcome('unstored');
      say('listener.hint.unstored', 'unstored', req, { error: messageOf(error) });
      res.status(503).set('Retry-After', RETRY_AFTER_SECONDS).end();
      return;
    }
    res.status(202).end();
    for (const event of lifecycle) void handleLifecycle(event);
  }

  async function handleLifecycle(event: LifecycleEvent): Promise<void> {
    log('listener.lifecycle.received', { ...event });
    try {
      await onLifecycle(event);
    } catch (error) {
      log('listener.lifecycle.failed', { ...event, error: messageOf(error) });
    }
  }

  function answerError(error: unknown, req: Request, res: Response, next: NextFunction): void {
    if (res.headersSent) {
      next(error);
      return;
    }
    if (statusOf(error) < 500) {
      refuse(req, res, 400, 'malformed', messageOf(error));
      return;
    }
    onOutcome('unstored');
    say('listener.hint.unstored', 'failed', req, { error: messageOf(error) });
    res.status(503).set('Retry-After', RETRY_AFTER_SECONDS).end();
  }

  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.enable('case sensitive routing');
  app.enable('strict routing');
  app.use(helmet(HEADERS));
  app.post([NOTIFICATIONS_PATH, LIFECYCLE_PATH], measure, shakeHands, requireJson, receive);
  app.use((req: Request, res: Response) => {
    onOutcome('not-found');
    say('listener.request.refused', 'not-found', req, { status: 404 });
    res.status(404).end();
  });
  app.use(answerError);
  return app;
}

function statusOf(error: unknown): number {
  const status = error instanceof Error && 'status' in error ? error.status : undefined;
  return typeof status === 'number' ? status : 500;
}
