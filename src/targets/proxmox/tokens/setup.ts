import { messageOf } from '../../../domain/errors.js';
import type { RecordBootstrap } from '../../../telemetry/bootstrap-audit.js';
import { requireRights } from '../refusal.js';
import type { Need, Rights } from '../rights.js';
import { type ApplyPorts, applyTokens, type StepResult } from './apply.js';
import { missingCopies } from './copies.js';
import type { TokenDeclaration } from './declaration.js';
import { fullId } from './entries.js';
import { type ObservedAccess, observeAccess } from './observed.js';
import { planTokens, type SecretState, type TokenPlan } from './plan.js';
import { checkRights, describeDifference } from './prove-rights.js';
import { type Standing, standingOf } from './standing.js';

export interface SetupPorts extends Pick<ApplyPorts, 'client' | 'clock' | 'openSink' | 'connectAs'> {
  /** Of the caller. */
  rights: Rights;
  declared: readonly TokenDeclaration[];
  adopt: boolean;
  prune: boolean;
  /** See `PlanOptions`. */
  elsewhere?: ReadonlyMap<string, string> | undefined;
}

export interface Looked {
  plan: TokenPlan;
  /** In the order of the declarations. */
  standings: readonly Standing[];
  ports: ApplyPorts;
}

/** To see all users with their tokens, all roles and the whole access control list. */
const SEE_ALL: readonly Need[] = [{ path: '/access', anyOf: ['Sys.Audit'] }];

/** To do any of it: roles, users, and rights on every path. */
export const CHANGE_ALL: readonly Need[] = [
  { path: '/access', anyOf: ['Sys.Modify'] },
  { path: '/access/groups', anyOf: ['User.Modify'] },
  { path: '/', anyOf: ['Permissions.Modify'] },
];

/**
 * Looks at Proxmox and at the sinks, and plans. Writes nothing. Throws SourceUnavailable where the caller may not see
 * everything: PVE would answer with lists that are short without saying so.
 */
export async function lookAtTokens(setup: SetupPorts, signal: AbortSignal): Promise<Looked> {
  const { client, clock, openSink, connectAs, adopt, prune, elsewhere } = setup;
  const { observed, standings } = await lookAtStandings(setup, signal);
  const declared = standings.map(({ token }) => token);
  const secrets = new Map<string, SecretState>();
  for (const { token, secret } of standings) if (secret) secrets.set(fullId(token), secret);
  const planned = planTokens({ declared, observed, secrets, adopt, prune, elsewhere, now: clock.now() });
  const blocked = new Set(planned.conflicts.map(({ token }) => token));
  const copies = await missingCopies(
    standings.filter(({ token }) => !blocked.has(fullId(token))),
    openSink,
  );
  const remarks = [...planned.remarks, ...copies.remarks];
  const plan = { ...planned, steps: [...planned.steps, ...copies.steps], remarks };
  return { plan, standings, ports: { client, clock, observed, declared, openSink, connectAs } };
}

/** What stands in Proxmox, and which token stands for each declaration. Throws as `lookAtTokens` does. */
export async function lookAtStandings(
  { client, rights, declared, openSink, connectAs }: Omit<SetupPorts, 'adopt' | 'prune'>,
  signal: AbortSignal,
): Promise<{ observed: ObservedAccess; standings: Standing[] }> {
  await requireRights(rights, SEE_ALL, client, signal);
  const observed = await observeAccess(client, signal);
  const standings: Standing[] = [];
  for (const token of declared) {
    standings.push(await standingOf(token, observed, { openSink, connectAs }, signal));
  }
  return { observed, standings };
}

export interface Applied {
  steps: StepResult[];
  /** Tokens that may do more or less than declared, and those that could not be asked, in words. */
  wrongRights: string[];
}

/** Does what was planned, and then asks with every declared token what it may do. */
export async function bringTokensAbout(
  setup: SetupPorts,
  looked: Looked,
  signal: AbortSignal,
  record: RecordBootstrap,
): Promise<Applied> {
  const { plan, ports, standings } = looked;
  if (plan.steps.length > 0) {
    const realms = new Set(plan.steps.flatMap((step) => (step.do === 'owner.create' ? [realmOf(step.owner)] : [])));
    const creation = [...realms].map((realm) => ({ path: `/access/realm/${realm}`, anyOf: ['Realm.AllocateUser'] }));
    await requireRights(setup.rights, [...CHANGE_ALL, ...creation], setup.client, signal);
  }
  const steps = await applyTokens(plan, ports, signal, record);
  const conflicting = new Set(plan.conflicts.map(({ token }) => token));
  // What is sealed can be asked only by the run that stored it.
  const made = new Set(steps.flatMap(({ step }) => (step.do === 'token.create' ? [fullId(step.declaration)] : [])));
  const looking = standings
    .filter(({ token, secret }) => secret?.state !== 'sealed' || made.has(fullId(token)))
    .map(({ token }) => token)
    .filter((token) => !conflicting.has(fullId(token)) && !isBroken(token, steps));
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
