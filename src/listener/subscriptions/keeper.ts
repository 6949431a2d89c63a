import { messageOf } from '../../domain/errors.js';
import { paceSubscriptions } from '../../entra/subscription-pace.js';
import type { HintSink } from '../../queue/queue.js';
import type { LifecycleEvent } from '../intake.js';
import type { KnownSubscription } from '../item-origin.js';
import { createAttendance } from './attendance.js';
import { createBackoff } from './backoff.js';
import { createCaretaker } from './caretaker.js';
import { resourceKey, sameResource } from './compare.js';
import { type CreationOptions, createCreation } from './creation.js';
import { createSweepDebts } from './debts.js';
import type { Gap } from './gaps.js';
import { createJoiner } from './joiner.js';
import { createKeyedLock } from './keyed-lock.js';
import { createOrphans } from './orphans.js';
import { createPause } from './pause.js';
import { isLive } from './record.js';
import { createRivals } from './rivals.js';
import { createTouches } from './touches.js';
import { type SubscriptionView, viewOf } from './view.js';

export interface SubscriptionKeeperOptions
  extends Pick<CreationOptions, 'api' | 'store' | 'urls' | 'changeType' | 'lifetimeMs' | 'clock' | 'random' | 'log'> {
  /**
   * See `wantedResources`. Asked at every look, since groups below the configured ones come and go. While it is empty
   * nothing is made and nothing deleted, but at an operator's word.
   */
  wanted: () => readonly string[];
  hints: HintSink;
  /** Resolves when our endpoint answers a handshake, rejects with the reason when it does not. */
  endpointReady: (signal: AbortSignal) => Promise<void>;
  /** Told after each look; undefined: there is no subscription. */
  onExpiry?: ((resource: string, expiresAt: number | undefined) => void) | undefined;
  /** Told when a resource is covered again. */
  onGapEnded?: ((gap: Gap) => void) | undefined;
  /** Whether another keeper of this process has this subscription; it is then left alone. */
  isSibling?: ((subscriptionId: string) => boolean) | undefined;
  /** A clock that nobody sets, in ms; default: `clock.now`. */
  monotonicMs?: (() => number) | undefined;
}

export interface SubscriptionKeeper {
  /** Compares what Graph has with what is wanted and mends it. Never throws; a call while one runs joins it. */
  tick(signal: AbortSignal): Promise<void>;
  list(): SubscriptionView[];
  /**
   * An operator's word: renews all that may be touched now, tries at once what failed, and lets a rival's subscription
   * be replaced once more. The problems are in the answer.
   */
  renewAll(signal: AbortSignal): Promise<SubscriptionView[]>;
  /** Deletes all of ours at Graph, recorded or not. Throws for the first that could not be deleted. */
  deleteAll(signal: AbortSignal): Promise<number>;
  /** Repeated events for one subscription are handled once more after the one that is being handled. Never throws. */
  handleLifecycle(event: LifecycleEvent, signal?: AbortSignal): Promise<void>;
  /** For the intake: what we know of a subscription. */
  find(subscriptionId: string): KnownSubscription | undefined;
}

const LIFECYCLE_DEADLINE_MS = 60_000;

