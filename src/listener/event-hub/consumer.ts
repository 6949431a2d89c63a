import type { Clock } from '../../domain/clock.js';
import { messageOf } from '../../domain/errors.js';
import type { Log } from '../../telemetry/log.js';
import { type IntakeOptions, type LifecycleEvent, type SortedItems, sortItems, storeKeys } from '../intake.js';
import { createOnceInAWhile } from '../once-in-a-while.js';
import type { Checkpoints } from './checkpoints.js';
import { readEventBody } from './event-body.js';
import type { HubEvent, HubHandlers } from './hub.js';
import { explainHubTrouble } from './hub-trouble.js';
import { createHubStanding, type HubStanding } from './standing.js';

export interface HubConsumerOptions extends Omit<IntakeOptions, 'onDropped'> {
  checkpoints: Pick<Checkpoints, 'of' | 'forget'>;
  consumerGroup: string;
  /** Told of lifecycle events once their hints are stored; its failures are logged. */
  onLifecycle: (event: LifecycleEvent) => Promise<void>;
  clock: Clock;
  log: Log;
}

/** Takes what a hub gives: keys first, then the checkpoint. */
export interface HubConsumer extends HubHandlers {
  standing: HubStanding;
  /** Ends every waiting and resolves once what was begun is finished. What could not be stored has no checkpoint. */
  stop(): Promise<void>;
}

const FIRST_WAIT_MS = 1000;
const LONGEST_STORE_WAIT_MS = 30_000;
const LONGEST_TROUBLE_WAIT_MS = 60_000;

export function createHubConsumer(options: HubConsumerOptions): HubConsumer {
  const { checkpoints, hints, clock, log, onOutcome, onLifecycle } = options;
  const standing = createHubStanding(clock);
  const stopping = new AbortController();
  const running = new Set<Promise<void>>();
  const sayable = createOnceInAWhile(clock);
  /** Sequence number of the last event of each partition that we saw. */
  const lastSeen = new Map<string, number>();

  function say(event: Parameters<Log>[0], topic: string, fields: Record<string, unknown>): void {
    const allowed = sayable(`${event} ${topic}`);
    if (allowed) log(event, { ...fields, leftOut: allowed.leftOut });
  }

  async function take(partition: string, events: readonly HubEvent[], checkpoint: () => Promise<void>): Promise<void> {
    if (standing.alive(partition)) log('listener.event-hub.well', { partition });
    const [first] = events;
    const last = events.at(-1);
    if (!first || !last) return;
    const { keys, lifecycle } = sortEvents(partition, events);
    if (isGap(partition, first)) keys.set('sweep', 'changed');
    lastSeen.set(partition, last.sequenceNumber);
    if (!(await storePatiently(partition, keys))) return;
    standing.took(partition);
    for (const event of lifecycle) void handleLifecycle(event);
    try {
      await checkpoint();
    } catch (error) {
      say('listener.event-hub.checkpoint-unstored', partition, { partition, error: messageOf(error) });
    }
  }

  function sortEvents(partition: string, events: readonly HubEvent[]): SortedItems {
    return sortItems(itemsOf(partition, events), {
      ...options,
      onDropped: (outcome, subscriptionId) =>
        say('listener.item.dropped', `${partition} ${outcome}`, { kind: outcome, source: 'event-hub', subscriptionId }),
    });
  }

  /** Event by event: what a body of brackets alone comes to in memory is many times its size. */
  function* itemsOf(partition: string, events: readonly HubEvent[]): Generator<readonly unknown[]> {
    for (const { body, sequenceNumber } of events) {
      const reading = readEventBody(body);
      if (reading.kind === 'items') {
        for (let count = 0; count < reading.probes; count += 1) onOutcome('probe');
        yield reading.items;
        continue;
      }
      onOutcome(reading.outcome);
      const { why } = reading;
      say('listener.event-hub.poison', `${partition} ${reading.outcome}`, { partition, sequenceNumber, why });
    }
  }

  /**
   * Numbers count up by one. A jump means that the hub forgot events before we came (retention), and a step back behind
   * the checkpoint that the hub is a new one of the same name.
   */
  function isGap(partition: string, { sequenceNumber }: HubEvent): boolean {
    const stored = checkpoints.of(partition)?.sequenceNumber;
    if (stored === undefined) return false;
    const before = Math.max(stored, lastSeen.get(partition) ?? stored);
    if (sequenceNumber > stored && sequenceNumber <= before + 1) return false;
    log('listener.event-hub.gap', { partition, after: stored, found: sequenceNumber });
    return true;
  }

  /** False: a stop came before they could be stored. */
  async function storePatiently(partition: string, keys: SortedItems['keys']): Promise<boolean> {
    standing.storing(partition);
    for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_STORE_WAIT_MS)) {
      try {
        await storeKeys(keys, hints);
        standing.stored(partition);
        return true;
      } catch (error) {
        onOutcome('unstored');
        standing.unstored(partition, messageOf(error));
        say('listener.event-hub.waiting', partition, { partition, keys: keys.size, error: messageOf(error) });
      }
      if (!(await slept(waitMs))) return false;
    }
  }

  async function handleLifecycle(event: LifecycleEvent): Promise<void> {
    log('listener.lifecycle.received', { ...event });
    try {
      await onLifecycle(event);
    } catch (error) {
      log('listener.lifecycle.failed', { ...event, error: messageOf(error) });
    }
  }

  async function suffer(partition: string | undefined, error: unknown): Promise<void> {
    if (stopping.signal.aborted) return;
    const trouble = explainHubTrouble(error, options.consumerGroup);
    const failures = standing.unwell(partition, trouble.text);
    say('listener.event-hub.unwell', `${partition ?? 'hub'} ${trouble.kind}`, {
      partition,
      kind: trouble.kind,
      why: trouble.text,
    });
    if (trouble.kind === 'position' && partition !== undefined) await startOver(partition);
    else await slept(Math.min(FIRST_WAIT_MS * 2 ** (failures - 1), LONGEST_TROUBLE_WAIT_MS));
  }

  /** The sweep first: whatever the new reading does not find is then found by it. */
  async function startOver(partition: string): Promise<void> {
    try {
      await hints.put('sweep');
      await checkpoints.forget(partition);
      log('listener.event-hub.checkpoint-refused', { partition });
    } catch (error) {
      say('listener.event-hub.waiting', partition, { partition, keys: 1, error: messageOf(error) });
      await slept(FIRST_WAIT_MS);
    }
  }

  async function slept(ms: number): Promise<boolean> {
    try {
      await clock.sleep(ms, stopping.signal);
      return true;
    } catch (error) {
      if (stopping.signal.aborted) return false;
      throw error;
    }
  }

  function tracked(work: Promise<void>): Promise<void> {
    running.add(work);
    return work.finally(() => running.delete(work));
  }

  return {
    standing,
    onEvents: (partition, events, checkpoint) => tracked(take(partition, events, checkpoint)),
    onTrouble: (partition, error) => tracked(suffer(partition, error)),
    async stop() {
      stopping.abort(new Error('stopping'));
      await Promise.allSettled([...running]);
    },
  };
}
