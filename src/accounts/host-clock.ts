import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import type { AgentClock } from './workshop.js';

/** The clocks of this host. */
export function createHostClock(): AgentClock {
  return {
    now: () => Date.now(),
    bootId: () => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    uptimeMs: () => Math.round(uptime() * 1000),
  };
}
