import { defineConfig } from 'vitest/config';

/** Tests of what acts in the account agent. They take seconds, and no judgement of what decides rests on them. */
const OF_ACTS = ['converse', 'end-processes', 'exec', 'healing-run', 'processes'];

export default defineConfig({
  test: {
    include: ['test/unit/domain/**/*.test.ts', 'test/unit/accounts/**/*.test.ts'],
    exclude: OF_ACTS.map((name) => `test/unit/accounts/${name}.test.ts`),
    testTimeout: 20_000,
  },
});
