import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/unit/domain/**/*.test.ts', 'test/unit/accounts/**/*.test.ts'],
    testTimeout: 20_000,
  },
});
