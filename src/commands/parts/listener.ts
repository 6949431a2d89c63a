import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import express, { type Router } from 'express';
import { schedule } from 'node-cron';
import type { Settings } from '../../config/settings.js';
import { messageOf, Rejected } from '../../domain/errors.js';
import { readGroupTree } from '../../entra/group-tree.js';
import { createSubscriptionApi } from '../../entra/subscription-api.js';
import { retireSubscriptions } from '../../listener/event-hub/leftovers.js';
import { eventHubRoutes } from '../../listener/event-hub/routes.js';
import { explainedForHub } from '../../listener/event-hub/subscription-api.js';
import { discardSubscriptionStore } from '../../listener/subscriptions/discard.js';
import { createSubscriptionKeeper, type SubscriptionKeeper } from '../../listener/subscriptions/keeper.js';
import { subscriptionRoutes } from '../../listener/subscriptions/routes.js';
import { openSubscriptionStore, type SubscriptionStore } from '../../listener/subscriptions/store.js';
import { type PublicUrls, publicUrls } from '../../listener/subscriptions/urls.js';
import { CHANGE_TYPE } from '../../listener/subscriptions/wanted.js';
import { combineKeepers, type KeptSource } from '../../listener/subscriptions-of-sources.js';
import { createWatchList } from '../../listener/watch-list.js';
import type { Unready } from '../../operator/health.js';
import type { HintSink } from '../../queue/queue.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { systemClock } from '../../telemetry/system-clock.js';
import { type EventHubSource, startEventHubSource } from './event-hub-source.js';
import { connectGraph } from './graph.js';
import { lakefsDiscovery } from './lakefs-target.js';
import { orUndo } from './or-undo.js';
import { measureSubscriptions } from './subscription-metrics.js';
import { startWebhookSource, type WebhookSource } from './webhook-source.js';

/** A running listener, to be put behind an operator socket. */
export interface Listener {
  routes: Router;
  unready(): Unready[];
  measure(): void;
  stop(): Promise<void>;
}

/** The subscriptions of the only source, or of the webhook where there are both. */
const STORE = 'subscriptions.json';
/** Those of the event hub beside a webhook. */
const SECOND_STORE = 'event-hub-subscriptions.json';
/**
 * Graph takes one subscription of an app for a resource and a change type. Beside a webhook the hub is not told of
 * deletions for good: those were told before, as the change that put the object into the bin.
 */
const SECOND_CHANGE_TYPE = 'updated';

