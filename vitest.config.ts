import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 10_000 } },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts', 'test/e2e/**/*.test.ts', 'test/simulators/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // Much of their time is spent in waiting; more than two at once would wait for a core.
          maxWorkers: 2,
          // Real processes on a shared machine: a test that passes only when tried again is listed by name at the end.
          retry: 1,
        },
      },
    ],
  },
});
