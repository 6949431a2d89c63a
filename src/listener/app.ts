import express, { type NextFunction, type Request, type Response } from 'express';
import helmet, { type HelmetOptions } from 'helmet';
import type { Clock } from '../domain/clock.js';
import { messageOf, Rejected } from '../domain/errors.js';
import { parseGuid } from '../domain/identity.js';
import type { Log } from '../telemetry/log.js';
import type { AllowList } from './allow-list.js';
import { ALARM_MS } from './answer-times.js';
import { readCollection } from './collection.js';
import { type IntakeOptions, type LifecycleEvent, takeIn } from './intake.js';
import { createOnceInAWhile } from './once-in-a-while.js';
import type { IntakeOutcome } from './outcome.js';
import { LIFECYCLE_PATH, NOTIFICATIONS_PATH } from './paths.js';
import { createBodyReader } from './read-body.js';
import { createStoring, inTime, StorageLate } from './storing.js';
import { readValidationToken } from './validation-token.js';

export interface ListenerAppOptions extends Pick<IntakeOptions, 'find' | 'isWatchedGroup' | 'onNesting' | 'hints'> {
  /** Our tenant id; throws Rejected where it is not a GUID, since notifications carry nothing else. */
  tenantId: string;
  /** Told of lifecycle events after the answer is decided; its failures are logged, not answered. */
  onLifecycle: (event: LifecycleEvent) => Promise<void>;
  clock: Clock;
  log: Log;
  onOutcome?: ((outcome: IntakeOutcome) => void) | undefined;
  onAnswered?: ((answer: Answered) => void) | undefined;
  /** Who may talk to us; without it everybody. Who is not on it gets 403 before a byte of the body is read. */
  isAllowed?: AllowList | undefined;
  /** Tokens of our own probes, which are answered whoever brings them. */
  isOwnToken?: ((token: string) => boolean) | undefined;
  /** When a disk that blocks is given up on; default two seconds after the request came. */
  storeWithinMs?: number | undefined;
  /** So many hints may wait for the disk. */
  maxWaiting?: number | undefined;
  /** Milliseconds that only grow; a clock that is set must not look like a slow answer. */
  monotonicMs?: (() => number) | undefined;
}

/** One answer, and how long it took from the request's first line to the answer's last byte. */
export interface Answered {
  kind: 'notification' | 'lifecycle' | 'handshake';
  status: number;
  durationMs: number;
  /** It answers a notification that only Graph can have made: what Graph's own measuring would count. */
  isGraphs: boolean;
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
/** Where an answer keeps what is known of its request. */
interface Known {
  isHandshake?: boolean;
  isGraphs?: boolean;
  startedAt: number;
}

/**
 * The app that Graph calls: handshakes, notifications and lifecycle events, and 404 without a body for all else.
 * 202 means that every hint would survive a power cut; 503 that it would not and Graph shall send it again.
 */
export function createListenerApp(options: ListenerAppOptions): express.Express {
  const { clock, log, onLifecycle, onOutcome = () => undefined, onAnswered } = options;
  const { isAllowed = () => true, isOwnToken = () => false, storeWithinMs = ALARM_MS } = options;
  const monotonicMs = options.monotonicMs ?? (() => performance.now());
  const readBody = createBodyReader({ maxBytes: MAX_BODY_BYTES });
  const hints = createStoring(options.hints, options.maxWaiting);
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
    const known: Known = { startedAt: monotonicMs() };
    res.locals.known = known;
    const kind = req.path === LIFECYCLE_PATH ? 'lifecycle' : 'notification';
    // Also where the other side has not waited for the end.
    res.once('close', () => {
      const durationMs = Math.max(0, monotonicMs() - known.startedAt);
      onAnswered?.({
        kind: known.isHandshake ? 'handshake' : kind,
        status: res.statusCode,
        durationMs,
        isGraphs: known.isGraphs === true,
      });
      if (durationMs > ALARM_MS) say('listener.answer.slow', 'slow', req, { durationMs: Math.round(durationMs) });
    });
    next();
  }

  function admit(req: Request, res: Response, next: NextFunction): void {
    if (isAllowed(req.ip)) {
      next();
      return;
    }
    const reading = readValidationToken(req.url);
    if (reading.kind === 'token' && isOwnToken(reading.token)) {
      next();
      return;
    }
    onOutcome('foreign-address');
    // One topic for all: an address costs nothing to whoever wants to fill a log.
    const allowed = sayable('foreign-address');
    if (allowed) log('listener.address.refused', { source: req.ip, leftOut: allowed.leftOut });
    res.status(403).set('Connection', 'close').end();
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
    knownOf(res).isHandshake = true;
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

  function requireRoom(req: Request, res: Response, next: NextFunction): void {
    if (hints.hasRoom()) next();
    else refuseLate(req, res, new StorageLate(`${hints.waiting()} hints wait for the disk already`));
  }

  function refuseLate(req: Request, res: Response, error: unknown): void {
    const outcome = error instanceof StorageLate ? 'late' : 'unstored';
    onOutcome(outcome);
    say('listener.hint.unstored', outcome, req, { error: messageOf(error) });
    res.status(503).set('Retry-After', RETRY_AFTER_SECONDS).end();
  }

  async function receive(req: Request, res: Response): Promise<void> {
    const read = await readBody(req);
    if (read.kind === 'crowded-out') {
      res.set({ 'Retry-After': RETRY_AFTER_SECONDS, Connection: 'close' });
      refuse(req, res, 503, 'crowded-out', 'too many bytes of too many requests at once, and this one the largest');
      return;
    }
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
    const known = knownOf(res);
    let lifecycle: LifecycleEvent[];
    try {
      const taken = takeIn(reading.items, {
        tenantId: tenantId ?? '',
        find: options.find,
        isWatchedGroup: options.isWatchedGroup,
        onNesting: options.onNesting,
        hints,
        onOutcome(outcome) {
          if (outcome === 'accepted' || outcome === 'lifecycle') known.isGraphs = true;
          onOutcome(outcome);
        },
        onDropped: (outcome, subscriptionId) => say('listener.item.dropped', outcome, req, { subscriptionId }),
      });
      lifecycle = await inTime(taken, known.startedAt + storeWithinMs - monotonicMs(), storeWithinMs);
    } catch (error) {
      refuseLate(req, res, error);
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
  app.post([NOTIFICATIONS_PATH, LIFECYCLE_PATH], measure, admit, shakeHands, requireJson, requireRoom, receive);
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

/** What `measure` has put there for every request that comes this far. */
function knownOf(res: Response): Known {
  return res.locals.known as Known;
}
