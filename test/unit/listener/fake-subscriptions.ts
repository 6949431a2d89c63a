import { SourceUnavailable } from '../../../src/domain/errors.js';
import type { CreateOutcome, Subscription, SubscriptionApi } from '../../../src/entra/subscription.js';
import { guid, type TestClock } from '../queue/fixtures.js';

export interface FakeSubscriptions extends SubscriptionApi {
  /** What the service holds, by id. */
  held: Map<string, Subscription>;
  /** `create /users`, `renew <id>` … in the order of the calls. */
  calls: string[];
  /** Client states by subscription id. */
  states: Map<string, string>;
  /** Answers to the next creations, before the usual ones. */
  nextCreates: (CreateOutcome | Error)[];
  /** Throws SourceUnavailable for calls whose line matches. */
  failing: RegExp | undefined;
  /** Renewals answer 200 and change nothing. */
  frozen: boolean;
  /** Told before a creation is answered. */
  onCreate: (() => void) | undefined;
  hold(subscription: Partial<Subscription> & { resource: string }): string;
}

/** Graph's subscriptions in memory: one per resource, 409 with the id for a second. */
export function createFakeSubscriptions(clock: TestClock, notificationUrl: string): FakeSubscriptions {
  let made = 0;
  function called(line: string): void {
    fake.calls.push(line);
    if (fake.failing?.test(line)) throw new SourceUnavailable(`Graph cannot be asked: ${line}`);
  }
  const fake: FakeSubscriptions = {
    held: new Map(),
    calls: [],
    states: new Map(),
    nextCreates: [],
    failing: undefined,
    frozen: false,
    onCreate: undefined,
    hold(partial) {
      made += 1;
      const id = partial.id ?? guid(0x1000 + made);
      const expiresAt = clock.now() + 3 * 24 * 3600_000;
      fake.held.set(id, { changeType: 'updated,deleted', notificationUrl, expiresAt, ...partial, id });
      return id;
    },
    async create({ resource, changeType, notificationUrl: url, lifecycleNotificationUrl, expiresAt, clientState }) {
      called(`create ${resource}`);
      fake.onCreate?.();
      const next = fake.nextCreates.shift();
      if (next instanceof Error) throw next;
      if (next) return next;
      const existing = [...fake.held.values()].find((one) => one.resource === resource);
      if (existing) return { kind: 'exists', existingId: existing.id };
      const id = fake.hold({ resource, changeType, notificationUrl: url, lifecycleNotificationUrl, expiresAt });
      fake.states.set(id, clientState);
      return { kind: 'created', subscription: fake.held.get(id) as Subscription };
    },
    async get(id) {
      called(`get ${id}`);
      return fake.held.get(id);
    },
    async list() {
      called('list');
      return [...fake.held.values()];
    },
    async renew(id, expiresAt) {
      called(`renew ${id}`);
      const held = fake.held.get(id);
      if (held && !fake.frozen) fake.held.set(id, { ...held, expiresAt });
      return fake.held.get(id);
    },
    async delete(id) {
      called(`delete ${id}`);
      return fake.held.delete(id);
    },
    async reauthorize(id) {
      called(`reauthorize ${id}`);
      return fake.held.has(id);
    },
  };
  return fake;
}
