import type { Clock } from '../../domain/clock.js';
import type { Log } from '../../telemetry/log.js';
import type { HubConsumer } from './consumer.js';
import type { HubConnection } from './hub.js';

export interface HubReaderOptions {
  /** Made anew after each failure of the hub as a whole. */
  connect: () => HubConnection;
  consumer: HubConsumer;
  clock: Clock;
  log: Log;
  /** Longest that an orderly end of the connection may take, ms; default 3 s. */
  closeMs?: number | undefined;
}

export interface HubReader {
  /** Takes no more events, finishes those in hand, and lets the connection go. */
  stop(): Promise<void>;
}

/** How often we look whether the client still gives signs of life; it gives one every few seconds. */
const LOOK_MS = 30_000;
/** A client that says nothing for so long, neither events nor errors, has lost its way. */
const SILENCE_MS = 5 * 60_000;
/** Partitions can be added to a hub. */
const RECOUNT_MS = 10 * 60_000;
/** For the question which partitions there are, repeats of the client included. */
const ASK_MS = 90_000;

/** Reads all partitions of a hub until it is stopped, whatever happens to the hub, the network or the client. */
export function startHubReader(options: HubReaderOptions): HubReader {
  const { connect, consumer, clock, log, closeMs = 3000 } = options;
  const stopping = new AbortController();
  const { signal } = stopping;

  async function run(): Promise<void> {
    while (!signal.aborted) await session();
  }

  /** One connection, until it fails as a whole or the reader is stopped. */
  async function session(): Promise<void> {
    let connection: HubConnection | undefined;
    const reading = new Map<string, { stop(): Promise<void> }>();
    /** A hub that was made again may have fewer; there is nothing to wait for in the others. */
    const leave = async (gone: readonly string[]) => {
      await quietly(Promise.all(gone.map((id) => reading.get(id)?.stop())));
      for (const id of gone) reading.delete(id);
    };
    try {
      connection = connect();
      for (;;) {
        const partitions = await unlessStopped(
          within(ASK_MS, connection.partitions(), 'the hub did not tell its partitions'),
        );
        await leave([...reading.keys()].filter((id) => !partitions.includes(id)));
        consumer.standing.keepOnly(partitions);
        for (const partition of partitions.filter((id) => !reading.has(id))) {
          if (signal.aborted) return;
          consumer.standing.expect(partition);
          reading.set(partition, connection.read(partition, consumer));
        }
        log('listener.event-hub.reading', { partitions: reading.size });
        if (!(await watch())) return;
      }
    } catch (error) {
      if (!signal.aborted) await consumer.onTrouble(undefined, error);
    } finally {
      await end(connection, [...reading.values()]);
    }
  }

  /** The client's own repeats must not hold up a stop. */
  async function unlessStopped<T>(work: Promise<T>): Promise<T> {
    const done = new AbortController();
    const stopped = clock.sleep(2 * ASK_MS, AbortSignal.any([signal, done.signal])).then(() => work);
    // Whichever of the two loses has nobody left to tell.
    for (const either of [work, stopped]) either.catch(() => undefined);
    try {
      return await Promise.race([work, stopped]);
    } finally {
      done.abort();
    }
  }

  /** True: it is time to count the partitions again. False: the connection is to be given up. */
  async function watch(): Promise<boolean> {
    for (let waitedMs = 0; waitedMs < RECOUNT_MS; waitedMs += LOOK_MS) {
      await clock.sleep(LOOK_MS, signal);
      const silent = consumer.standing.silentSince(clock.now() - SILENCE_MS);
      if (silent.length === 0) continue;
      log('listener.event-hub.silent', { partitions: silent });
      return false;
    }
    return true;
  }

  async function end(
    connection: HubConnection | undefined,
    reading: readonly { stop(): Promise<void> }[],
  ): Promise<void> {
    await quietly(Promise.all(reading.map((one) => one.stop())));
    // What is in hand may still be stored and checkpointed; only then is nothing lost by closing.
    if (signal.aborted) await consumer.stop();
    if (connection) await quietly(connection.close());
  }

  /** A client that is given up may fail to close, or never do. */
  async function quietly(work: Promise<unknown>): Promise<void> {
    try {
      await within(closeMs, work, 'the client did not close');
    } catch (error) {
      log('listener.event-hub.unclosed', { error: error instanceof Error ? error.message : String(error) });
    }
  }

  async function within<T>(ms: number, work: Promise<T>, why: string): Promise<T> {
    const done = new AbortController();
    const limit = clock.sleep(ms, done.signal).then(
      () => Promise.reject(new Error(`${why} within ${ms / 1000} s`)),
      // The work ended first.
      () => new Promise<never>(() => undefined),
    );
    try {
      return await Promise.race([work, limit]);
    } finally {
      done.abort();
    }
  }

  const running = run();
  return {
    async stop() {
      stopping.abort(new Error('stopping'));
      await consumer.stop();
      await running;
    },
  };
}
