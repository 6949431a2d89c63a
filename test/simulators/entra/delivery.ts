import { setMaxListeners } from 'node:events';
import type { SimulatorClock } from './clock.js';
import { createEndpointHealth, type EndpointState } from './endpoint-health.js';
import { type NotificationItem, serialize } from './payload.js';
import type { Transport } from './transport.js';

/**
 * What became of a POST: `failed` will be tried again, `expired` will not (four hours), `dropped` fell into a drop
 * window, `lost` was lost on purpose by a test.
 */
export type Outcome = 'delivered' | 'failed' | 'expired' | 'dropped' | 'lost' | 'abandoned';

export interface DeliveryRecord {
  at: number;
  url: string;
  items: readonly NotificationItem[];
  /** 1 for the first try. */
  attempt: number;
  outcome: Outcome;
  /** The status answered, or why there was none. */
  detail: string;
  durationMs: number;
}

/** Ways in which notifications come otherwise than one by one, once and in order. */
export interface DeliveryFaults {
  /** Each of the next posts is sent twice. */
  duplicateNext(posts: number): void;
  /** Items that are waiting together leave in reverse order. */
  reorder(on: boolean): void;
  /** Items that are waiting together leave in one POST of up to so many, whatever their subscription; 1 is usual. */
  batch(itemsPerPost: number): void;
  /** How long items wait before they leave, real ms. */
  latency(ms: number): void;
  /** Loses the next items without a trace for the receiver. */
  loseNext(items: number): void;
  /** While off, every item is lost. */
  enabled(on: boolean): void;
  /** What Graph thinks of the host; it can be forced for one window. */
  endpointState(url: string): EndpointState;
  forceEndpointState(url: string, state: EndpointState): void;
  clear(): void;
}

export interface Delivery {
  publish(url: string, item: NotificationItem): void;
  /** Sends these items at once in one POST, past every fault. */
  send(url: string, items: readonly NotificationItem[]): void;
  faults: DeliveryFaults;
  records(): DeliveryRecord[];
  clearRecords(): void;
  /** Items and posts that are not settled yet. */
  pending(): number;
  close(): Promise<void>;
}

export interface DeliveryOptions {
  clock: SimulatorClock;
  transport: Transport;
  timeouts: { firstMs: number; retryMs: number };
  /** Takes what goes to `EventHub:` addresses. */
  eventHub: ((url: string, body: string) => void) | undefined;
  minimumSamples: number;
}

const FIRST_BACK_OFF_MS = 5_000;
const LONGEST_BACK_OFF_MS = 3600_000;
const GIVE_UP_AFTER_MS = 4 * 3600_000;
const CONCURRENT_POSTS = 64;
const KEPT_RECORDS = 20_000;

