import { messageOf } from '../../domain/errors.js';
import { type Check, fine, remark, skipped, unreachable, wrong } from './check.js';

export interface EventHubPorts {
  /** Host of the namespace, hub and consumer group, for messages. */
  place: string;
  /** Ids of the partitions. Rejects where the hub cannot be asked. */
  partitions: (signal: AbortSignal) => Promise<readonly string[]>;
  /** How far each partition was read. Rejects where the file is torn. */
  checkpoints: () => Promise<{ partition: string; storedAt: number }[]>;
  now: number;
}

/** Codes of the client for what stays until somebody changes something (Event Hubs: AMQP errors). */
const CERTAIN =
  /Unauthorized|MessagingEntityNotFound|ResourceNotFound|InvalidOperation|ArgumentError|MessagingEntityDisabled/i;
const QUIET_MS = 24 * 3_600_000;

/** Whether the event hub can be read, and how long ago anything was read from it. */
export async function checkEventHub(ports: EventHubPorts, signal: AbortSignal): Promise<Check[]> {
  const { place, partitions } = ports;
  try {
    const ids = await partitions(signal);
    return [fine('eventhub.reach', `${place} answers, ${ids.length} partitions`), await checkCheckpoints(ids, ports)];
  } catch (error) {
    const said = messageOf(error);
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const isCertain = CERTAIN.test(code) || CERTAIN.test(said);
    const mend = isCertain
      ? 'Azure portal, Event Hubs namespace: check EVENTHUB_NAME and EVENTHUB_CONSUMER_GROUP; give the key the right Listen, or the app the role Azure Event Hubs Data Receiver'
      : 'check the route: TCP 5671 for amqp, TCP 443 for EVENTHUB_TRANSPORT=websocket, HTTPS_PROXY; and the networking page of the namespace';
    return [
      isCertain
        ? wrong('eventhub.reach', `${place}: ${said}`, mend)
        : unreachable('eventhub.reach', `${place}: ${said}`, mend),
      skipped('eventhub.checkpoint', 'the partitions are not known, see eventhub.reach'),
    ];
  }
}

async function checkCheckpoints(ids: readonly string[], { checkpoints, now }: EventHubPorts): Promise<Check> {
  const name = 'eventhub.checkpoint';
  try {
    const stored = await checkpoints();
    const known = stored.filter(({ partition }) => ids.includes(partition));
    if (known.length === 0)
      return remark(name, 'nothing was read from it yet; reading begins with the oldest event that is kept');
    const newest = Math.max(...known.map(({ storedAt }) => storedAt));
    const saw = `${known.length} of ${ids.length} partitions have one, the newest of ${new Date(newest).toISOString()}`;
    if (now - newest < QUIET_MS) return fine(name, saw);
    return remark(
      name,
      `${saw}: nothing came for a day`,
      'entramox subscriptions list; journalctl -u entramox-listener',
    );
  } catch (error) {
    return wrong(
      name,
      messageOf(error),
      'move the file aside and restart the listener: it reads again from the oldest event that is kept',
    );
  }
}
