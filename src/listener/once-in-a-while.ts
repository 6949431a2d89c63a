import type { Clock } from '../domain/clock.js';

const EVERY_MS = 10 * 60_000;
const MAX_REMEMBERED = 1000;

/**
 * Says whether something may be logged: the first time of each topic, then once per ten minutes, with how many were
 * left out in between. undefined: not now. Remembers a bounded number of topics, so that many sources cost nothing.
 */
export function createOnceInAWhile(clock: Clock): (topic: string) => { leftOut: number } | undefined {
  const said = new Map<string, { at: number; leftOut: number }>();
  return (topic) => {
    const now = clock.now();
    const last = said.get(topic);
    if (last && now - last.at < EVERY_MS) {
      last.leftOut += 1;
      return undefined;
    }
    said.delete(topic);
    const oldest = said.keys().next();
    if (said.size >= MAX_REMEMBERED && !oldest.done) said.delete(oldest.value);
    said.set(topic, { at: now, leftOut: 0 });
    return { leftOut: last?.leftOut ?? 0 };
  };
}