/** Delivers items to webhooks with Graph's time-outs, retries and judgement of slow hosts. */
export function createDelivery(options: DeliveryOptions): Delivery {
  const { clock, transport, timeouts } = options;
  const health = createEndpointHealth(clock, options.minimumSamples);
  const closing = new AbortController();
  // Every delivery that waits listens to it.
  setMaxListeners(0, closing.signal);
  const waiting = new Map<string, NotificationItem[]>();
  const running = new Set<Promise<void>>();
  const queue: (() => void)[] = [];
  let records: DeliveryRecord[] = [];
  let posting = 0;
  let buffered = 0;
  let settings = usual();

  function record(entry: Omit<DeliveryRecord, 'at'>): void {
    records.push({ at: clock.now(), ...entry });
    if (records.length > KEPT_RECORDS * 2) records = records.slice(-KEPT_RECORDS);
  }

  async function limited<T>(work: () => Promise<T>): Promise<T> {
    if (posting >= CONCURRENT_POSTS) await new Promise<void>((resolve) => queue.push(resolve));
    posting += 1;
    try {
      return await work();
    } finally {
      posting -= 1;
      queue.shift()?.();
    }
  }

  async function attempt(url: string, items: readonly NotificationItem[], number: number): Promise<boolean> {
    const limitMs = number === 1 ? timeouts.firstMs : timeouts.retryMs;
    const result = await limited(() =>
      transport.post(url, 'application/json; charset=utf-8', serialize(items), limitMs),
    );
    const slow = result.durationMs > timeouts.firstMs || result.kind === 'timeout';
    health.record(url, { slow, retryTimedOut: number > 1 && result.kind === 'timeout' });
    const delivered = result.kind === 'answered' && result.status >= 200 && result.status < 300;
    const detail =
      result.kind === 'answered' ? String(result.status) : result.kind === 'timeout' ? 'timeout' : result.why;
    const outcome = delivered ? 'delivered' : closing.signal.aborted ? 'abandoned' : 'failed';
    record({ url, items, attempt: number, outcome, detail, durationMs: result.durationMs });
    return delivered;
  }

  async function deliver(url: string, items: readonly NotificationItem[]): Promise<void> {
    if (url.startsWith('EventHub:')) {
      options.eventHub?.(url, serialize(items));
      record({ url, items, attempt: 1, outcome: 'delivered', detail: 'event hub', durationMs: 0 });
      return;
    }
    const state = health.state(url);
    if (state === 'drop') return record({ url, items, attempt: 0, outcome: 'dropped', detail: 'drop', durationMs: 0 });
    if (state === 'slow') await clock.wait(health.remainingMs(url), closing.signal);
    const startedAt = clock.scaled();
    let backOffMs = FIRST_BACK_OFF_MS;
    for (let number = 1; !closing.signal.aborted; number += 1) {
      if (await attempt(url, items, number)) return;
      if (clock.scaled() - startedAt + backOffMs > GIVE_UP_AFTER_MS)
        return record({ url, items, attempt: number, outcome: 'expired', detail: 'four hours', durationMs: 0 });
      await clock.wait(backOffMs, closing.signal);
      backOffMs = Math.min(backOffMs * 2, LONGEST_BACK_OFF_MS);
    }
    record({ url, items, attempt: 0, outcome: 'abandoned', detail: 'simulator closed', durationMs: 0 });
  }

  function start(url: string, items: readonly NotificationItem[]): void {
    const work = deliver(url, items).finally(() => running.delete(work));
    running.add(work);
  }

  function flush(url: string): void {
    const items = waiting.get(url) ?? [];
    waiting.delete(url);
    buffered -= items.length;
    if (settings.reverse) items.reverse();
    for (let from = 0; from < items.length; from += settings.itemsPerPost) {
      const post = items.slice(from, from + settings.itemsPerPost);
      start(url, post);
      if (settings.duplicates > 0) {
        settings.duplicates -= 1;
        start(url, post);
      }
    }
  }

  return {
    publish(url, item) {
      if (!settings.on || settings.lose > 0) {
        settings.lose -= settings.on ? 1 : 0;
        return record({ url, items: [item], attempt: 0, outcome: 'lost', detail: 'asked for', durationMs: 0 });
      }
      const items = waiting.get(url);
      buffered += 1;
      if (items) {
        items.push(item);
        return;
      }
      waiting.set(url, [item]);
      clock.after(settings.latencyMs, () => flush(url));
    },
    send: start,
    faults: {
      duplicateNext(posts) {
        settings.duplicates = posts;
      },
      reorder(on) {
        settings.reverse = on;
      },
      batch(itemsPerPost) {
        settings.itemsPerPost = itemsPerPost;
      },
      latency(ms) {
        settings.latencyMs = ms;
      },
      loseNext(items) {
        settings.lose = items;
      },
      enabled(on) {
        settings.on = on;
      },
      endpointState: (url) => health.state(url),
      forceEndpointState: (url, state) => health.force(url, state),
      clear() {
        settings = usual();
      },
    },
    records: () => [...records],
    clearRecords() {
      records = [];
    },
    pending: () => buffered + running.size,
    async close() {
      closing.abort();
      await transport.close();
      await Promise.allSettled(running);
    },
  };
}

function usual() {
  return { duplicates: 0, reverse: false, itemsPerPost: 1, latencyMs: 0, lose: 0, on: true };
}
