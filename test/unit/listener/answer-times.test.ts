import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AnswerTimesView, createAnswerTimes } from '../../../src/listener/answer-times.js';

const MINUTE = 60_000;

function start() {
  let now = Date.UTC(2026, 10, 22, 9);
  const changes: AnswerTimesView[] = [];
  let uptime = 5_000;
  const times = createAnswerTimes({
    clock: { now: () => now },
    monotonicMs: () => uptime,
    onStanding: (view) => changes.push(view),
  });
  return {
    times,
    changes,
    now: () => now,
    pass(ms: number) {
      now += ms;
      uptime += ms;
    },
    setClock(ms: number) {
      now += ms;
    },
    record(count: number, durationMs: number) {
      for (let left = count; left > 0; left -= 1) times.record(durationMs);
    },
  };
}

describe('answers as Graph sees them', () => {
  it('are well while nine in ten come within three seconds', () => {
    const { times, record } = start();

    record(90, 12);
    record(10, 3_001);

    expect(times.view()).toMatchObject({ answers: 100, over2s: 10, over3s: 10, standing: 'well', since: undefined });
  });

  it('are slow for ten minutes once more than a tenth took over three seconds', () => {
    const { times, record, pass, now, changes } = start();
    record(89, 12);
    record(11, 3_001);
    const since = now();

    const slow = times.view();
    pass(10 * MINUTE - 1);
    const stillSlow = times.view();
    pass(1);
    const after = times.view();

    expect(slow).toMatchObject({ standing: 'slow', since, until: since + 10 * MINUTE });
    expect([stillSlow.standing, after.standing, after.since]).toEqual(['slow', 'well', undefined]);
    expect(changes.map(({ standing }) => standing)).toEqual(['slow', 'well']);
    expect(times.owesSweep()).toBe(false);
  });

  it('are not slow at three seconds sharp, nor lost at ten', () => {
    const { times, record } = start();

    record(5, 3_000);
    const atThree = times.view().standing;
    record(100, 12);
    record(100, 10_000);

    expect(atThree).toBe('well');
    expect(times.view()).toMatchObject({ over10s: 0, standing: 'slow' });
  });

  it('are lost for ten minutes once more than fifteen in a hundred took over ten seconds, and owe a sweep afterwards', () => {
    const { times, record, pass } = start();
    record(84, 12);
    record(16, 10_001);

    const during = [times.view().standing, times.owesSweep()];
    pass(10 * MINUTE - 1);
    const atTheEnd = [times.view().standing, times.owesSweep()];
    pass(1);
    const after = [times.view().standing, times.owesSweep()];
    times.sweepPut();

    expect(during).toEqual(['dropping', false]);
    expect(atTheEnd).toEqual(['dropping', false]);
    expect(after).toEqual(['well', true]);
    expect(times.owesSweep()).toBe(false);
  });

  it('are late rather than lost at exactly fifteen in a hundred', () => {
    const { times, record } = start();
    record(85, 12);
    record(15, 10_001);

    expect(times.view().standing).toBe('slow');
  });

  it('owe a sweep after each window in which they were lost, and stay lost while they do not get better', () => {
    const { times, record, pass } = start();
    record(1, 11_000);
    const { since } = times.view();
    pass(9 * MINUTE);
    record(1, 11_000);
    pass(MINUTE);

    const second = times.view();
    const owed = times.owesSweep();
    times.sweepPut();
    pass(10 * MINUTE);

    expect([second.standing, second.since, owed]).toEqual(['dropping', since, true]);
    expect([times.view().standing, times.owesSweep()]).toEqual(['well', true]);
  });

  it('get worse at once, and better only when the window is over', () => {
    const { times, record, changes } = start();

    record(1, 4_000);
    record(1, 11_000);
    record(1_000, 5);

    expect(times.view().standing).toBe('dropping');
    expect(changes.map(({ standing }) => standing)).toEqual(['slow', 'dropping']);
  });

  it('are forgotten after ten minutes', () => {
    const { times, record, pass } = start();
    record(3, 2_500);
    pass(10 * MINUTE);
    record(2, 5);

    expect(times.view()).toMatchObject({ answers: 2, over2s: 0, slowestMs: 5 });
  });

  it('are judged by time that passes, not by a clock that somebody sets', () => {
    const { times, record, setClock, pass, now } = start();
    record(1, 11_000);
    setClock(-60 * MINUTE);

    const afterwards = times.view();
    pass(10 * MINUTE);

    expect(afterwards).toMatchObject({ answers: 1, standing: 'dropping', until: now() });
    expect(times.view()).toMatchObject({ answers: 0, standing: 'well' });
  });

  it('have a 99th percentile that is at most a fifth too high and never too low', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 60_000 }), { minLength: 1, maxLength: 300 }), (durations) => {
        const { times } = start();
        for (const duration of durations) times.record(duration);

        const exact = durations.toSorted((a, b) => a - b)[Math.ceil(durations.length * 0.99) - 1] ?? 0;
        const { p99Ms = 0 } = times.view();

        return p99Ms >= exact && p99Ms <= Math.ceil(exact * 1.2);
      }),
    );
  });
});
