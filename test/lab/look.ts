import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import type { ShownSubscription } from '../../src/listener/subscriptions/routes.js';
import type { ReconcilerStatus } from '../../src/operator/status.js';
import { type Lab, REALM } from './lab.js';
import { waitFor } from './wait.js';

/** How one person stands in both targets, read from the targets themselves. */
export interface Standing {
  linux: 'open' | 'locked' | 'half-locked' | 'none';
  sudo: boolean;
  linuxGroups: string[];
  pve: 'enabled' | 'disabled' | 'none';
  /** Without the realm's suffix, sorted. */
  pveGroups: string[];
}

/** Open, fully locked, or not there, as the account files and Proxmox say now. */
export function standingOf(lab: Lab, name: string, upn = `${name}@example.com`): Standing {
  const account = lab.host?.account(name);
  const user = lab.proxmox.user(`${upn}@${REALM}`);
  const locks = account ? [account.locked, account.expired] : [];
  return {
    linux: !account ? 'none' : locks.every(Boolean) ? 'locked' : locks.some(Boolean) ? 'half-locked' : 'open',
    sudo: account?.sudo ?? false,
    linuxGroups: account?.groups ?? [],
    pve: !user ? 'none' : user.enabled ? 'enabled' : 'disabled',
    pveGroups: (user?.groups ?? []).map((group) => group.replace(new RegExp(`-${REALM}$`), '')).sort(),
  };
}

/** Waits until a person stands like this; the error tells how it stood instead. */
export async function waitForStanding(
  lab: Lab,
  name: string,
  wanted: Partial<Standing>,
  { upn, deadlineMs = 15_000 }: { upn?: string; deadlineMs?: number } = {},
): Promise<void> {
  const keys = Object.keys(wanted) as (keyof Standing)[];
  const differs = () => {
    const standing = standingOf(lab, name, upn);
    return keys.filter((key) => JSON.stringify(standing[key]) !== JSON.stringify(wanted[key]));
  };
  await waitFor(
    `${name} as ${JSON.stringify(wanted)}`,
    () => {
      if (differs().length > 0) throw new Error(`it is ${JSON.stringify(standingOf(lab, name, upn))}`);
      return true;
    },
    deadlineMs,
  );
}

/** What `entramox status --json` says. */
export interface StatusAnswer {
  code: number | null;
  reconciler: ReconcilerStatus | undefined;
  subscriptions: ShownSubscription[] | undefined;
  missing: string[];
}

/** Asks the command line for the status. */
export async function statusOf(lab: Lab): Promise<StatusAnswer> {
  const { code, stdout, stderr } = await lab.entramox('status', '--json');
  if (stdout === '') throw new Error(`status ended with ${code}: ${stderr}`);
  return { code, ...JSON.parse(stdout) };
}

/** One line of the audit log. */
export interface AuditLine {
  at: string;
  kind: 'step' | 'decision' | 'log';
  by: string;
  action: string;
  oid?: string;
  target?: string;
  name?: string;
  outcome: string;
}

/** The audit log so far. */
export function auditOf(lab: Lab): AuditLine[] {
  const text = readFileSync(join(lab.dir, 'log/audit.ndjson'), 'utf8');
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

/** One HTTP GET on a Unix socket or a loopback port. */
export function fetchFrom(
  where: { socketPath: string } | { port: number },
  path: string,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const call = request({ ...where, host: '127.0.0.1', path, agent: false, timeout: 10_000 }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
      answer.on('error', reject);
    });
    call.on('timeout', () => call.destroy(new Error(`no answer for ${path}`)));
    call.on('error', reject);
    call.end();
  });
}

/** Gives Proxmox another managed group, as set-up makes it, with a role on a path. */
export function addManagedGroup(lab: Lab, name: string, role: string, path: string): void {
  const group = `${name}-${REALM}`;
  lab.proxmox.addGroup(group);
  lab.proxmox.setAcl({ path, type: 'group', ugid: group, roleid: role });
  for (const [type, ugid] of [['user', 'entramox@pve'] as const, ['token', 'entramox@pve!sync'] as const]) {
    lab.proxmox.setAcl({ path: `/access/groups/${group}`, type, ugid, roleid: 'EntramoxUsers' });
  }
}

/** Sweeps by the daemon and fails unless the sweep ended as it should. */
export async function sweepNow(lab: Lab, code = 0): Promise<void> {
  const finished = await lab.entramox('sweep');
  if (finished.code !== code) {
    throw new Error(`the sweep ended with ${finished.code}, not ${code}: ${finished.stdout}${finished.stderr}`);
  }
}

/** The object ids of users that notifications named which we answered with a 202. */
export function promisedIds(lab: Lab): Set<string> {
  const ids = new Set<string>();
  for (const { outcome, items } of lab.entra.deliveries.list()) {
    if (outcome !== 'delivered') continue;
    for (const { resourceData } of items) {
      const data = (resourceData ?? {}) as { id?: string; 'members@delta'?: { id: string }[] };
      for (const { id } of data['members@delta'] ?? []) ids.add(id);
      if (data.id) ids.add(data.id);
    }
  }
  return ids;
}

/** Waits until every notification is delivered and nothing is due any more; re-checks that wait for their time may. */
export async function queueAtRest(lab: Lab): Promise<void> {
  await lab.entra.deliveries.idle();
  await waitFor('the queue at rest', async () => {
    const { queue, busy } = (await statusOf(lab)).reconciler ?? {};
    return queue?.pending === queue?.deferred && queue?.processing === 0 && !busy?.sweep;
  });
}
