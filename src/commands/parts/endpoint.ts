import { randomBytes } from 'node:crypto';
import express, { type Router } from 'express';
import type { Settings } from '../../config/settings.js';
import { createAllowList } from '../../listener/allow-list.js';
import { ALARM_MS, createAnswerTimes } from '../../listener/answer-times.js';
import type { ListenerAppOptions } from '../../listener/app.js';
import { endpointProblem, endpointView, makeUpForDropped, putSweep } from '../../listener/endpoint-health.js';
import { createProbeTokens } from '../../listener/probe-tokens.js';
import { createStallWatch } from '../../listener/stall-watch.js';
import type { Unready } from '../../operator/health.js';
import type { HintSink } from '../../queue/queue.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { systemClock } from '../../telemetry/system-clock.js';

/** The watch over our own endpoint: how fast it answers, and who may knock. */
export interface EndpointWatch {
  /** For the app. */
  app: Required<Pick<ListenerAppOptions, 'onAnswered' | 'isAllowed' | 'isOwnToken'>>;
  /** For the probe: its tokens are let in from wherever they come. */
  random: (bytes: number) => Buffer;
  /** `GET /endpoint`, and `POST /endpoint/probe-token` for whoever wants to try the public address. */
  routes: Router;
  unready(): Unready[];
  measure(): void;
  stop(): Promise<void>;
}

const LOOK_MS = 5_000;
const BEAT_MS = 1_000;
const STANDING = { well: 0, slow: 1, dropping: 2 } as const;

/** Watches the answers from now on; `hints` takes the sweep that is owed where Graph may have dropped something. */
export function watchEndpoint(settings: Settings, hints: HintSink, log: Log, metrics: Metrics): EndpointWatch {
  const allowed = settings.listener.graphAddresses;
  const tokens = createProbeTokens(randomBytes, systemClock);
  const answers = createAnswerTimes({
    clock: systemClock,
    monotonicMs: () => performance.now(),
    onStanding: ({ standing, answers: count, over3s, over10s }) =>
      log('listener.endpoint.standing', { standing, answers: count, over3s, over10s }),
  });
  const view = () => endpointView(answers.view(), allowed.length);
  const timer = setInterval(() => void makeUpForDropped(answers, hints, log), LOOK_MS);
  timer.unref();
  const stallWatch = createStallWatch({
    everyMs: BEAT_MS,
    limitMs: ALARM_MS,
    monotonicMs: () => performance.now(),
    onStall: (lateMs) => log('listener.stalled', { lateMs: Math.round(lateMs) }),
  });
  const beat = setInterval(stallWatch, BEAT_MS);
  beat.unref();

  const routes = express.Router();
  routes.get('/endpoint', (_request, response) => {
    response.json(view());
  });
  routes.post('/endpoint/probe-token', (_request, response) => {
    response.json({ token: tokens.random(16).toString('hex') });
  });
  return {
    app: {
      onAnswered({ kind, durationMs, isGraphs }) {
        metrics.listenerAnswerSeconds.observe({ kind }, durationMs / 1000);
        if (isGraphs) answers.record(durationMs);
      },
      isAllowed: createAllowList(allowed),
      isOwnToken: tokens.isOurs,
    },
    random: tokens.random,
    routes,
    unready() {
      const seen = view();
      const detail = endpointProblem(seen);
      return detail ? [{ condition: 'answers', detail, since: seen.since }] : [];
    },
    measure: () => metrics.listenerStanding.set(STANDING[answers.view().standing]),
    async stop() {
      clearInterval(timer);
      clearInterval(beat);
      // What the window would still tell is forgotten with this process.
      if (answers.view().standing === 'dropping' || answers.owesSweep()) await putSweep(hints, log);
    },
  };
}