/** Listens first, then makes the subscriptions: Graph asks the endpoint while they are made. */
export async function startListener(
  settings: Settings,
  hints: HintSink,
  log: Log,
  metrics: Metrics,
): Promise<Listener> {
  const { entra, listener } = settings;
  const publicUrl = settings.sources.includes('webhook') ? listener.publicUrl : undefined;
  const hub = settings.sources.includes('eventhub') ? settings.eventHub : undefined;
  const { tenantId } = entra;
  if (!tenantId || !(publicUrl || hub)) {
    throw new Rejected('the listener needs ENTRA_TENANT_ID, and PUBLIC_URL or an event hub');
  }
  const graph = connectGraph(settings, log, metrics);
  const stopping = new AbortController();
  const api = createSubscriptionApi(graph.client, systemClock);
  const storeOf = (name: string) => {
    const path = join(settings.paths.listenerStateDir, name);
    const onBroken = (why: string) => discardSubscriptionStore({ path, why, now: systemClock.now(), log });
    return openSubscriptionStore({ path, onBroken });
  };
  const store = await storeOf(STORE);
  const second =
    existsSync(join(settings.paths.listenerStateDir, SECOND_STORE)) || (publicUrl && hub)
      ? await storeOf(SECOND_STORE)
      : undefined;
  const watchList = createWatchList({
    configured: entra.groupIds,
    users: entra.userIds,
    discover: lakefsDiscovery(settings, graph.client, log),
    readTree: (signal, groups) => readGroupTree(graph.client, groups, signal),
    recorded: () => [...new Set([store, second].flatMap((one) => one?.list() ?? []).map(({ resource }) => resource))],
    hints,
    clock: systemClock,
    log,
    onChange: () => tick(),
    signal: stopping.signal,
  });
  const kept: KeptSource[] = [];

  function keep(
    source: KeptSource['source'],
    own: SubscriptionStore,
    urls: PublicUrls,
    options: Pick<Parameters<typeof createSubscriptionKeeper>[0], 'api' | 'changeType' | 'endpointReady'>,
  ): SubscriptionKeeper {
    const keeper = createSubscriptionKeeper({
      ...options,
      store: own,
      urls,
      wanted: () => (settings.dryRun ? [] : watchList.wanted()),
      lifetimeMs: settings.subscriptions.lifetimeMs,
      clock: systemClock,
      random: randomBytes,
      hints,
      isSibling: (id) => kept.some((other) => other.keeper !== keeper && other.keeper.find(id) !== undefined),
      monotonicMs: () => performance.now(),
      onGapEnded({ kind, lengthMs }) {
        metrics.subscriptionGaps.inc({ kind });
        metrics.subscriptionGapSeconds.inc(lengthMs / 1000);
      },
      log,
    });
    kept.push({ source, address: urls.notifications, keeper });
    return keeper;
  }

  const intakeOf = (keeper: SubscriptionKeeper) => ({
    tenantId,
    find: keeper.find,
    isWatchedGroup: watchList.isWatchedGroup,
    onNesting: watchList.noteNesting,
    hints: watchList.hints,
    async onLifecycle(event: Parameters<SubscriptionKeeper['handleLifecycle']>[0]) {
      // What it is answered with would be written at Graph.
      if (!settings.dryRun) await keeper.handleLifecycle(event);
    },
  });

  let webhook: WebhookSource | undefined;
  let eventHub: EventHubSource | undefined;
  const stopSources = () => Promise.all([webhook?.stop(), eventHub?.stop()]);
  if (publicUrl) {
    const keeper = keep('webhook', store, publicUrls(publicUrl), {
      api,
      changeType: CHANGE_TYPE,
      endpointReady: async (signal) => webhook?.endpointReady(signal),
    });
    webhook = await startWebhookSource(settings, publicUrl, graph, intakeOf(keeper), log, metrics);
  }
  if (hub) {
    const beside = publicUrl !== undefined && second !== undefined;
    const urls = { notifications: hub.notificationUrl, lifecycle: hub.notificationUrl };
    const keeper = keep('eventhub', beside ? second : store, urls, {
      api: explainedForHub(api),
      changeType: beside ? SECOND_CHANGE_TYPE : CHANGE_TYPE,
      // Graph tries the way to a hub by itself, and what it sends waits there until it is read.
      endpointReady: async () => undefined,
    });
    // A dry run makes no subscription, so nothing new comes, and what is there belongs to whoever runs in earnest.
    if (!settings.dryRun) {
      eventHub = await orUndo(startEventHubSource(settings, hub, graph, intakeOf(keeper), log, metrics), async () => {
        await stopSources();
      });
    }
  }
  const subscriptions = combineKeepers(kept);
  const leftover = publicUrl && hub ? undefined : second;

  function tick(): void {
    // A dry run writes nothing anywhere, at Graph neither.
    if (settings.dryRun) return;
    watchList
      .refresh()
      .then(() => leftover && retireSubscriptions(leftover, api, log, stopping.signal))
      .then(() => subscriptions.tick(stopping.signal))
      .catch((error: unknown) => {
        if (!stopping.signal.aborted) log('listener.tick.failed', { error: messageOf(error) });
      });
  }

  const { timeZone } = settings.schedule;
  const task = schedule(settings.subscriptions.cron, tick, {
    ...(timeZone ? { timezone: timeZone } : {}),
    noOverlap: true,
  });
  if (settings.dryRun) await task.stop();
  tick();
  const routes = express.Router();
  routes.use(subscriptionRoutes(subscriptions, settings.dryRun));
  if (webhook) routes.use(webhook.routes);
  if (eventHub) routes.use(eventHubRoutes(eventHub.view));
  return {
    routes,
    unready: () => [
      ...(webhook?.unready() ?? []),
      ...(eventHub?.unready() ?? []),
      ...subscriptions
        .list()
        .filter((item) => item.state !== 'live')
        .map(({ resource, source, state, problem }) => ({
          condition: 'subscription',
          detail: `${resource}${kept.length > 1 ? ` (${source})` : ''} is ${state}${problem ? `: ${problem}` : ''}`,
        })),
    ],
    measure() {
      webhook?.measure();
      eventHub?.measure();
      measureSubscriptions(subscriptions.list(), metrics, systemClock.now());
    },
    async stop() {
      stopping.abort(new Error('stopping'));
      await task.destroy();
      await stopSources();
      await graph.close();
    },
  };
}
