import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Express } from 'express';
import type { Dispatcher } from 'undici';
import type { Clock } from '../../src/domain/clock.js';
import { messageOf, SourceUnavailable } from '../../src/domain/errors.js';
import { createDeltaSource } from '../../src/entra/delta-hints.js';
import { createGraphClient } from '../../src/entra/graph-client.js';
import type { SubscriptionApi } from '../../src/entra/subscription.js';
import { createSubscriptionApi } from '../../src/entra/subscription-api.js';
import { createListenerApp } from '../../src/listener/app.js';
import { createSubscriptionKeeper, type SubscriptionKeeper } from '../../src/listener/subscriptions/keeper.js';
import { openSubscriptionStore, type SubscriptionStore } from '../../src/listener/subscriptions/store.js';
import { publicUrls } from '../../src/listener/subscriptions/urls.js';
import { CHANGE_TYPE } from '../../src/listener/subscriptions/wanted.js';
import type { HintSink } from '../../src/queue/queue.js';
import { openLinkStore } from '../../src/reconcile/catch-up/links.js';
import { catchUpRound } from '../../src/reconcile/catch-up/round.js';
import type { Log } from '../../src/telemetry/log.js';
import type { Gate } from './gate.js';
import { CATCH_UP_MS, LIFETIME_MS, PUBLIC_URL, TICK_MS } from './settings.js';

const BASE_URL = 'https://graph.microsoft.com';

/** The collaborators of the keeper and of catch-up that a fault can be put into. */
export interface Parts {
  api: SubscriptionApi;
  store: SubscriptionStore;
  hints: HintSink;
}

/** One life of our process on its directory: the product's own keeper, store, intake and catch-up. */
export interface Installation {
  gate: Gate;
  dir: string;
  keeper: SubscriptionKeeper;
  app: Express;
  /** An orderly end. */
  stop(): Promise<void>;
}

export interface InstallationOptions {
  dir: string;
  gate: Gate;
  seed: number;
  tenantId: string;
  /** Our own clock, with its error; it stops with the gate. */
  clock: Clock;
  /** A clock that nobody sets and that begins with the process. */
  monotonicMs: () => number;
  wire: Dispatcher;
  getToken: () => Promise<string>;
  hints: HintSink;
  wanted: () => readonly string[];
  log: Log;
  /** Puts a fault into the product; the identity for none. */
  tamper: (parts: Parts) => Parts;
  /** Told when something broke that never should. */
  onBroken(what: string): void;
}

export async function startInstallation(options: InstallationOptions): Promise<Installation> {
  const { dir, gate, seed, clock, wire, log, wanted } = options;
  const counter = createCounter();
  const random = (bytes: number): Buffer => spread(`${seed} ${clock.now()} ${counter()}`).subarray(0, bytes);
  const client = createGraphClient({
    baseUrl: BASE_URL,
    credential: { getToken: options.getToken },
    log,
    clock,
    dispatcher: wire,
    // The same for the same instant, whatever came first in it.
    random: () => spread(`${seed} ${clock.now()}`).readUInt32BE(0) / 2 ** 32,
  });
  const parts = options.tamper({
    api: createSubscriptionApi(client, clock),
    store: await openSubscriptionStore({ path: join(dir, 'subscriptions.json') }),
    hints: options.hints,
  });
  const stopping = new AbortController();
  const keeper = createSubscriptionKeeper({
    ...parts,
    wanted,
    urls: publicUrls(PUBLIC_URL),
    changeType: CHANGE_TYPE,
    lifetimeMs: LIFETIME_MS,
    clock,
    random,
    monotonicMs: options.monotonicMs,
    endpointReady: async () => {
      if (!gate.alive()) throw new SourceUnavailable('not listening');
    },
    log,
  });
  const app = createListenerApp({
    tenantId: options.tenantId,
    find: (id) => keeper.find(id),
    isWatchedGroup: (group) => wanted().includes(`/groups/${group}`),
    hints: parts.hints,
    onLifecycle: (event) => keeper.handleLifecycle(event),
    clock,
    log,
  });
  const running = new Set<Promise<void>>();
  const links = await openLinkStore({
    path: join(dir, 'catch-up.json'),
    tenantId: options.tenantId,
    graphBaseUrl: BASE_URL,
    complain: (why) => options.onBroken(`the links of catch-up: ${why}`),
  });

  async function catchUp(): Promise<void> {
    const groups = wanted().flatMap((resource) => /^\/groups\/(.+)$/.exec(resource)?.[1] ?? []);
    try {
      await catchUpRound(
        {
          source: createDeltaSource(client),
          hints: parts.hints,
          links,
          watched: () => ({ groups, users: undefined }),
          clock,
          log,
        },
        stopping.signal,
      );
    } catch (error) {
      log('reconcile.catchup.failed', { error: messageOf(error) });
    }
  }

  async function keepCatchingUp(): Promise<void> {
    while (gate.alive() && !stopping.signal.aborted) {
      await clock.sleep(CATCH_UP_MS, stopping.signal);
      await catchUp();
    }
  }

  function tick(): void {
    const work = keeper
      .tick(stopping.signal)
      .catch((error: unknown) => options.onBroken(`a tick threw ${error instanceof Error ? error.stack : error}`))
      .finally(() => running.delete(work));
    running.add(work);
  }

  /** As node-cron does it: at the instants that our own clock calls full quarters. */
  async function keepTimetable(): Promise<void> {
    tick();
    while (gate.alive() && !stopping.signal.aborted) {
      await clock.sleep(TICK_MS - (clock.now() % TICK_MS), stopping.signal);
      tick();
    }
  }

  for (const work of [keepTimetable(), keepCatchingUp()])
    work.catch((error: unknown) => {
      if (!stopping.signal.aborted) options.onBroken(`a timetable ended: ${error}`);
    });
  return {
    gate,
    dir,
    keeper,
    app,
    async stop() {
      stopping.abort(new Error('stopping'));
      await Promise.all(running);
    },
  };
}

function createCounter(): () => number {
  let count = 0;
  return () => {
    count += 1;
    return count;
  };
}

function spread(text: string): Buffer {
  return createHash('sha512').update(text).digest();
}
