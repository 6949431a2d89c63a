import PQueue from 'p-queue';
import { messageOf } from '../../domain/errors.js';
import type { HintSink } from '../../queue/queue.js';
import type { LifecycleEvent } from '../intake.js';
import type { KnownSubscription } from '../item-origin.js';
import { type CaretakerOptions, createCaretaker, isLive } from './caretaker.js';
import { createKeyedLock } from './keyed-lock.js';

export interface SubscriptionKeeperOptions
  extends Pick<CaretakerOptions, 'api' | 'store' | 'urls' | 'changeType' | 'lifetimeMs' | 'clock' | 'random' | 'log'> {
  /** See `wantedResources`. Asked at every look, since groups below the configured ones come and go. */
  wanted: () => readonly string[];
  hints: HintSink;
  /** Resolves when our endpoint answers a handshake, rejects with the reason when it does not. */
  endpointReady: (signal: AbortSignal) => Promise<void>;
  /** Told after each look; undefined: there is no subscription. */
  onExpiry?: ((resource: string, expiresAt: number | undefined) => void) | undefined;
}

/** One wanted or existing subscription, for a person. Never holds the client state. */
export interface SubscriptionView {
  resource: string;
  id: string | undefined;
  state: 'live' | 'expired' | 'missing';
  expiresAt: number | undefined;
  touchedAt: number | undefined;
  /** What is in the way, from the last look. */
  problem: string | undefined;
}

export interface SubscriptionKeeper {
  /** Compares what Graph has with what is wanted and mends it. Never throws; a call while one runs joins it. */
  tick(signal: AbortSignal): Promise<void>;
  list(): SubscriptionView[];
  /** Renews all that may be touched now; the problems are in `list()`. */
  renewAll(signal: AbortSignal): Promise<SubscriptionView[]>;
  /** Deletes all of ours at Graph, recorded or not. Throws for the first that could not be deleted. */
  deleteAll(signal: AbortSignal): Promise<number>;
  handleLifecycle(event: LifecycleEvent, signal?: AbortSignal): Promise<void>;
  /** For the intake: what we know of a subscription. */
  find(subscriptionId: string): KnownSubscription | undefined;
}

/** Graph's limits are far away; this only keeps one slow call from holding up all others. */
const PARALLEL = 4;
const LIFECYCLE_DEADLINE_MS = 60_000;

