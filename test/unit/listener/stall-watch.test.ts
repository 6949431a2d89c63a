import { expect, it } from 'vitest';
import { createStallWatch } from '../../../src/listener/stall-watch.js';

it('tells that the process stood still, by how much, and once for each time', () => {
  let uptime = 1_000;
  const stalls: number[] = [];
  const look = createStallWatch({
    everyMs: 1_000,
    limitMs: 2_000,
    monotonicMs: () => uptime,
    onStall: (lateMs) => stalls.push(lateMs),
  });

  for (const passed of [1_000, 1_400, 3_000, 6_500, 1_000]) {
    uptime += passed;
    look();
  }

  expect(stalls).toEqual([5_500]);
});
