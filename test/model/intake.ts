import { Agent } from 'undici';
import { readCollection } from '../../src/listener/collection.js';
import { takeIn } from '../../src/listener/intake.js';
import type { Key, Reason } from '../../src/queue/queue.js';
import type { EntraSimulator } from '../simulators/entra/index.js';
import type { TestAuthority } from '../simulators/tls.js';
import type { VirtualTime } from './virtual-time.js';

const HUB = 'EventHub:https://example.servicebus.windows.net/eventhubname/changes?tenantId=example.com';

export interface IntakeOptions {
  entra: EntraSimulator;
  isWatched(groupId: string): boolean;
  put(key: Key, reason?: Reason): Promise<void>;
}

/** The listener's own reading of notification bodies, in this process. */
export function createIntake({ entra, isWatched, put }: IntakeOptions) {
  const running = new Set<Promise<unknown>>();
  return {
    pending: () => running.size,
    take(body: string): void {
      const reading = readCollection(Buffer.from(body));
      if (!reading.ok) return;
      const known = new Map(
        entra
          .subscriptions()
          .map(({ id, resource, clientState }) => [id, { resource, clientState: clientState ?? '' }]),
      );
      const work = takeIn(reading.items, {
        tenantId: entra.tenantId,
        find: (id) => known.get(id),
        isWatchedGroup: isWatched,
        hints: { put },
        onOutcome: () => undefined,
        onDropped: () => undefined,
      }).finally(() => running.delete(work));
      running.add(work);
    },
  };
}

/** Subscriptions as the listener makes them, to a hub in this process. */
export async function subscribe(
  entra: EntraSimulator,
  authority: TestAuthority,
  groups: readonly string[],
  time: VirtualTime,
): Promise<void> {
  const agent = new Agent({ connect: { ca: [authority.cert] } });
  for (const resource of [...groups.map((id) => `/groups/${id}`), '/users']) {
    const { statusCode, body } = await agent.request({
      origin: new URL(entra.graphUrl).origin,
      path: '/v1.0/subscriptions',
      method: 'POST',
      headers: { authorization: `Bearer ${entra.credentials.issueToken()}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        changeType: 'updated,deleted',
        notificationUrl: HUB,
        resource,
        expirationDateTime: new Date(time.now() + 28 * 86_400_000).toISOString(),
        clientState: 'a secret of the model',
      }),
    });
    if (statusCode !== 201) throw new Error(`no subscription on ${resource}: ${statusCode} ${await body.text()}`);
    await body.dump();
  }
  await agent.close();
}
