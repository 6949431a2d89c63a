import { describe, expect, it } from 'vitest';
import { createPatience, retryAfterMs } from '../../../src/entra/patience.js';
import { NOW } from './support.js';

const policy = { attempts: 4, baseMs: 1_000, ceilingMs: 3_000, budgetMs: 10_000 };

describe('retryAfterMs', () => {
  it.each([
    ['7', 7_000],
    [' 0 ', 0],
    ['1.5', 1_500],
    ['Fri, 20 Nov 2026 09:00:30 GMT', 30_000],
    ['Fri, 20 Nov 2026 08:00:00 GMT', 0],
  ])('reads "%s"', (header, expected) => {
    expect(retryAfterMs(header, NOW)).toBe(expected);
  });

  it.each(['', 'soon', '-5', '99999999999', null, undefined])('makes nothing of %s', (header) => {
    expect(retryAfterMs(header, NOW)).toBeUndefined();
  });
});

describe('createPatience', () => {
  it('doubles its waits up to the ceiling and ends after the attempts', () => {
    const patience = createPatience(policy, () => 1);

    const waits = [1, 2, 3, 4].map(() => patience.next(undefined));

    expect(waits).toEqual([1_000, 2_000, 3_000, undefined]);
  });

  it('takes up to half off a wait by chance', () => {
    expect(createPatience(policy, () => 0).next(undefined)).toBe(500);
  });

  it('never waits less than Retry-After asks for', () => {
    expect(createPatience(policy, () => 0).next(4_000)).toBe(4_000);
  });

  it('gives up at once where Retry-After is beyond what is left of the budget', () => {
    const patience = createPatience(policy, () => 1);

    expect(patience.next(9_000)).toBe(9_000);
    expect(patience.next(2_000)).toBeUndefined();
  });
});
