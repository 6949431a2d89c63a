import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CLOCK_TOLERANCE_MS, type ClockSight, clockJump, LONGEST_DOWNTIME_MS } from '../../../src/domain/clock-jump.js';
import { HOUR, NOW } from './builders.js';

const YEAR = 365 * 24 * HOUR;
const before: ClockSight = { wall: NOW, bootId: 'one', uptimeMs: HOUR };
/** After `passedMs`, with the date off by `byMs`. */
const sameBoot = (passedMs: number, byMs = 0): ClockSight => ({
  wall: NOW + passedMs + byMs,
  bootId: 'one',
  uptimeMs: HOUR + passedMs,
});
const nextBoot = (wall: number): ClockSight => ({ wall, bootId: 'two', uptimeMs: 60_000 });

describe('a jump of the clock', () => {
  it('is none where the date and the time since the boot went on together, also through a long sleep', () => {
    expect(clockJump(before, sameBoot(60_000))).toBeUndefined();
    expect(clockJump(before, sameBoot(30 * 24 * HOUR))).toBeUndefined();
  });

  it('is none where NTP sets the date by a little, and one where it goes a year ahead or back', () => {
    expect(clockJump(before, sameBoot(60_000, CLOCK_TOLERANCE_MS))).toBeUndefined();
    expect(clockJump(before, sameBoot(60_000, -CLOCK_TOLERANCE_MS))).toBeUndefined();
    expect(clockJump(before, sameBoot(60_000, YEAR))).toEqual({
      byMs: YEAR,
      why: 'the clock of this host jumped ahead by 365 days',
    });
    expect(clockJump(before, sameBoot(60_000, -YEAR))).toMatchObject({
      byMs: -YEAR,
      why: expect.stringContaining('back'),
    });
  });

  it('is exact to any length within one boot', () => {
    const lengths = fc.integer({ min: -2 * YEAR, max: 2 * YEAR });

    fc.assert(
      fc.property(fc.nat(YEAR), lengths, (passedMs, byMs) => {
        const jump = clockJump(before, sameBoot(passedMs, byMs));

        expect(jump?.byMs).toBe(Math.abs(byMs) > CLOCK_TOLERANCE_MS ? byMs : undefined);
      }),
    );
  });

  it('over a reboot is a date before the last one, or one further ahead than a host is off', () => {
    expect(clockJump(before, nextBoot(NOW + 60_000))).toBeUndefined();
    expect(clockJump(before, nextBoot(NOW + LONGEST_DOWNTIME_MS))).toBeUndefined();
    expect(clockJump(before, nextBoot(NOW - YEAR))?.byMs).toBe(-YEAR);
    expect(clockJump(before, nextBoot(NOW + YEAR))?.byMs).toBe(YEAR);
    expect(clockJump(before, nextBoot(NOW + LONGEST_DOWNTIME_MS + 1))?.byMs).toBe(LONGEST_DOWNTIME_MS + 1);
    expect(clockJump(before, nextBoot(NOW - CLOCK_TOLERANCE_MS))).toBeUndefined();
    expect(clockJump(before, nextBoot(NOW - CLOCK_TOLERANCE_MS - 1))?.byMs).toBe(-CLOCK_TOLERANCE_MS - 1);
  });

  it('is told by its direction and its length, within a boot and over a reboot', () => {
    const minutes = 60_000;
    const words = (byMs: number) => clockJump(before, sameBoot(0, byMs))?.why;

    expect(words(-10 * minutes)).toBe('the clock of this host jumped back by 10 minutes');
    expect(words(119 * minutes)).toBe('the clock of this host jumped ahead by 119 minutes');
    expect(words(120 * minutes)).toBe('the clock of this host jumped ahead by 2 hours');
    expect(words(-47 * HOUR)).toBe('the clock of this host jumped back by 47 hours');
    expect(words(48 * HOUR)).toBe('the clock of this host jumped ahead by 2 days');
    expect(clockJump(before, nextBoot(NOW - 3 * HOUR))?.why).toBe(
      'the clock of this host is 3 hours behind what it was before the reboot',
    );
    expect(clockJump(before, nextBoot(NOW + 10 * 24 * HOUR))?.why).toBe(
      'since the last work before the reboot 10 days went by, by the clock of this host',
    );
  });
});
