import type { Settings } from '../../config/settings.js';
import { messageOf } from '../../domain/errors.js';
import { readRealm } from '../../targets/proxmox/realm/observe.js';
import type { Log } from '../../telemetry/log.js';
import { connectAdmin } from '../token/connect.js';
import type { AdminOptions } from '../token/options.js';

/**
 * Why the stored client secret is not the one that Proxmox logs people in with, as far as can be seen; undefined: it is.
 * Whatever other one Proxmox has, nobody logs in any more once that is removed at the provider.
 */
export async function whyNotInUse(
  stored: string,
  { settings, log, options }: { settings: Pick<Settings, 'proxmox'>; log: Log; options: AdminOptions },
  signal: AbortSignal,
): Promise<string | undefined> {
  const { realm = '' } = settings.proxmox;
  try {
    const { client, close } = await connectAdmin(settings, log, options);
    try {
      const seen = await readRealm(client, realm, signal);
      if (!seen) return `there is no realm ${realm} in Proxmox that would have the stored client secret`;
      if (seen.clientKey?.reveal() === stored) return undefined;
      return `the realm ${realm} in Proxmox has another client secret than the stored one, and without it nobody would log in`;
    } finally {
      await close();
    }
  } catch (error) {
    signal.throwIfAborted();
    return `whether Proxmox has the stored client secret cannot be seen: ${messageOf(error)}`;
  }
}
