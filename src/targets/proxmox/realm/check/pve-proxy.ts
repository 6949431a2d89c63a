import { z } from 'zod';
import type { ProxmoxClient } from '../../client.js';
import { unlessRefused } from '../unless-refused.js';

const options = z.object({ http_proxy: z.string().nullish() });

/** By which way Proxmox goes out to the provider: `http_proxy` of the datacenter options. */
export type PveProxy = { known: false } | { known: true; url: string | undefined };

/** Needs Sys.Audit on /. The URL may hold a password. */
export async function readPveProxy(client: ProxmoxClient, signal: AbortSignal): Promise<PveProxy> {
  const seen = await unlessRefused(client.get({ route: '/cluster/options' }, options, signal));
  return seen ? { known: true, url: seen.http_proxy || undefined } : { known: false };
}
