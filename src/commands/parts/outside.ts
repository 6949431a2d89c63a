import type { Dispatcher } from 'undici';
import type { Clock } from '../../domain/clock.js';
import type { BootClock } from '../../reconcile/context.js';
import type { Connect } from '../../targets/linux/channel.js';
import type { Connections } from '../../targets/proxmox/connections.js';
import { systemClock } from '../../telemetry/system-clock.js';
import { bootClock } from './boot-clock.js';
import { type KernelLock, takeKernelLock } from './kernel-lock.js';

/** What a reconciler meets outside of itself: time, chance and wires. A model of a whole installation brings its own. */
export interface Outside {
  clock: Clock;
  /** The clock beside it that nobody can set. Without one, as with a clock of a model's own, jumps go unnoticed. */
  bootClock?: BootClock | undefined;
  /** From 0 up to 1. */
  random: () => number;
  lock: (path: string, who: string) => Promise<KernelLock>;
  /** The way to Entra and Graph; not closed by us. By default kept connections that trust CA_FILE. */
  graph?: Dispatcher | undefined;
  /** The way to Proxmox. By default kept connections to PVE_API_URL. */
  proxmox?: Connections | undefined;
  /** The way to lakeFS; not closed by us. By default kept connections as to Graph, through HTTPS_PROXY but for NO_PROXY. */
  lakefs?: Dispatcher | undefined;
  /** The way to the account agent. By default what ACCOUNTS_COMMAND or ACCOUNTS_SOCKET say. */
  accounts?: Connect | undefined;
}

/** The real world. */
export const theRealOutside: Outside = { clock: systemClock, bootClock, random: Math.random, lock: takeKernelLock };
