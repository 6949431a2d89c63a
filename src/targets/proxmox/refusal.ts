import { SourceUnavailable } from '../../domain/errors.js';
import { describeCaller } from './caller.js';
import type { ProxmoxClient } from './client.js';
import { ProxmoxError } from './proxmox-error.js';
import { describeNeed, type Need, type Rights } from './rights.js';

/** Whether PVE refused for lack of rights, so that what is remembered of our rights is out of date. */
export function isRefusal(error: unknown): boolean {
  return error instanceof ProxmoxError && (error.kind === 'permission' || error.kind === 'unauthenticated');
}

/** One sentence on the privileges that the daemon's own token lacks. */
export function lackText(client: ProxmoxClient, missing: readonly Need[]): string {
  return `${whatIsLacking(client, missing)} in Proxmox VE; "entramox doctor" prints the commands that grant it`;
}

/** Throws SourceUnavailable where a listing would be short without saying so. */
export function refuseWithout(
  rights: Rights,
  needs: readonly Need[],
  client: ProxmoxClient,
  signal: AbortSignal,
): Promise<void> {
  return refuse(rights, needs, signal, (missing) => lackText(client, missing));
}

/** The same for whoever sets Proxmox up. */
export function requireRights(
  rights: Rights,
  needs: readonly Need[],
  client: ProxmoxClient,
  signal: AbortSignal,
): Promise<void> {
  const remedy = client.caller.kind === 'api-token' ? 'use a token of an administrator' : 'be an administrator';
  return refuse(rights, needs, signal, (missing) => `${whatIsLacking(client, missing)} at ${client.host}: ${remedy}`);
}

async function refuse(
  rights: Rights,
  needs: readonly Need[],
  signal: AbortSignal,
  say: (missing: readonly Need[]) => string,
): Promise<void> {
  const missing = await rights.missing(needs, signal);
  if (missing.length > 0) throw new SourceUnavailable(say(missing));
}

function whatIsLacking({ caller }: ProxmoxClient, missing: readonly Need[]): string {
  return `${describeCaller(caller)} lacks ${missing.map(describeNeed).join(', ')}`;
}
