import type { Change } from '../../simulators/entra/directory-state.js';
import type { SubscriptionRecord } from '../../simulators/entra/subscription-store.js';
import type { Call } from '../calls.js';
import type { Weather } from '../weather.js';
import type { Violations } from './violations.js';

/** A key that became durable. */
export interface Put {
  at: number;
  seq: number;
  key: string;
}

/** What the checks may look at. */
export interface Watched {
  now(): number;
  next(): number;
  weather: Weather;
  violations: Violations;
  wanted(): readonly string[];
  /** The subscriptions that Graph holds now. */
  atGraph(): readonly SubscriptionRecord[];
  /** Whether a record at Graph was made by our installation, by the call that made it. */
  isOurs(id: string): boolean;
  /** Whether our process knows the subscription and its secret, so that it takes what comes by it. */
  isKnown(id: string): boolean;
  /** Where our process keeps what it must not forget. */
  directory(): string;
  /** Since when our process runs; undefined while it does not. */
  upSince(): number | undefined;
}

/** One invariant, told of everything that happens. `onSettled`: nothing moves any more at this instant. */
export interface Watcher {
  onCall?(call: Call): void;
  onPut?(put: Put): void;
  onChange?(change: Change): void;
  onStored?(record: SubscriptionRecord): void;
  onDeleted?(record: SubscriptionRecord): void;
  onSettled?(): void;
  /** Once a virtual day. */
  onDay?(): void;
}

export type WatcherOf = (watched: Watched) => Watcher;
