import { coreEvents } from './core.js';
import { entraEvents } from './entra.js';
import { lakefsEvents } from './lakefs.js';
import { linuxEvents } from './linux.js';
import { listenerEvents } from './listener.js';
import { proxmoxEvents } from './proxmox.js';
import { queueEvents } from './queue.js';
import { reconcileEvents } from './reconcile.js';

/** The catalogue of every event that is ever logged; docs/events.md is made from it. */
export const events = {
  ...coreEvents,
  ...listenerEvents,
  ...queueEvents,
  ...entraEvents,
  ...reconcileEvents,
  ...linuxEvents,
  ...proxmoxEvents,
  ...lakefsEvents,
} as const;

export type EventCode = keyof typeof events;
