import { describe, expect, it } from 'vitest';
import { jittered } from '../../../src/domain/jitter.js';

describe('a wait with jitter', () => {
  it.each([
    [0, 500],
    [0.5, 750],
    [1, 1_000],
  ])('is shorter by no more than the share, with chance %d', (chance, wait) => {
    expect(jittered(1_000, 0.5, () => chance)).toBe(wait);
  });

  it('is whole where nothing may be taken off', () => {
    expect(jittered(1_000, 0, () => 0)).toBe(1_000);
  });
});
