import { readFileSync } from 'node:fs';
import type { BootClock } from '../../reconcile/context.js';

/** The clock of the kernel, sleep included (CLOCK_BOOTTIME by proc_uptime(5)), which setting the date does not move. */
export const bootClock: BootClock = () => ({
  bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
  uptimeMs: Math.round(Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000),
});
