import type { Clock } from '../../../../domain/clock.js';
import { messageOf } from '../../../../domain/errors.js';
import type { ProxmoxClient } from '../../client.js';
import { ProxmoxError } from '../../proxmox-error.js';
import { createRights, describeNeed } from '../../rights.js';
import type { ObservedAccess } from '../observed.js';
import { type Attempt, allowedAttempts, forbiddenAttempts, type Stranger } from './attempts.js';
import { type SeenGroup, seeGroups } from './groups.js';
import type { Wanted } from './wanted.js';

/** One thing that was tried with the token itself. `fault`: why it is not as it should be; undefined: it is. */
export interface Proof {
  what: string;
  fault?: string | undefined;
}

export interface ProofPorts {
  wanted: Wanted;
  /** The token itself. */
  self: ProxmoxClient;
  /** Who takes back what Proxmox should have refused. */
  admin: ProxmoxClient;
  access: ObservedAccess;
  groups: ReadonlyMap<string, SeenGroup>;
  clock: Clock;
}

/**
 * Shows with the token itself that it can do its work and nothing that would make it more: by what Proxmox says of its
 * rights, by reading what it must be able to read, and by calls that Proxmox has to refuse. Nothing that stays is changed.
 */
export async function proveRights(ports: ProofPorts, signal: AbortSignal): Promise<Proof[]> {
  const { wanted, self, access, groups } = ports;
  const proofs = [await proveNeeds(ports, signal), await proveSight(ports, signal)];
  for (const attempt of allowedAttempts(wanted)) {
    const came = await tryOut(attempt, ports, signal);
    proofs.push({ what: `may ${attempt.what}`, fault: came.may === 'yes' ? undefined : faultOf(came) });
  }
  for (const attempt of forbiddenAttempts(wanted, self.tokenId, strangersIn(access, wanted), groups)) {
    const came = await tryOut(attempt, ports, signal);
    proofs.push({ what: `may not ${attempt.what}`, fault: came.may === 'no' ? undefined : faultOf(came) });
  }
  return proofs;
}

async function proveNeeds({ wanted, self, clock }: ProofPorts, signal: AbortSignal): Promise<Proof> {
  const missing = await createRights({ client: self, clock }).missing(wanted.needs, signal);
  const what = `holds all ${wanted.needs.length} rights that its work needs`;
  return { what, fault: missing.length === 0 ? undefined : `lacks ${missing.map(describeNeed).join(', ')}` };
}

/** Proxmox shortens lists without a word, so the ones that our work rests on are looked at. */
async function proveSight({ wanted, self, groups }: ProofPorts, signal: AbortSignal): Promise<Proof> {
  const seen = await seeGroups(self, signal);
  // Also those of others: one that names somebody who does not exist yet would give a new user its rights.
  const unseen = [...new Set([...wanted.groups, ...groups.keys()])].filter((group) => !seen.has(group));
  return {
    what: `sees every group, its ${wanted.groups.length} managed ones among them`,
    fault: unseen.length === 0 ? undefined : `does not see ${unseen.join(', ')}`,
  };
}

/** root@pam, and somebody else who is in none of the managed groups, where there is anybody. */
function strangersIn({ owners }: ObservedAccess, { groups, declaration }: Wanted): Stranger[] {
  const strangers = [...owners]
    .filter(([userid, { groups: of }]) => userid !== declaration.owner && !of.some((group) => groups.includes(group)))
    .map(([userid, { comment, groups: of }]) => ({ userid, comment, groups: of }));
  const root = strangers.find(({ userid }) => userid === 'root@pam') ?? { userid: 'root@pam', comment: '', groups: [] };
  return [root, ...strangers.filter(({ userid }) => userid !== 'root@pam').slice(0, 1)];
}

type Came = { may: 'yes' | 'no' } | { may: 'yes'; took: string } | { may: 'unclear'; error: string };

async function tryOut({ call, undo }: Attempt, { self, admin }: ProofPorts, signal: AbortSignal): Promise<Came> {
  try {
    await self.write(call, signal);
  } catch (error) {
    signal.throwIfAborted();
    // A 403 in other words may come from a proxy on the way, which stops every write alike and proves nothing.
    if (isRefusedByProxmox(error)) return { may: 'no' };
    if (error instanceof ProxmoxError && error.kind === 'bad-parameter') return { may: 'yes' };
    return { may: 'unclear', error: messageOf(error) };
  }
  if (!undo) return { may: 'yes', took: 'Proxmox even took the call, which changes nothing' };
  try {
    await admin.write(undo, signal);
    return { may: 'yes', took: 'Proxmox even took the call; it was undone' };
  } catch (error) {
    signal.throwIfAborted();
    return { may: 'yes', took: `Proxmox even took the call, and undoing it failed: ${messageOf(error)}` };
  }
}

function isRefusedByProxmox(error: unknown): boolean {
  return error instanceof ProxmoxError && error.kind === 'permission' && /permission check failed/i.test(error.text);
}

function faultOf(came: Came): string {
  if (came.may === 'unclear') return `could not be told: ${came.error}`;
  if ('took' in came) return `it may; ${came.took}`;
  return came.may === 'yes' ? 'it may' : 'it may not';
}
