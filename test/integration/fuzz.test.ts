import { describe, expect, it } from 'vitest';
import { targets } from '../fuzz/targets/index.js';

/** The round that everybody gets; `npm run fuzz` goes on from other seeds. */
const SEEDS = [20261122, 7];

describe('hostile input', () => {
  it.each(targets.map((target) => [target.name, target.holds, target] as const))(
    'to %s: it %s',
    async (...[, , target]) => {
      const fuzz = await target.open();
      try {
        for (const seed of SEEDS) {
          await expect(fuzz.check({ seed, numRuns: Math.ceil(target.runs / SEEDS.length) })).resolves.toBeUndefined();
        }
      } finally {
        await fuzz.close();
      }
    },
  );
});