/** Keeps the wanted subscriptions alive. Call `tick` at the start and at fixed intervals. */
export function createSubscriptionKeeper(options: SubscriptionKeeperOptions): SubscriptionKeeper {
  const { store, urls, wanted, clock, log, hints, monotonicMs = clock.now, isSibling = () => false } = options;
  const locked = createKeyedLock();
  const joined = createJoiner();
  let started = false;
  let running: Promise<void> | undefined;
  let ready: Promise<boolean> | undefined;
  const pause = createPause(paceSubscriptions(options.api, clock), monotonicMs, log);
  const { api } = pause;
  const { attend, attendAll, problem, forgetProblems } = createAttendance({
    locked,
    paused: pause.why,
    onAttended(resource) {
      const record = store.byResource(resource);
      options.onExpiry?.(resource, isLive(record) ? record.expiresAt : undefined);
    },
    log,
  });
  const debts = createSweepDebts({ store, hints, clock, log });
  const rivals = createRivals(store, clock);
  const backoff = createBackoff(monotonicMs);
  const orphans = createOrphans({
    api,
    store,
    notificationUrl: urls.notifications,
    rivals,
    isSibling,
    locked,
    monotonicMs,
    log,
  });
  const shared = { ...options, api, onGapEnded };
  const create = createCreation({
    ...shared,
    rivals,
    backoff,
    isSibling,
    onUncertain: orphans.suspect,
  });
  const caretaker = createCaretaker({
    ...shared,
    create,
    debts,
    touches: createTouches(clock, monotonicMs),
    endpointReady: (signal) => {
      ready ??= checkEndpoint(signal);
      return ready;
    },
  });

  function onGapEnded(gap: Gap): void {
    const { resource, kind, lengthMs } = gap;
    const [from, to] = [iso(gap.from), iso(gap.to)];
    log('listener.subscription.gap', { resource, kind, from, to, seconds: Math.round(lengthMs / 1000) });
    options.onGapEnded?.(gap);
  }

  async function checkEndpoint(signal: AbortSignal): Promise<boolean> {
    try {
      await options.endpointReady(signal);
      return true;
    } catch (error) {
      log('listener.endpoint.unready', { error: messageOf(error) });
      return false;
    }
  }

  function isWanted(resource: string): boolean {
    return wanted().some((one) => sameResource(one, resource));
  }

  async function forgetUnwanted(signal: AbortSignal): Promise<void> {
    const now = new Set(wanted().map(resourceKey));
    const unwanted = store.list().filter(({ resource }) => !now.has(resourceKey(resource)));
    await attendAll(
      unwanted.map(({ resource }) => resource),
      signal,
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
    } else if (record.refused !== true) {
      orphans.suspect();
    }
    await store.remove(resource);
  }

  /** What stands in the file, or what we know where it cannot be read now. */
  async function refresh(): Promise<void> {
    try {
      await store.refresh();
    } catch (error) {
      log('listener.store.unread', { error: messageOf(error) });
    }
  }

  /** Also what comes to be wanted meanwhile: whoever asks for a look at it joins this one. */
  async function lookAfterAll(signal: AbortSignal): Promise<void> {
    const attended = new Set<string>();
    for (;;) {
      const fresh = wanted().filter((resource) => !attended.has(resourceKey(resource)));
      if (fresh.length === 0) return;
      for (const resource of fresh) attended.add(resourceKey(resource));
      await attendAll(fresh, signal, (resource) => caretaker.lookAfter(resource, signal));
    }
  }

  async function runTick(signal: AbortSignal): Promise<void> {
    await refresh();
    // A start is a gap by itself: nobody knows what was missed.
    if (!started) await debts.owe('start');
    started = true;
    await debts.pay();
    // A dry run, which touches nothing at Graph, or a mistake, which must not cost us all that we have.
    if (wanted().length === 0) return;
    ready = undefined;
    if (pause.why() === undefined) await orphans.check(signal);
    await forgetUnwanted(signal);
    await lookAfterAll(signal);
    await caretaker.remember().catch((error: unknown) => {
      log('listener.store.unwritten', { what: 'when all was good', error: messageOf(error) });
    });
    await debts.pay();
  }

  function list(): SubscriptionView[] {
    const resources = wanted();
    const keys = new Set(resources.map(resourceKey));
    const extra = store.list().flatMap(({ resource }) => (keys.has(resourceKey(resource)) ? [] : [resource]));
    // What stands beside ours concerns all of them: it is told once.
    const [first, ...others] = [...resources, ...extra];
    const contested = orphans.contested();
    return [
      ...(first === undefined ? [] : [view(first, problem(first) ?? contested)]),
      ...others.map((resource) => view(resource, problem(resource))),
    ];
  }

  function view(resource: string, inTheWay: string | undefined): SubscriptionView {
    return viewOf(resource, store.byResource(resource), inTheWay, clock.now());
  }

  async function handle({ event, subscriptionId }: LifecycleEvent, signal: AbortSignal): Promise<void> {
    const resource = store.byId(subscriptionId)?.resource;
    if (!resource || !isWanted(resource)) return;
    if (event !== 'reauthorizationRequired') await debts.owe(event);
    ready = undefined;
    if (event !== 'missed') {
      await attend(resource, async () => {
        const record = store.byResource(resource);
        if (event === 'subscriptionRemoved' || !isLive(record)) return caretaker.lookAfter(resource, signal);
        return caretaker.reauthorize(record, signal);
      });
    }
    await debts.pay();
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
      pause.end();
      backoff.forgetAll();
      await refresh();
      await rivals.forgive();
      await attendAll(wanted(), signal, async (resource) => {
        const record = store.byResource(resource);
        return isLive(record) ? caretaker.renew(record, signal) : caretaker.lookAfter(resource, signal);
      });
      await debts.pay();
      return list();
    },
    async deleteAll(signal) {
      pause.end();
      await refresh();
      const recorded = store.list().map(({ resource }) => resource);
      for (const resource of recorded) await locked(resourceKey(resource), () => deleteRecorded(resource, signal));
      forgetProblems();
      backoff.forgetAll();
      await rivals.forgive();
      return recorded.length + (await orphans.deleteAll(signal));
    },
    // The time that it may take begins with its turn.
    handleLifecycle: (event, signal) =>
      joined(`${event.event} ${event.subscriptionId.toLowerCase()}`, () =>
        handle(event, signal ?? AbortSignal.timeout(LIFECYCLE_DEADLINE_MS)),
      ),
  };
}

function iso(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
