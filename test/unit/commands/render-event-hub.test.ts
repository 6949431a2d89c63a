import { describe, expect, it } from 'vitest';
import { renderStatus } from '../../../src/commands/render/status.js';
import type { ShownHub } from '../../../src/listener/event-hub/routes.js';

const NOW = Date.UTC(2026, 10, 22, 9);
const io = { out: () => undefined, err: () => undefined, isTty: false, colour: false };
const HUB: ShownHub = {
  hub: 'entramox-events.servicebus.windows.net/changes',
  consumerGroup: 'entramox',
  transport: 'websocket',
  state: 'reading',
  since: '2026-11-22T06:00:00.000Z',
  problem: undefined,
  partitions: 2,
  lastEventAt: '2026-11-22T08:00:00.000Z',
};

function screen(eventHub: ShownHub): string {
  return renderStatus({ eventHub, missing: [] }, io as never, NOW).join('\n');
}

describe('an event hub on the screen of status', () => {
  it('is one line while it is read, with when events came last', () => {
    const text = screen(HUB);

    expect(text).toContain('All is well.');
    expect(text).toContain(
      'Event hub entramox-events.servicebus.windows.net/changes, consumer group entramox, by websocket: reading, 2 partitions',
    );
  });

  it.each([
    ['away', 'cannot be read'],
    ['waiting', 'gives events that cannot be stored'],
  ] as const)('is an alarm with since when and why while it is %s', (state, words) => {
    const text = screen({ ...HUB, state, problem: 'the reason' });

    expect(text).not.toContain('All is well.');
    expect(text).toContain(words);
    expect(text).toContain('since 2026-11-22T06:00:00.000Z');
    expect(text).toContain('the reason');
  });
});
