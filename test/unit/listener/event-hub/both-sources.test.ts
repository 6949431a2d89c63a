import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { combineKeepers } from '../../../../src/listener/subscriptions-of-sources.js';
import { type Bed, type Installation, openBed, signal, TICK_MS } from '../keeper-bed.js';

const HUB_URL = 'EventHub:https://entramox-events.servicebus.windows.net/eventhubname/changes?tenantId=example.com';

describe('a webhook and an event hub in one process', () => {
  let bed: Bed;

  beforeEach(async () => {
    bed = await openBed();
  });
  afterEach(() => bed.remove());

  /** The same change type for both is what makes Graph, here, take them for one. */
  async function startBoth(changeType = 'updated'): Promise<{
    webhook: Installation;
    hub: Installation;
    both: ReturnType<typeof combineKeepers>;
  }> {
    const webhook = await bed.start({ isSibling: (id) => hub.keeper.find(id) !== undefined });
    const hub: Installation = await bed.start({
      urls: { notifications: HUB_URL, lifecycle: HUB_URL },
      changeType,
      isSibling: (id) => webhook.keeper.find(id) !== undefined,
    });
    const both = combineKeepers([
      { source: 'webhook', address: 'https://hooks.example.org/graph/notifications', keeper: webhook.keeper },
      { source: 'eventhub', address: HUB_URL, keeper: hub.keeper },
    ]);
    return { webhook, hub, both };
  }

  it('leave each other alone where Graph takes their subscriptions for the same, and say what to do', async () => {
    const { webhook, both } = await startBoth('updated,deleted');

    for (let n = 0; n < 8; n += 1) {
      await both.tick(signal);
      bed.clock.advance(TICK_MS);
    }

    const [first, second] = both.list();
    expect(first).toMatchObject({ resource: '/users', state: 'live', source: 'webhook' });
    expect(second).toMatchObject({ resource: '/users', state: 'missing', source: 'eventhub', sendsTo: HUB_URL });
    expect(second?.problem).toContain('CHANGE_SOURCE');
    expect(bed.calls(/^delete/)).toEqual([]);
    expect(webhook.named('listener.subscription.contested')).toEqual([]);
  });

  it('are both shown, renewed and deleted by one word of an operator', async () => {
    const { both } = await startBoth();
    await both.tick(signal);
    const before = both.list().map(({ state }) => state);

    const deleted = await both.deleteAll(signal);

    expect(before).toEqual(['live', 'live']);
    expect(deleted).toBe(2);
    expect(bed.api.held.size).toBe(0);
  });
});
