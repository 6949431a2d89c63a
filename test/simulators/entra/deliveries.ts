import type { Delivery, DeliveryFaults, DeliveryRecord } from './delivery.js';

/** What a test sees of delivery, and the faults that it can switch on there. */
export interface Deliveries extends Omit<DeliveryFaults, 'enabled' | 'loseNext' | 'clear'> {
  /** Every try so far, oldest first. */
  list(): DeliveryRecord[];
  clear(): void;
  /** Items and posts that are not settled yet. */
  pending(): number;
  /** Resolves when nothing is pending; rejects at the deadline, telling what still is. */
  idle(deadlineMs?: number): Promise<void>;
  /** Resolves with the first record that fits, past or future; rejects at the deadline. */
  waitFor(fits: (record: DeliveryRecord) => boolean, deadlineMs?: number): Promise<DeliveryRecord>;
}

const DEADLINE_MS = 10_000;
const POLL_MS = 5;

/** The observable side of a delivery. */
export function deliveriesOf(delivery: Delivery): Deliveries {
  async function until<T>(look: () => T | undefined, deadlineMs: number, what: () => string): Promise<T> {
    const giveUpAt = performance.now() + deadlineMs;
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (performance.now() > giveUpAt) throw new Error(what());
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  const { duplicateNext, reorder, batch, latency, endpointState, forceEndpointState } = delivery.faults;
  return {
    duplicateNext,
    reorder,
    batch,
    latency,
    endpointState,
    forceEndpointState,
    list: delivery.records,
    clear: delivery.clearRecords,
    pending: delivery.pending,
    async idle(deadlineMs = DEADLINE_MS) {
      await until(
        () => (delivery.pending() === 0 ? true : undefined),
        deadlineMs,
        () => `${delivery.pending()} deliveries are still pending after ${deadlineMs} ms`,
      );
    },
    waitFor: (fits, deadlineMs = DEADLINE_MS) =>
      until(
        () => delivery.records().find(fits),
        deadlineMs,
        () => `no delivery fitted in ${deadlineMs} ms; there were ${summary(delivery.records())}`,
      ),
  };
}

function summary(records: readonly DeliveryRecord[]): string {
  return records.map((record) => `${record.outcome} (${record.detail})`).join(', ') || 'none';
}
