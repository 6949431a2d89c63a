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
  /** Does what is asked for calls whose line matches, and throws SourceUnavailable instead of answering. */
  deaf: RegExp | undefined;
  /** Told of each call. */
  onCall: ((line: string) => void | Promise<void>) | undefined;
  /** A second subscription for the same is let through, as Graph once did. */
  lax: boolean;
  /** Renewals answer 200 and change nothing. */
  frozen: boolean;
  /** Told before a creation is answered. */
  onCreate: (() => void) | undefined;
  hold(subscription: Partial<Subscription> & { resource: string }): string;
}

/** Graph's subscriptions in memory: one per resource, 409 with the id for a second. */
export function createFakeSubscriptions(clock: TestClock, notificationUrl: string): FakeSubscriptions {
  let made = 0;
  async function called(line: string): Promise<void> {
    fake.calls.push(line);
    await fake.onCall?.(line);
    for (const [id, { expiresAt }] of fake.held) if (expiresAt <= clock.now()) fake.held.delete(id);
    if (fake.failing?.test(line)) throw new SourceUnavailable(`Graph cannot be asked: ${line}`);
  }
  function answered<T>(line: string, answer: T): T {
    if (fake.deaf?.test(line)) throw new SourceUnavailable(`no answer came: ${line}`);
    return answer;
  }
  const fake: FakeSubscriptions = {
    held: new Map(),
    calls: [],
    states: new Map(),
    nextCreates: [],
    failing: undefined,
    deaf: undefined,
    onCall: undefined,
    lax: false,
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
      await called(`create ${resource}`);
      fake.onCreate?.();
      const next = fake.nextCreates.shift();
      if (next instanceof Error) throw next;
      if (next) return next;
      const existing = [...fake.held.values()].find(
        (one) => one.resource === resource && one.changeType === changeType,
      );
      if (existing && !fake.lax) return { kind: 'exists', existingId: existing.id };
      const id = fake.hold({ resource, changeType, notificationUrl: url, lifecycleNotificationUrl, expiresAt });
      fake.states.set(id, clientState);
      return answered(`create ${resource}`, { kind: 'created', subscription: fake.held.get(id) as Subscription });
    },
    async get(id) {
      await called(`get ${id}`);
      return fake.held.get(id);
    },
    async list() {
      await called('list');
      return [...fake.held.values()];
    },
    async renew(id, expiresAt) {
      await called(`renew ${id}`);
      const held = fake.held.get(id);
      if (held && !fake.frozen) fake.held.set(id, { ...held, expiresAt });
      return answered(`renew ${id}`, fake.held.get(id));
    },
    async delete(id) {
      await called(`delete ${id}`);
      return answered(`delete ${id}`, fake.held.delete(id));
    },
    async reauthorize(id) {
      await called(`reauthorize ${id}`);
      return answered(`reauthorize ${id}`, fake.held.has(id));
    },
  };
  return fake;
}
