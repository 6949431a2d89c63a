import type { Settings } from '../../config/settings.js';

/**
 * Whether anything tells us of changes: with the Proxmox realm as the source there is nothing that Graph could tell, and
 * with `poll` alone it is only asked.
 */
export function isListenerWanted({ entra, sources }: Pick<Settings, 'entra' | 'sources'>): boolean {
  return entra.enforce && sources.some((source) => source !== 'poll');
}
