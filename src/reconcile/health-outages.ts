import type { Breaker, Outage } from '../entra/breaker.js';
import type { Problems } from './health.js';

/** Whether the directory is unwell as a whole, as far as the loop needs to know it. */
export type Outages = Pick<Breaker, 'outage' | 'watch'>;

const PARTS = ['login', 'credential', 'permissions', 'graph'] as const satisfies readonly Outage['part'][];

/** Keeps the problems true to what the breaker knows; returns a function that stops it. */
export function tellOutages(problems: Problems, outages: Outages): () => void {
  return outages.watch((outage) => {
    for (const part of PARTS) if (part !== outage?.part) problems.delete(part);
    if (!outage) return;
    // One call that failed was told under this name before it was known to be more.
    problems.delete('directory');
    const { part, why, mend, since } = outage;
    problems.note(part, { detail: why, mend, since });
  });
}
