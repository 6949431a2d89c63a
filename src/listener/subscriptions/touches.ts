import type { Clock } from '../../domain/clock.js';
import type { LiveRecord } from './record.js';
import { REST_MS } from './timing.js';

export type Touch = LiveRecord['touchedBy'];

/** Several events that were sent for one cause. */
const SAME_CAUSE_MS = 60_000;

/**
 * When a subscription was touched last, and by what: the record says so over restarts, memory says so whatever becomes
 * of the wall clock meanwhile.
 */
export interface Touches {
  /** What of Graph's rest between renewing and reauthorizing hinders this now; undefined: nothing. */
  hindrance(record: LiveRecord, by: Touch): 'same-cause' | 'rest' | undefined;
  /** To be called before Graph is. Gives what to store. */
  note(record: LiveRecord, by: Touch): LiveRecord;
}

export function createTouches(clock: Pick<Clock, 'now'>, monotonicMs: () => number): Touches {
  const seen = new Map<string, { by: Touch; at: number }>();

  function lastOf({ id, touchedAt, touchedBy }: LiveRecord): { by: Touch; elapsedMs: number } {
    const known = seen.get(id);
    if (known) {
      // A monotonic clock that goes back is none: begin the rest anew rather than wait for it.
      if (known.at > monotonicMs()) known.at = monotonicMs();
      return { by: known.by, elapsedMs: monotonicMs() - known.at };
    }
    const elapsedMs = clock.now() - touchedAt;
    if (elapsedMs >= 0) return { by: touchedBy, elapsedMs };
    // The clock was set back since: it may have been just now, and it is not waited for longer than that.
    seen.set(id, { by: touchedBy, at: monotonicMs() });
    return { by: touchedBy, elapsedMs: 0 };
  }

  return {
    hindrance(record, by) {
      const last = lastOf(record);
      if (last.by === 'create' || last.elapsedMs >= REST_MS) return undefined;
      if (last.by !== by) return 'rest';
      return last.elapsedMs >= SAME_CAUSE_MS ? undefined : 'same-cause';
    },
    note(record, by) {
      seen.set(record.id, { by, at: monotonicMs() });
      return { ...record, touchedAt: clock.now(), touchedBy: by };
    },
  };
}
