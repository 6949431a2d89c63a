import type { Clock } from '../../domain/clock.js';
import { messageOf } from '../../domain/errors.js';
import type { HintSink } from '../../queue/queue.js';
import type { Log } from '../../telemetry/log.js';
import type { StoreData } from './record.js';
import type { SubscriptionStore } from './store.js';

/** Sweeps that are owed because changes may have gone unreported. A debt survives a crash until its key is durable. */
export interface SweepDebts {
  /** Kept in memory alone where the store takes nothing: a start owes a sweep anyway. */
  owe(why: string): Promise<void>;
  /** Puts the sweep into the queue where one is owed, and forgets the debt once that is durable. Never throws. */
  pay(): Promise<void>;
}

/** The data with a debt in it, to be stored together with what caused it. */
export function withDebt(data: StoreData, why: string, now: number): StoreData {
  return { ...data, debt: { since: now, why, number: (data.debt?.number ?? 0) + 1 } };
}

export function createSweepDebts(options: {
  store: SubscriptionStore;
  hints: HintSink;
  clock: Pick<Clock, 'now'>;
  log: Log;
}): SweepDebts {
  const { store, hints, clock, log } = options;
  let unstored = false;
  let paying: Promise<void> = Promise.resolve();

  async function settle(number: number): Promise<void> {
    try {
      // A debt that was made while the key was written may be about something later.
      await store.update(({ debt, ...data }) => (debt && debt.number !== number ? { ...data, debt } : data));
    } catch (error) {
      // It is paid once more after the next start, which costs a sweep.
      log('listener.store.unwritten', { what: 'a paid sweep', error: messageOf(error) });
    }
  }

  return {
    async owe(why) {
      try {
        await store.update((data) => withDebt(data, why, clock.now()));
      } catch (error) {
        unstored = true;
        log('listener.store.unwritten', { what: 'an owed sweep', why, error: messageOf(error) });
      }
    },
    // One after the other: two that pay the same debt could settle a later one.
    pay() {
      paying = paying.then(payNow);
      return paying;
    },
  };

  async function payNow(): Promise<void> {
    const { debt } = store.data();
    if (!debt && !unstored) return;
    const before = unstored;
    unstored = false;
    try {
      await hints.put('sweep');
    } catch (error) {
      unstored ||= before;
      log('listener.sweep.unstored', { error: messageOf(error) });
      return;
    }
    if (debt) await settle(debt.number);
  }
}
