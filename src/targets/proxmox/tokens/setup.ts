import { messageOf, Rejected, SourceUnavailable } from '../../../domain/errors.js';
import type { ProxmoxClient } from '../client.js';
import { ProxmoxError } from '../proxmox-error.js';
import { describeNeed, type Need, type Rights } from '../rights.js';
import { permissionTree } from '../schema.js';
import { type ApplyPorts, applyTokens, checkRights, describeDifference, type StepResult } from './apply.js';
import type { TokenDeclaration } from './declaration.js';
import { fullId } from './entries.js';
import { observeAccess } from './observed.js';
import { planTokens, type SecretState, type TokenPlan } from './plan.js';

export interface SetupPorts extends Pick<ApplyPorts, 'client' | 'openSink' | 'connectAs'> {
  /** Of the caller. */
  rights: Rights;
  declared: readonly TokenDeclaration[];
  adopt: boolean;
  prune: boolean;
}

export interface Looked {
  plan: TokenPlan;
  ports: ApplyPorts;
}

/** To see all users with their tokens, all roles and the whole access control list. */
const SEE_ALL: readonly Need[] = [{ path: '/access', anyOf: ['Sys.Audit'] }];

/** To do any of it: roles, users, and rights on every path. */
const CHANGE_ALL: readonly Need[] = [
  { path: '/access', anyOf: ['Sys.Modify'] },
  { path: '/access/groups', anyOf: ['User.Modify'] },
  { path: '/', anyOf: ['Permissions.Modify'] },
];

/**
 * Looks at Proxmox and at the sinks, and plans. Writes nothing. Throws SourceUnavailable where the caller may not see
 * everything: PVE would answer with lists that are short without saying so.
 */
export async function lookAtTokens(setup: SetupPorts, signal: AbortSignal): Promise<Looked> {
  const { client, rights, declared, openSink, connectAs, adopt, prune } = setup;
  await requireRights(rights, SEE_ALL, client, signal);
  const observed = await observeAccess(client, signal);
  const secrets = new Map<string, SecretState>();
  for (const token of declared) {
    if (!observed.owners.get(token.owner)?.tokens.has(token.name)) continue;
    secrets.set(fullId(token), await lookAtSecret(token, setup, signal));
  }
  const plan = planTokens({ declared, observed, secrets, adopt, prune });
  return { plan, ports: { client, observed, declared, openSink, connectAs } };
}

async function lookAtSecret(
  token: TokenDeclaration,
  { openSink, connectAs }: Pick<SetupPorts, 'openSink' | 'connectAs'>,
  signal: AbortSignal,
): Promise<SecretState> {
  const id = fullId(token);
  try {
    const stored = await openSink(token.sink).read();
    if (!stored) return { state: 'absent' };
    if (stored['full-tokenid'] !== id) return { state: 'of-another' };
    const self = connectAs(id, stored.value);
    try {
      await self.get({ route: '/access/permissions' }, permissionTree, signal);
    } finally {
      await self.close();
    }
    return { state: 'valid' };
  } catch (error) {
    if (error instanceof ProxmoxError && error.kind === 'unauthenticated') return { state: 'refused' };
    if (error instanceof Rejected) return { state: 'unreadable', why: messageOf(error) };
    throw error;
  }
}

export interface Applied {
  steps: StepResult[];
  /** Tokens that may do more or less than declared, and those that could not be asked, in words. */
  wrongRights: string[];
}

/** Does what was planned, and then asks with every declared token what it may do. */
export async function bringTokensAbout(setup: SetupPorts, looked: Looked, signal: AbortSignal): Promise<Applied> {
  const { plan, ports } = looked;
  if (plan.steps.length > 0) {
    const realms = new Set(plan.steps.flatMap((step) => (step.do === 'owner.create' ? [realmOf(step.owner)] : [])));
    const creation = [...realms].map((realm) => ({ path: `/access/realm/${realm}`, anyOf: ['Realm.AllocateUser'] }));
    await requireRights(setup.rights, [...CHANGE_ALL, ...creation], setup.client, signal);
  }
  const steps = await applyTokens(plan, ports, signal);
  const conflicting = new Set(plan.conflicts.map(({ token }) => token));
  const looking = setup.declared.filter((token) => !conflicting.has(fullId(token)) && !isBroken(token, steps));
  const wrongRights: string[] = [];
  for (const token of looking) {
    try {
      const found = await checkRights(token, ports, signal);
      if (found.length > 0) wrongRights.push(describeDifference(fullId(token), found));
    } catch (error) {
      // What was done must be told all the same.
      wrongRights.push(`what ${fullId(token)} may do could not be looked at: ${messageOf(error)}`);
    }
  }
  return { steps, wrongRights };
}

/** Whether something of this token failed, which has been told already. */
function isBroken(token: TokenDeclaration, steps: readonly StepResult[]): boolean {
  return steps.some(
    ({ step, result }) => result !== 'done' && 'declaration' in step && fullId(step.declaration) === fullId(token),
  );
}

function realmOf(owner: string): string {
  return owner.slice(owner.lastIndexOf('@') + 1);
}

async function requireRights(
  rights: Rights,
  needs: readonly Need[],
  client: ProxmoxClient,
  signal: AbortSignal,
): Promise<void> {
  const missing = await rights.missing(needs, signal);
  if (missing.length === 0) return;
  throw new SourceUnavailable(
    `${client.tokenId} at ${client.host} lacks ${missing.map(describeNeed).join(', ')}: use a token of an administrator`,
  );
}