/** Keeps the wanted subscriptions alive. Call `tick` at the start and at fixed intervals. */
export function createSubscriptionKeeper(options: SubscriptionKeeperOptions): SubscriptionKeeper {
  const { api, store, urls, wanted, clock, log, hints } = options;
  const locked = createKeyedLock();
  const problems = new Map<string, string>();
  let sweepOwed = false;
  let started = false;
  let orphansChecked = false;
  let running: Promise<void> | undefined;
  let ready: Promise<boolean> | undefined;
  const caretaker = createCaretaker({
    ...options,
    endpointReady: (signal) => {
      ready ??= checkEndpoint(signal);
      return ready;
    },
    onGap: () => {
      sweepOwed = true;
    },
  });

  async function checkEndpoint(signal: AbortSignal): Promise<boolean> {
    try {
      await options.endpointReady(signal);
      return true;
    } catch (error) {
      log('listener.endpoint.unready', { error: messageOf(error) });
      return false;
    }
  }

  async function paySweep(): Promise<void> {
    if (!sweepOwed) return;
    sweepOwed = false;
    try {
      await hints.put('sweep');
    } catch (error) {
      sweepOwed = true;
      log('listener.sweep.unstored', { error: messageOf(error) });
    }
  }

  /** One resource at a time, and its failures are its own. */
  async function attend(resource: string, work: () => Promise<string | undefined>): Promise<void> {
    await locked(resource, async () => {
      try {
        const problem = await work();
        if (problem === undefined) problems.delete(resource);
        else problems.set(resource, problem);
      } catch (error) {
        problems.set(resource, messageOf(error));
        log('listener.subscription.failed', { resource, error: messageOf(error) });
      }
    });
    const record = store.byResource(resource);
    options.onExpiry?.(resource, record && isLive(record) ? record.expiresAt : undefined);
  }

  async function attendAll(resources: readonly string[], work: (resource: string) => Promise<string | undefined>) {
    const queue = new PQueue({ concurrency: PARALLEL });
    await queue.addAll(resources.map((resource) => () => attend(resource, () => work(resource))));
  }

  async function forgetUnwanted(signal: AbortSignal): Promise<void> {
    const now = new Set(wanted());
    const unwanted = store.list().filter(({ resource }) => !now.has(resource));
    await attendAll(
      unwanted.map(({ resource }) => resource),
      async (resource) => {
        await deleteRecorded(resource, signal);
        return undefined;
      },
    );
  }

  async function deleteRecorded(resource: string, signal: AbortSignal): Promise<void> {
    const record = store.byResource(resource);
    if (!record) return;
    if (isLive(record)) {
      await api.delete(record.id, signal);
      log('listener.subscription.deleted', { resource, id: record.id });
    }
    await store.remove(resource);
  }

  /** Subscriptions that send to us and that we have no client state for, so that nothing they send is accepted. */
  async function deleteOrphans(signal: AbortSignal): Promise<number> {
    const all = await api.list(signal);
    const orphans = all.filter(({ id, notificationUrl }) => notificationUrl === urls.notifications && !store.byId(id));
    for (const { id, resource } of orphans) {
      await api.delete(id, signal);
      log('listener.subscription.deleted', { resource, id, orphan: true });
    }
    return orphans.length;
  }

  async function runTick(signal: AbortSignal): Promise<void> {
    // A start is a gap by itself: nobody knows what was missed.
    if (!started) sweepOwed = true;
    started = true;
    await paySweep();
    ready = undefined;
    try {
      await store.refresh();
      if (!orphansChecked) {
        await deleteOrphans(signal);
        orphansChecked = true;
      }
    } catch (error) {
      log('listener.subscriptions.orphans-unknown', { error: messageOf(error) });
    }
    await forgetUnwanted(signal);
    await attendAll(wanted(), async (resource) => {
      if (signal.aborted) return problems.get(resource);
      return caretaker.lookAfter(resource, signal);
    });
    await paySweep();
  }

  function list(): SubscriptionView[] {
    const extra = store.list().map(({ resource }) => resource);
    return [...new Set([...wanted(), ...extra])].map((resource) => {
      const record = store.byResource(resource);
      const problem = problems.get(resource);
      if (!record || !isLive(record)) {
        return { resource, id: undefined, state: 'missing', expiresAt: undefined, touchedAt: undefined, problem };
      }
      const { id, expiresAt, touchedAt } = record;
      return { resource, id, state: expiresAt > clock.now() ? 'live' : 'expired', expiresAt, touchedAt, problem };
    });
  }

  return {
    list,
    find: (subscriptionId) => store.byId(subscriptionId),
    tick(signal) {
      running ??= runTick(signal).finally(() => {
        running = undefined;
      });
      return running;
    },
    async renewAll(signal) {
      ready = undefined;
      await store.refresh();
      const live = store.list().filter(isLive);
      await attendAll(
        live.map(({ resource }) => resource),
        async (resource) => {
          const record = store.byResource(resource);
          return record && isLive(record) ? caretaker.renew(record, signal) : undefined;
        },
      );
      await paySweep();
      return list();
    },
    async deleteAll(signal) {
      await store.refresh();
      const recorded = store.list().map(({ resource }) => resource);
      for (const resource of recorded) await locked(resource, () => deleteRecorded(resource, signal));
      problems.clear();
      return recorded.length + (await deleteOrphans(signal));
    },
    async handleLifecycle({ event, subscriptionId }, signal = AbortSignal.timeout(LIFECYCLE_DEADLINE_MS)) {
      const resource = store.byId(subscriptionId)?.resource;
      if (!resource) return;
      if (event !== 'reauthorizationRequired') sweepOwed = true;
      ready = undefined;
      if (event !== 'missed') {
        await attend(resource, async () => {
          const record = store.byResource(resource);
          if (event === 'subscriptionRemoved' || !record || !isLive(record)) {
            return caretaker.lookAfter(resource, signal);
          }
          return caretaker.reauthorize(record, signal);
        });
      }
      await paySweep();
    },
  };
}
