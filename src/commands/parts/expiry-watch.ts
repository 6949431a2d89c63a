import { createExpiryWatch, type Expiry } from '../../telemetry/expiry.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { systemClock } from '../../telemetry/system-clock.js';

const LOOK_EVERY_MS = 3_600_000;

/** Warns of credentials that end, for as long as this process lives; it does not keep the process alive. */
export function watchExpiries(expiries: () => readonly Expiry[], log: Log, metrics: Metrics): { measure(): void } {
  const watch = createExpiryWatch({ expiries, now: systemClock.now, log, metrics });
  watch.look();
  setInterval(() => watch.look(), LOOK_EVERY_MS).unref();
  return watch;
}
