import { beforeEach, describe, expect, it } from 'vitest';
import { createProblems, type Problems } from '../../../src/reconcile/health.js';
import { createMetrics } from '../../../src/telemetry/metrics.js';
import { NOW } from '../domain/builders.js';

const clock = { time: NOW, now: () => clock.time };
let metrics: ReturnType<typeof createMetrics>;
let events: { event: string; fields: Record<string, unknown> }[];
let problems: Problems;

beforeEach(() => {
  clock.time = NOW;
  metrics = createMetrics();
  events = [];
  problems = createProblems({ clock, metrics, log: (event, fields = {}) => void events.push({ event, fields }) });
});

async function sample(metric: 'problems' | 'problemSinceSeconds', condition: string): Promise<number | undefined> {
  const { values } = await metrics[metric].get();
  return values.find(({ labels }) => labels.condition === condition)?.value;
}

describe('problems', () => {
  it('know since when they last, whatever their wording does meanwhile', () => {
    problems.set('graph', 'status 503');
    clock.time += 60_000;
    problems.note('graph', { detail: 'status 502', mend: 'wait' });

    expect(problems.list()).toEqual([{ condition: 'graph', detail: 'status 502', since: NOW, mend: 'wait' }]);
    expect([...problems.values()]).toEqual(['status 502']);
  });

  it('tell the log once that they began, and once how long they lasted', () => {
    problems.set('graph', 'status 503');
    problems.set('graph', 'status 503, again');
    clock.time += 3000;
    problems.delete('graph');
    problems.delete('graph');

    expect(events).toEqual([
      { event: 'reconcile.problem.began', fields: { condition: 'graph', detail: 'status 503', mend: undefined } },
      { event: 'reconcile.problem.ended', fields: { condition: 'graph', lastedMs: 3000 } },
    ]);
  });

  it('that are looked at anew and found again have lasted all the time', () => {
    problems.set('proxmox-writes', 'no quorum');
    clock.time += 60_000;
    problems.delete('proxmox-writes');
    clock.time += 5000;
    problems.set('proxmox-writes', 'no quorum');
    const found = problems.list()[0]?.since;
    problems.delete('proxmox-writes');
    clock.time += 60_000;

    problems.set('proxmox-writes', 'no quorum');

    expect(found).toBe(NOW);
    expect(problems.list()[0]?.since).toBe(clock.time);
  });

  it('began when their source says, but never in the future', () => {
    problems.note('graph', { detail: 'x', since: NOW - 5000 });
    problems.note('login', { detail: 'y', since: NOW + 5000 });

    expect(problems.list().map(({ since }) => since - NOW)).toEqual([-5000, 0]);
  });

  it('are counted by kind, so that a metric has no group in its labels', async () => {
    problems.set('group:a', 'gone');
    clock.time += 60_000;
    problems.set('group:b', 'gone');

    expect(await sample('problems', 'group')).toBe(2);
    expect(await sample('problemSinceSeconds', 'group')).toBe(NOW / 1000);
    problems.clear();
    expect(await sample('problems', 'group')).toBe(0);
    expect(await sample('problemSinceSeconds', 'group')).toBe(0);
    expect(problems.size).toBe(0);
  });
});
