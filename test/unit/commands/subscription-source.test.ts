import { expect, it } from 'vitest';
import { namedBySource, sourceOf } from '../../../src/commands/render/subscription-source.js';
import type { ShownSubscription } from '../../../src/listener/subscriptions/routes.js';

const HUB = 'EventHub:https://entramox-events.servicebus.windows.net/eventhubname/changes?tenantId=example.com';
const WEBHOOK = 'https://hooks.example.org/graph/notifications';

function shown(resource: string, sendsTo: string | undefined): ShownSubscription {
  const nothing = { id: undefined, expiresAt: undefined, touchedAt: undefined, problem: undefined };
  return { ...nothing, resource, sendsTo, state: 'missing' };
}

it('names the change source of a subscription by where it sends to, and none where an older daemon does not tell', () => {
  const sources = [HUB, WEBHOOK, undefined].map((sendsTo) => sourceOf({ sendsTo }));

  expect(sources).toEqual(['eventhub', 'webhook', undefined]);
});

it('puts the source behind a resource that two of them watch, and behind no other', () => {
  const names = namedBySource([shown('/users', WEBHOOK), shown('/users', HUB), shown('/groups', WEBHOOK)]);

  expect(names.map(({ resource }) => resource)).toEqual(['/users (webhook)', '/users (eventhub)', '/groups']);
});
