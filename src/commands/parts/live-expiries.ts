import type { Settings } from '../../config/settings.js';
import { messageOf } from '../../domain/errors.js';
import type { Expiry } from '../../telemetry/expiry.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { bootstrapPaths } from './bootstrap-paths.js';
import { expiriesIn, readTokenEnds, type TokenEnds } from './token-ends-file.js';

/** Everything that ends at an instant which is known here, as it is known by now. */
export interface LiveExpiries {
  all(): Expiry[];
  /** What Proxmox VE says of our own API token, which counts more than what somebody wrote down. */
  noteOwnToken(endsAt: number | undefined): void;
  /** Brings the metrics of the declared tokens up to date. */
  measure(metrics: Pick<Metrics, 'tokenExpiryTimestamp' | 'tokenRotationTimestamp'>): void;
}

/**
 * The configured ends, that of our own token as Proxmox tells it, and those of declared tokens. Of these only an
 * administrator's credential can know; the commands that have one leave a file, which is read here each time.
 */
export function liveExpiries(
  { expiries, paths }: Pick<Settings, 'expiries' | 'paths'>,
  log: Log,
  now: () => number,
): LiveExpiries {
  const file = bootstrapPaths(paths).tokenExpiries;
  let own: { endsAt: number | undefined } | undefined;
  let told: string | undefined;

  function declared(): TokenEnds {
    try {
      return readTokenEnds(file);
    } catch (error) {
      const why = messageOf(error);
      if (told !== why) log('proxmox.tokens.unreadable', { error: why });
      told = why;
      return { version: 1, files: {} };
    }
  }

  return {
    all() {
      const configured = own ? expiries.filter(({ credential }) => credential !== 'pve-api-token') : expiries;
      const ofOwn: Expiry[] = own?.endsAt === undefined ? [] : [{ credential: 'pve-api-token', expiresAt: own.endsAt }];
      return [...configured, ...ofOwn, ...expiriesIn(declared(), now())];
    },
    noteOwnToken(endsAt) {
      own = { endsAt };
    },
    measure({ tokenExpiryTimestamp, tokenRotationTimestamp }) {
      // Of what is no longer declared nothing may stay behind.
      tokenExpiryTimestamp.reset();
      tokenRotationTimestamp.reset();
      for (const { token, endsAt, rotatesAt } of Object.values(declared().files).flatMap(({ tokens }) => tokens)) {
        if (endsAt !== undefined) tokenExpiryTimestamp.set({ token }, Math.round(endsAt / 1000));
        if (rotatesAt !== undefined) tokenRotationTimestamp.set({ token }, Math.round(rotatesAt / 1000));
      }
    },
  };
}
