import { SourceUnavailable } from '../../domain/errors.js';
import type { ProxmoxClient } from './client.js';
import { ProxmoxError } from './proxmox-error.js';
import { describeNeed, type Need, type Rights } from './rights.js';

/** Whether PVE refused for lack of rights, so that what is remembered of our rights is out of date. */
export function isRefusal(error: unknown): boolean {
  return error instanceof ProxmoxError && (error.kind === 'permission' || error.kind === 'unauthenticated');
}

/** One sentence on the privileges that the token lacks. */
export function lackText(client: ProxmoxClient, missing: readonly Need[]): string {
  const needs = missing.map(describeNeed).join(', ');
  return `the API token ${client.tokenId} lacks ${needs} in Proxmox VE; "entramox doctor" prints the commands that grant it`;
}

/** Throws SourceUnavailable where a listing would be short without saying so. */
export async function refuseWithout(
  rights: Rights,
  needs: readonly Need[],
  client: ProxmoxClient,
  signal: AbortSignal,
): Promise<void> {
  const missing = await rights.missing(needs, signal);
  if (missing.length > 0) throw new SourceUnavailable(lackText(client, missing));
}
