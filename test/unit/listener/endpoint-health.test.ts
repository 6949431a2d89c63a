import { describe, expect, it } from 'vitest';
import { renderStatus } from '../../../src/commands/render/status.js';
import { createAnswerTimes } from '../../../src/listener/answer-times.js';
import {
  type EndpointView,
  endpointLine,
  endpointProblem,
  endpointView,
  makeUpForDropped,
} from '../../../src/listener/endpoint-health.js';
import type { Key } from '../../../src/queue/queue.js';

const NOW = Date.UTC(2026, 10, 22, 9);

function answering() {
  let uptime = 0;
  const times = createAnswerTimes({ clock: { now: () => NOW + uptime }, monotonicMs: () => uptime });
  return {
    times,
    pass(ms: number) {
      uptime += ms;
    },
    view: (allowed = 0): EndpointView => endpointView(times.view(), allowed),
  };
}

function screen(endpoint: EndpointView): string[] {
  const io = { out: () => undefined, err: () => undefined, terminal: false };
  return renderStatus({ subscriptions: [], endpoint, missing: [] }, io, NOW);
}

describe('what is told of our answers', () => {
  it('is one line while all is well', () => {
    const { times, view } = answering();
    for (let n = 0; n < 1_204; n += 1) times.record(11);

    expect(endpointLine(view())).toBe('1204 in the last 10 minutes, p99 11 ms, 0 over 2 s');
    expect(endpointProblem(view())).toBeUndefined();
    expect(screen(view())[0]).toBe('All is well.');
    expect(screen(view()).at(-1)).toContain('Answers to Graph: 1204 in the last 10 minutes');
  });

  it('says that an allow-list is in force', () => {
    expect(endpointLine(answering().view(90))).toContain('only the 90 ranges of GRAPH_ADDRESSES may knock');
  });

  it('is an alarm from the first answer over two seconds', () => {
    const { times, view } = answering();
    for (let n = 0; n < 20; n += 1) times.record(11);
    times.record(2_400);

    expect(screen(view())[0]).toBe('! 1 answers to Graph took over 2 s in the last 10 minutes, the slowest 2400 ms');
  });

  it('says since when Graph would hold notifications back, or drop them and when the sweep follows', () => {
    const { times, view } = answering();
    times.record(4_000);
    const slow = endpointProblem(view());
    times.record(12_000);

    expect(slow).toContain('holds notifications back for ten minutes, since 2026-11-22T09:00:00.000Z');
    expect(endpointProblem(view())).toContain(
      'drops notifications, since 2026-11-22T09:00:00.000Z; a sweep follows at 2026-11-22T09:10:00.000Z',
    );
    expect(endpointLine(view())).toContain('; Graph would consider us dropping since 2026-11-22T09:00:00.000Z');
    expect(screen(view())[0]).toContain('! our answers are too slow');
  });
});

describe('notifications that Graph may have dropped', () => {
  it('are made up for by one sweep once the window is over, tried again until it is stored', async () => {
    const { times, pass } = answering();
    const put: Key[] = [];
    const events: string[] = [];
    let isBroken = true;
    const hints = {
      async put(key: Key) {
        if (isBroken) throw new Error('ENOSPC');
        put.push(key);
      },
    };
    const look = () => makeUpForDropped(times, hints, (event) => void events.push(event));
    times.record(11_000);

    await look();
    pass(10 * 60_000);
    await look();
    isBroken = false;
    await look();
    await look();

    expect(put).toEqual(['sweep']);
    expect(events).toEqual(['listener.sweep.unstored']);
  });
});
