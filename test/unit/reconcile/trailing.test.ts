import { describe, expect, it } from 'vitest';
import { createTrailing } from '../../../src/reconcile/trailing.js';
import { ALICE, BOB, NOW } from '../domain/builders.js';

describe('trailing looks', () => {
  it('come after each pause, counted from the hint, and then end', () => {
    const trailing = createTrailing([30_000, 300_000]);

    const first = trailing.next(ALICE, NOW, false);
    const second = trailing.next(ALICE, NOW + 30_000, false);
    const third = trailing.next(ALICE, NOW + 300_000, false);

    expect([first, second, third]).toEqual([NOW + 30_000, NOW + 300_000, undefined]);
  });

  it('begin anew with a hint that comes in between', () => {
    const trailing = createTrailing([30_000, 300_000]);
    trailing.next(ALICE, NOW, false);

    expect(trailing.next(ALICE, NOW + 10_000, false)).toBe(NOW + 40_000);
  });

  it('begin anew with the next hint once they have ended', () => {
    const trailing = createTrailing([30_000]);
    trailing.next(ALICE, NOW, false);
    trailing.next(ALICE, NOW + 30_000, false);

    expect(trailing.next(ALICE, NOW + 90_000, false)).toBe(NOW + 120_000);
  });

  it('take a timer that fires a little early for the one that was meant', () => {
    const trailing = createTrailing([30_000, 300_000]);
    trailing.next(ALICE, NOW, false);

    expect(trailing.next(ALICE, NOW + 29_990, false)).toBe(NOW + 300_000);
  });

  it('never lie in the past, however late somebody looked', () => {
    const trailing = createTrailing([30_000, 300_000]);
    trailing.next(ALICE, NOW, false);

    expect(trailing.next(ALICE, NOW + 900_000, false)).toBeGreaterThan(NOW + 900_000);
  });

  it('come once for somebody who is not ours', () => {
    const trailing = createTrailing([30_000, 300_000]);

    expect(trailing.next(ALICE, NOW, true)).toBe(NOW + 30_000);
    expect(trailing.next(ALICE, NOW + 30_000, true)).toBeUndefined();
  });

  it('are each person’s own', () => {
    const trailing = createTrailing([30_000]);
    trailing.next(ALICE, NOW, false);

    expect(trailing.next(BOB, NOW + 30_000, false)).toBe(NOW + 60_000);
  });

  it('do not come where none are configured', () => {
    expect(createTrailing([]).next(ALICE, NOW, false)).toBeUndefined();
  });
});
