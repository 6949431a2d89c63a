import type { SimulatorClock } from './clock.js';
import type { Delivery } from './delivery.js';
import type { Change } from './directory-state.js';
import { createSequence, itemFor, lifecycleItem, memberItem, type NotificationItem } from './payload.js';
import type { SubscriptionRecord, SubscriptionStore } from './subscription-store.js';

/** Raises notifications: those that changes cause, and those that a test asks for. */
export interface Notifier {
  onChange(change: Change): void;
  /** A notification of the test's own making; the fields are laid over a plausible item. */
  send(subscriptionId: string, fields?: NotificationItem): void;
  /** One item that adds and removes the same member. */
  sendFlicker(subscriptionId: string, group: string, member: string): void;
  /** A lifecycle event to the lifecycle address; users and groups only ever get `reauthorizationRequired` by themselves. */
  sendLifecycle(subscriptionId: string, event: 'reauthorizationRequired' | 'subscriptionRemoved' | 'missed'): void;
  /**
   * `reauthorizationRequired`, again and again until the subscription is renewed or reauthorized; each wait is `shrink`
   * times the one before, as towards the end of a token.
   */
  requireReauthorization(subscriptionId: string, everyMs: number, shrink?: number): void;
  /** Subscriptions that are deleted from now on still get this many items each. */
  lateItemsAfterDelete(items: number): void;
  touched(record: SubscriptionRecord): void;
  deleted(record: SubscriptionRecord): void;
  close(): void;
}

export interface NotifierOptions {
  tenantId: string;
  clock: SimulatorClock;
  store: SubscriptionStore;
  delivery: Delivery;
}

/** A shrinking interval shrinks no further. */
const LEAST_REPEAT_MS = 60_000;

/** Matches changes with subscriptions and hands the items to delivery. */
export function createNotifier({ tenantId, clock, store, delivery }: NotifierOptions): Notifier {
  const sequenceNumber = createSequence();
  const repeating = new Map<string, () => void>();
  let ghosts: { record: SubscriptionRecord; left: number }[] = [];
  let late = 0;

  function known(id: string): SubscriptionRecord {
    const record = store.get(id);
    if (!record) throw new Error(`the simulator has no subscription ${id}`);
    return record;
  }

  function stopRepeating(id: string): void {
    repeating.get(id)?.();
    repeating.delete(id);
  }

  function repeat(record: SubscriptionRecord, waitMs: number, shrink: number): void {
    const callOff = clock.after(waitMs, () => {
      repeating.delete(record.id);
      if (!store.get(record.id)) return;
      sendLifecycle(record, 'reauthorizationRequired');
      repeat(record, Math.max(waitMs * shrink, Math.min(waitMs, LEAST_REPEAT_MS)), shrink);
    });
    repeating.set(record.id, callOff);
  }

  function sendLifecycle(record: SubscriptionRecord, event: string): void {
    if (record.lifecycleNotificationUrl)
      delivery.publish(record.lifecycleNotificationUrl, lifecycleItem(record, tenantId, event));
  }

  return {
    onChange(change) {
      const context = { tenantId, nowMs: clock.now(), sequenceNumber };
      for (const record of store.list()) {
        const item = itemFor(change, record, context);
        if (item) delivery.publish(record.notificationUrl, item);
      }
      for (const ghost of ghosts) {
        const item = itemFor(change, ghost.record, context);
        if (!item) continue;
        ghost.left -= 1;
        delivery.publish(ghost.record.notificationUrl, item);
      }
      ghosts = ghosts.filter(({ left }) => left > 0);
    },
    send(id, fields = {}) {
      const record = known(id);
      const group = record.watched.id ?? '00000000-0000-0000-0000-000000000000';
      const item = { ...memberItem(record, tenantId, group, []), ...fields };
      delivery.send(record.notificationUrl, [item]);
    },
    sendFlicker(id, group, member) {
      const record = known(id);
      const members = [{ id: member }, { id: member, '@removed': 'deleted' }];
      delivery.send(record.notificationUrl, [memberItem(record, tenantId, group, members)]);
    },
    sendLifecycle: (id, event) => sendLifecycle(known(id), event),
    requireReauthorization(id, everyMs, shrink = 1) {
      const record = known(id);
      stopRepeating(id);
      sendLifecycle(record, 'reauthorizationRequired');
      repeat(record, everyMs, shrink);
    },
    lateItemsAfterDelete(items) {
      late = items;
    },
    touched: (record) => stopRepeating(record.id),
    deleted(record) {
      stopRepeating(record.id);
      if (late > 0) ghosts.push({ record, left: late });
    },
    close() {
      for (const id of [...repeating.keys()]) stopRepeating(id);
    },
  };
}
