// A process of its own: posts unique notifications over kept connections and keeps count of what was accepted.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'undici';
import { notificationOf, type Origin } from '../notification.js';

export interface LoadRequest {
  url: string;
  /** PEM */
  ca: string;
  origin: Origin;
  durationMs: number;
  /** Undefined: as fast as the connections allow. */
  perSecond?: number | undefined;
}

export interface LoadResult {
  /** User ids whose notification was answered 202. */
  accepted: string[];
  /** Everything else, by status or error code. */
  refused: Record<string, number>;
  /** From the moment a notification was due, so that a stall counts for everybody who waited in it. */
  latenciesMs: number[];
  seconds: number;
}

const CONNECTIONS = 64;
/** Notifications under way at a fixed rate; beyond that the server is lost and the rest is not sent. */
const MAX_UNDER_WAY = 5_000;

process.on('message', (message: LoadRequest) => {
  void run(message).then((result) => process.send?.(result));
});

async function run(wanted: LoadRequest): Promise<LoadResult> {
  const pool = new Pool(wanted.url, { connect: { ca: wanted.ca }, connections: CONNECTIONS, pipelining: 1 });
  const result: LoadResult = { accepted: [], refused: {}, latenciesMs: [], seconds: 0 };
  const refuse = (why: string) => {
    result.refused[why] = (result.refused[why] ?? 0) + 1;
  };

  async function post(dueAt: number): Promise<void> {
    const oid = randomUUID();
    try {
      const { statusCode, body } = await pool.request({
        method: 'POST',
        path: '/graph/notifications',
        headers: { 'content-type': 'application/json' },
        body: notificationOf(wanted.origin, oid),
      });
      await body.dump();
      result.latenciesMs.push(performance.now() - dueAt);
      if (statusCode === 202) result.accepted.push(oid);
      else refuse(String(statusCode));
    } catch (error) {
      refuse(error instanceof Error ? error.message : String(error));
    }
  }

  const startedAt = performance.now();
  if (wanted.perSecond === undefined) await saturate(post, wanted.durationMs);
  else await keepRate(post, wanted.perSecond, wanted.durationMs, refuse);
  result.seconds = (performance.now() - startedAt) / 1000;
  await pool.close();
  return result;
}

async function saturate(post: (dueAt: number) => Promise<void>, durationMs: number): Promise<void> {
  const until = performance.now() + durationMs;
  const worker = async () => {
    while (performance.now() < until) await post(performance.now());
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
}

/** Sends at fixed moments, whether or not earlier ones were answered. */
async function keepRate(
  post: (dueAt: number) => Promise<void>,
  perSecond: number,
  durationMs: number,
  refuse: (why: string) => void,
): Promise<void> {
  const startedAt = performance.now();
  const underWay = new Set<Promise<void>>();
  const all = Math.round((perSecond * durationMs) / 1000);
  for (let sent = 0; sent < all; ) {
    const due = Math.min(all, Math.floor(((performance.now() - startedAt) * perSecond) / 1000));
    for (; sent < due; sent += 1) {
      if (underWay.size >= MAX_UNDER_WAY) {
        refuse('not sent');
        continue;
      }
      const one = post(startedAt + (sent * 1000) / perSecond);
      underWay.add(one);
      void one.finally(() => underWay.delete(one));
    }
    await delay(1);
  }
  await Promise.all(underWay);
}
