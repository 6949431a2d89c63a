import type { Call } from '../calls.js';
import { MINUTE_MS } from '../settings.js';
import type { Watched, Watcher } from './watcher.js';

const APART_MS = 10 * MINUTE_MS;

/** With less left than this the renewal comes first: what a lapse loses is lost, and too early a renewal is only refused. */
const ENDING_MS = 30 * MINUTE_MS;

/**
 * Graph: a subscription is never renewed and reauthorized within ten minutes. Every try counts, whatever came of it;
 * only the renewal of one that is about to end may come earlier.
 */
export function apart(watched: Watched): Watcher {
  const last = new Map<string, { kind: 'renew' | 'reauthorize'; at: number }>();
  return {
    onCall({ kind, id, at }: Call) {
      if (!id || (kind !== 'renew' && kind !== 'reauthorize')) return;
      const before = last.get(id);
      last.set(id, { kind, at });
      if (!before || before.kind === kind) return;
      if (at - before.at >= APART_MS) return;
      const ending = watched.atGraph().some((record) => record.id === id && record.expiresAt - at < ENDING_MS);
      if (kind === 'renew' && ending) return;
      const seconds = Math.round((at - before.at) / 1000);
      watched.violations.add('renewal and reauthorisation apart', `${id}: ${before.kind}, ${kind} after ${seconds} s`);
    },
  };
}
