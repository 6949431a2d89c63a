import { type FSWatcher, watch } from 'node:fs';
import type { Clock } from '../domain/clock.js';
import { messageOf } from '../domain/errors.js';
import type { Log } from '../telemetry/log.js';

export interface SpoolWatchOptions {
  /** The directory to watch. */
  pendingDir: string;
  clock: Clock;
  log: Log;
  /** Called for each name that the kernel reports; undefined: unknown which. */
  onName: (name: string | undefined) => void;
  /** The slow scan behind the watch. */
  scan: () => Promise<void>;
  /** When the next key becomes due by itself, epoch ms. */
  nextDueAt: () => number | undefined;
  /** Something may be due. */
  wake: () => void;
}

export interface SpoolWatch {
  /** The kernel reports changes; false: only the slow scan finds them. */
  active(): boolean;
  /** The time of the next due key may have changed. */
  rearm(): void;
  stop(): void;
}

/** The slow scan finds whatever the kernel did not report (a queue that overflowed, a watch that was refused). */
const SCAN_EVERY_MS = 5000;

/** Watches the pending directory by inotify, with a scan every five seconds and a timer for the next due time. */
export function startSpoolWatch(options: SpoolWatchOptions): SpoolWatch {
  const { clock, log, onName, nextDueAt, wake } = options;
  const stopped = new AbortController();
  let pause = new AbortController();
  let watcher = openWatcher();
  void loop();

  function openWatcher(): FSWatcher | undefined {
    try {
      const opened = watch(options.pendingDir, { persistent: false }, (_event, name) => {
        onName(name ?? undefined);
        wake();
      });
      opened.on('error', lose);
      return opened;
    } catch (error) {
      log('queue.watch.unavailable', { error: messageOf(error) });
      return undefined;
    }
  }

  function lose(error: unknown): void {
    log('queue.watch.unavailable', { error: messageOf(error) });
    watcher?.close();
    watcher = undefined;
  }

  async function loop(): Promise<void> {
    let scanAt = clock.now() + SCAN_EVERY_MS;
    while (!stopped.signal.aborted) {
      const next = Math.min(scanAt, nextDueAt() ?? scanAt);
      await pauseUntil(next);
      if (stopped.signal.aborted) return;
      const now = clock.now();
      // A clock that was set back must not put the scan off.
      if (now >= scanAt || scanAt - now > SCAN_EVERY_MS) {
        await options.scan();
        scanAt = clock.now() + SCAN_EVERY_MS;
        wake();
      } else if (now >= next) wake();
    }
  }

  async function pauseUntil(time: number): Promise<void> {
    pause = new AbortController();
    const ms = Math.min(Math.max(1, time - clock.now()), SCAN_EVERY_MS);
    await clock.sleep(ms, AbortSignal.any([stopped.signal, pause.signal])).catch((error: unknown) => {
      // Ended early by `rearm` or `stop`; a sleep that fails for any other reason is a bug of the clock.
      if (!stopped.signal.aborted && !pause.signal.aborted) throw error;
    });
  }

  return {
    active: () => watcher !== undefined,
    rearm: () => pause.abort(),
    stop() {
      stopped.abort();
      watcher?.close();
      watcher = undefined;
    },
  };
}
