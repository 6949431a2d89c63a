import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { Settings } from '../../config/settings.js';
import { createOperatorClient, DaemonUnreachable } from '../../operator/client.js';
import type { AgentCheck } from '../../operator/reconciler-routes.js';
import type { LinuxTarget } from '../../targets/linux/target.js';
import type { ProxmoxTarget } from '../../targets/proxmox/target.js';
import { subject } from './budget.js';
import type { CheckName } from './catalogue.js';
import { type Check, skipped } from './check.js';
import { checkClock } from './clock.js';
import type { Look } from './look.js';
import { checkProxmoxTls, proxmoxChecks } from './proxmox.js';

const PROXMOX_NAMES = [
  'proxmox.token',
  'proxmox.version',
  'proxmox.token-expiry',
  'proxmox.privileges',
  'proxmox.beyond',
  'proxmox.groups',
  'proxmox.realm',
  'proxmox.realm-options',
  'proxmox.user-cfg',
] as const satisfies readonly CheckName[];

/** The roots by which Proxmox VE is trusted: those of PVE_CA_FILE alone, where it is given. */
export function proxmoxRoots({ proxmox: { caFile } }: Settings): ReturnType<typeof createSecureContext> | undefined {
  return caFile === undefined ? undefined : createSecureContext({ ca: readFileSync(caFile, 'utf8') });
}

/** Proxmox VE: its certificate and clock, and what the token sees of it. */
export async function checkProxmoxSide(
  { settings, target, look, now }: { settings: Settings; target: ProxmoxTarget; look: Look; now: () => number },
  signal: AbortSignal,
): Promise<Check[]> {
  const url = new URL(`${settings.proxmox.apiUrl}/api2/json/access/domains`);
  const looked = look(url, {}, signal);
  const parts = await Promise.all([
    subject(['clock.proxmox'], signal, async () => checkClock('clock.proxmox', 'Proxmox VE', [await looked])),
    subject(['proxmox.tls'], signal, async () => [checkProxmoxTls(url, await looked, now())]),
    subject(PROXMOX_NAMES, signal, async () => {
      const met = await looked;
      if (met.kind === 'failed' || met.distrust) {
        return PROXMOX_NAMES.map((name) => skipped(name, 'Proxmox VE is not reached, see proxmox.tls'));
      }
      return proxmoxChecks(await target.check(signal, { readRealms }), PROXMOX_NAMES);
    }),
  ]);
  return parts.flat();
}

/** The realms as the node itself keeps them; undefined on another host, or where they may not be read. */
async function readRealms(): Promise<string | undefined> {
  try {
    return await readFile('/etc/pve/domains.cfg', 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  }
}

/**
 * An agent that is the reconciler's child keeps every other one out for as long as that runs, so the reconciler is the
 * one to ask. Without a reconciler, or with an agent behind a socket of its own, it is asked from here.
 */
export async function askAgent(
  settings: Settings,
  linux: LinuxTarget,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<AgentCheck> {
  if (!settings.linux.accountsCommand) return linux.check(signal);
  try {
    const client = createOperatorClient(settings.paths.operatorSocket, { timeoutMs });
    const { status, body } = await client.call('GET', '/checks/accounts');
    if (status === 200) return body as AgentCheck;
    return {
      ok: false,
      saw: 'the running reconciler keeps no Linux accounts, although linux is among the targets here',
      mend: 'restart it: it runs with another configuration',
      blocked: 'reach',
    };
  } catch (error) {
    if (!(error instanceof DaemonUnreachable)) throw error;
    return linux.check(signal);
  }
}
