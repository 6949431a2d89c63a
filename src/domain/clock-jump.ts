/** What the clocks of a host show at one moment: the date, which anybody may set, and the time since the boot. */
export interface ClockSight {
  /** Epoch ms. */
  wall: number;
  bootId: string;
  /** Time since this boot, sleep included. */
  uptimeMs: number;
}

/** By how much the wall clock went otherwise than it should: positive is ahead. */
export interface ClockJump {
  byMs: number;
  why: string;
}

/** Corrections by NTP are smaller. The wall clock is UTC, so summer time does not move it. */
export const CLOCK_TOLERANCE_MS = 5 * 60_000;
/** A host may have been off for so long without anybody wondering about its clock. */
export const LONGEST_DOWNTIME_MS = 8 * 86_400_000;

/**
 * Whether the wall clock jumped since `before`; undefined where it did not. Within one boot the time since the boot
 * tells exactly. Over a reboot it can only be told that the clock went back, or ahead by more than a host is off.
 */
export function clockJump(before: ClockSight, now: ClockSight): ClockJump | undefined {
  const passedMs = now.wall - before.wall;
  if (now.bootId === before.bootId) {
    const byMs = Math.round(passedMs - (now.uptimeMs - before.uptimeMs));
    if (Math.abs(byMs) <= CLOCK_TOLERANCE_MS) return undefined;
    return { byMs, why: `the clock of this host jumped ${byMs > 0 ? 'ahead' : 'back'} by ${span(byMs)}` };
  }
  if (passedMs < -CLOCK_TOLERANCE_MS) {
    return { byMs: passedMs, why: `the clock of this host is ${span(passedMs)} behind what it was before the reboot` };
  }
  if (passedMs <= LONGEST_DOWNTIME_MS) return undefined;
  return {
    byMs: passedMs,
    why: `since the last work before the reboot ${span(passedMs)} went by, by the clock of this host`,
  };
}

function span(ms: number): string {
  const minutes = Math.round(Math.abs(ms) / 60_000);
  if (minutes < 120) return `${minutes} minutes`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} hours` : `${Math.round(hours / 24)} days`;
}
