import type { Settings } from '../../config/settings.js';
import { messageOf } from '../../domain/errors.js';
import { readOwnTokenEnd } from '../../targets/proxmox/own-token-end.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import type { LiveExpiries } from './live-expiries.js';
import type { Outside } from './outside.js';
import { proxmoxClient } from './targets.js';

const LOOK_EVERY_MS = 6 * 3_600_000;
const AGAIN_AFTER_MS = 15 * 60_000;
const PATIENCE_MS = 60_000;

/** Finds out now and then when our own API token ends. */
export interface OwnTokenWatch {
  /** To be called often; asks Proxmox four times a day. Never rejects. */
  look(): Promise<void>;
  close(): Promise<void>;
}

/** undefined: Proxmox is no target. */
export function watchOwnToken(
  settings: Settings,
  live: Pick<LiveExpiries, 'noteOwnToken'>,
  log: Log,
  metrics: Metrics,
  outside: Outside,
): OwnTokenWatch | undefined {
  if (!settings.targets.includes('proxmox') || !settings.proxmox.apiToken) return undefined;
  const { clock } = outside;
  const client = proxmoxClient(settings, log, metrics, outside);
  let nextAt = 0;
  return {
    async look() {
      if (clock.now() < nextAt) return;
      nextAt = clock.now() + AGAIN_AFTER_MS;
      try {
        const end = await readOwnTokenEnd(client, AbortSignal.timeout(PATIENCE_MS));
        // Where it is not shown, what PVE_API_TOKEN_EXPIRES says goes on counting.
        if (end.shown) live.noteOwnToken(end.endsAt);
        nextAt = clock.now() + LOOK_EVERY_MS;
      } catch (error) {
        log('proxmox.token-end.unknown', { error: messageOf(error) });
      }
    },
    close: () => client.close(),
  };
}
