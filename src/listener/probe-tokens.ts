import type { Clock } from '../domain/clock.js';

/** Handshake tokens that we made ourselves, to knock at our own public address. */
export interface ProbeTokens {
  /** Fresh random bytes; their hexadecimal text counts as ours for a minute. */
  random(bytes: number): Buffer;
  isOurs(token: string): boolean;
}

const LIFE_MS = 60_000;
const MOST = 100;

/**
 * Remembers the tokens of our own probes: with an allow-list they come back from an address that is not Graph's, since
 * nobody knows from where a network lets us reach our own public address.
 */
export function createProbeTokens(random: (bytes: number) => Buffer, clock: Pick<Clock, 'now'>): ProbeTokens {
  const made = new Map<string, number>();
  const forget = () => {
    for (const [token, at] of made) if (clock.now() - at > LIFE_MS || made.size > MOST) made.delete(token);
  };
  return {
    random(bytes) {
      const fresh = random(bytes);
      made.set(fresh.toString('hex'), clock.now());
      forget();
      return fresh;
    },
    isOurs(token) {
      forget();
      return made.has(token);
    },
  };
}
