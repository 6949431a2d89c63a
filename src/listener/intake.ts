import type { HintSink, Key } from '../queue/queue.js';
import { isRecord } from './collection.js';
import { type Hint, mergeHints, readItem } from './item-hints.js';
import { type KnownSubscription, readOrigin } from './item-origin.js';
import type { IntakeOutcome } from './outcome.js';

/** The lifecycle events of Graph (change-notifications-lifecycle-events). */
export const LIFECYCLE_EVENTS = ['reauthorizationRequired', 'subscriptionRemoved', 'missed'] as const;

export interface LifecycleEvent {
  event: (typeof LIFECYCLE_EVENTS)[number];
  subscriptionId: string;
}

export interface IntakeOptions {
  /** Ours, a GUID in lower case; items of other tenants are dropped. */
  tenantId: string;
  /** Our subscriptions, by lower-case id. */
  find: (subscriptionId: string) => KnownSubscription | undefined;
  /** A subscription on the whole of `/groups` reports every group of the tenant; only these matter. */
  isWatchedGroup: (groupId: string) => boolean;
  /** Told when an item is about a watched group and may be about what is nested in it. */
  onNesting?: (() => void) | undefined;
  hints: HintSink;
  /** Called for each item, and for each bad id in one. */
  onOutcome: (outcome: IntakeOutcome) => void;
  /** Called for each item that is dropped, after counting. */
  onDropped: (outcome: IntakeOutcome, subscriptionId: string) => void;
}

/** What items come to, before anything of it is stored. */
export interface SortedItems {
  keys: Map<Key, 'changed' | 'removed'>;
  lifecycle: LifecycleEvent[];
}

/**
 * Checks every item, stores a hint for each object that they name, and gives back the lifecycle events among them.
 * Rejects when a hint could not be stored; whatever is wrong with an item only drops that item.
 */
export async function takeIn(items: readonly unknown[], options: IntakeOptions): Promise<LifecycleEvent[]> {
  const { keys, lifecycle } = sortItems([items], options);
  await storeKeys(keys, options.hints);
  return lifecycle;
}

/**
 * The checking half of `takeIn`, the same for every way that items come by. They come in lots, each of which is asked
 * for when the one before is done with: a lot may be large, and what is kept of it is not.
 */
export function sortItems(lots: Iterable<readonly unknown[]>, options: Omit<IntakeOptions, 'hints'>): SortedItems {
  const { onOutcome, onDropped } = options;
  const hints: Hint[] = [];
  const lifecycle: LifecycleEvent[] = [];
  for (const items of lots) {
    for (const item of items) {
      const outcome = takeItem(item, options, hints, lifecycle);
      onOutcome(outcome);
      if (outcome !== 'accepted' && outcome !== 'lifecycle') onDropped(outcome, namedSubscription(item));
    }
  }
  const keys = mergeHints(hints);
  // What was not told is told by a sweep; stored like any hint, before anybody is answered.
  if (lifecycle.some(({ event }) => event !== 'reauthorizationRequired')) keys.set('sweep', 'changed');
  return { keys, lifecycle };
}

function takeItem(
  item: unknown,
  options: Omit<IntakeOptions, 'hints'>,
  hints: Hint[],
  lifecycle: LifecycleEvent[],
): IntakeOutcome {
  if (!isRecord(item) || Object.hasOwn(item, '__proto__')) return 'malformed-item';
  const origin = readOrigin(item, options.tenantId, options.find);
  if ('dropped' in origin) return origin.dropped;
  if (item.lifecycleEvent !== undefined) {
    const event = LIFECYCLE_EVENTS.find((known) => known === item.lifecycleEvent);
    if (!event) return 'malformed-item';
    lifecycle.push({ event, subscriptionId: origin.subscriptionId });
    return 'lifecycle';
  }
  const reading = readItem(item, origin.subscription.resource, options.isWatchedGroup);
  if ('dropped' in reading) return reading.dropped;
  if (reading.mayNest) options.onNesting?.();
  for (let count = 0; count < reading.badIds; count += 1) options.onOutcome('bad-id');
  hints.push(...reading.hints);
  return 'accepted';
}

/** The storing half: rejects when a hint could not be stored, once all were tried. */
export async function storeKeys(keys: SortedItems['keys'], sink: HintSink): Promise<void> {
  const settled = await Promise.allSettled([...keys].map(([key, reason]) => sink.put(key, reason)));
  const failed = settled.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}

function namedSubscription(item: unknown): string {
  const id = isRecord(item) ? item.subscriptionId : undefined;
  return typeof id === 'string' ? id.slice(0, 40) : 'none';
}
