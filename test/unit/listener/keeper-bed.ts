import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Gap } from '../../../src/listener/subscriptions/gaps.js';
import {
  createSubscriptionKeeper,
  type SubscriptionKeeper,
  type SubscriptionKeeperOptions,
} from '../../../src/listener/subscriptions/keeper.js';
import type { StoreData } from '../../../src/listener/subscriptions/record.js';
import {
  openStoreOn,
  openSubscriptionStore,
  type SubscriptionStore,
} from '../../../src/listener/subscriptions/store.js';
import { publicUrls } from '../../../src/listener/subscriptions/urls.js';
import { CHANGE_TYPE } from '../../../src/listener/subscriptions/wanted.js';
import type { Key } from '../../../src/queue/queue.js';
import { createTestClock, createTestLog, type TestClock } from '../queue/fixtures.js';
import { createFakeSubscriptions, type FakeSubscriptions } from './fake-subscriptions.js';

export const HOUR_MS = 3600_000;
export const MINUTE_MS = 60_000;
export const TICK_MS = 15 * MINUTE_MS;
export const OUR_URL = 'https://hooks.example.org';
export const signal = new AbortController().signal;

/** One listener: its own directory, log and queue. It may be started again and again. */
export interface Installation {
  path: string;
  keeper: SubscriptionKeeper;
  store: SubscriptionStore;
  puts: Key[];
  gaps: Gap[];
  events: ReturnType<typeof createTestLog>['events'];
  named(event: string): Record<string, unknown>[];
}

/** A Graph in memory, a clock that stands still until it is moved, and listeners on them. */
export interface Bed {
  clock: TestClock;
  api: FakeSubscriptions;
  /** A listener of its own directory; `at` starts one on the directory of an earlier life. */
  start(change?: Partial<SubscriptionKeeperOptions> & { publicUrl?: string; at?: string }): Promise<Installation>;
  /** The calls whose line matches. */
  calls(pattern: RegExp): string[];
  remove(): Promise<void>;
}

export async function openBed(): Promise<Bed> {
  const root = await mkdtemp(join(tmpdir(), 'entramox-keeper-'));
  const clock = createTestClock();
  const api = createFakeSubscriptions(clock, publicUrls(OUR_URL).notifications);
  let lives = 0;
  let drawn = 0;
  return {
    clock,
    api,
    calls: (pattern) => api.calls.filter((line) => pattern.test(line)),
    remove: () => rm(root, { recursive: true, force: true }),
    async start({ publicUrl = OUR_URL, at, store: given, ...change } = {}) {
      lives += 1;
      const path = at ?? join(root, `${lives}`, 'subscriptions.json');
      const store = given ?? (await openSubscriptionStore({ path }));
      const { log, events } = createTestLog();
      const puts: Key[] = [];
      const gaps: Gap[] = [];
      const keeper = createSubscriptionKeeper({
        api,
        store,
        wanted: () => ['/users'],
        urls: publicUrls(publicUrl),
        changeType: CHANGE_TYPE,
        lifetimeMs: 72 * HOUR_MS,
        clock,
        random(bytes) {
          drawn += 1;
          return createHash('sha512').update(`${drawn}`).digest().subarray(0, bytes);
        },
        hints: {
          put: async (key) => {
            puts.push(key);
          },
        },
        endpointReady: async () => undefined,
        onGapEnded: (gap) => gaps.push(gap),
        log,
        ...change,
      });
      const named = (event: string) => events.filter((one) => one.event === event).map(({ fields }) => fields);
      return { path, keeper, store, puts, gaps, events, named };
    },
  };
}

/** A store without a disk, for tests of many steps. */
export function openMemoryStore(): Promise<SubscriptionStore> {
  let stored: StoreData | null = null;
  return openStoreOn({
    read: async () => stored,
    write: async (data) => {
      stored = data;
    },
  });
}
