import { messageOf, SourceUnavailable } from '../../../domain/errors.js';
import type { RecordBootstrap } from '../../../telemetry/bootstrap-audit.js';
import { redactText } from '../../../telemetry/redact.js';
import { describeCaller } from '../caller.js';
import type { ProxmoxClient } from '../client.js';
import { describeNeed, type Need, type Rights } from '../rights.js';
import { applyRealm } from './apply.js';
import type { RealmDeclaration } from './declaration.js';
import { type ObservedRealms, observeRealm } from './observe.js';
import { planRealm, type RealmPlan, type RealmStep, type Upkeep } from './plan.js';

export interface RealmPorts {
  client: ProxmoxClient;
  /** Of the caller. */
  rights: Rights;
  declared: RealmDeclaration;
  upkeep: Upkeep | undefined;
  allowGroupsOverwrite: boolean;
  /** See `RealmPlanOptions`. */
  allowNewIssuer?: boolean | undefined;
  /** See `RealmPlanOptions`. */
  sendsHiddenKey?: boolean | undefined;
}

export interface LookedAtRealm {
  observed: ObservedRealms;
  plan: RealmPlan;
}

const SEE: Need = { path: '/access/realm', anyOf: ['Sys.Audit', 'Realm.Allocate'] };
const CHANGE: Need = { path: '/access/realm', anyOf: ['Realm.Allocate'] };

const NOT_OVER_PVESH =
  'this sets the client secret, which pvesh takes on its command line alone, where everybody on the node could read it: apply it with --admin-user or --admin-token-file';

/** Looks at Proxmox and plans. Writes nothing. Throws SourceUnavailable where the caller may not see realms. */
export async function lookAtRealm(ports: RealmPorts, signal: AbortSignal): Promise<LookedAtRealm> {
  const { client, declared, upkeep, allowGroupsOverwrite, allowNewIssuer, sendsHiddenKey } = ports;
  await requireRight(ports, SEE, signal);
  const observed = await observeRealm(client, declared.realm, signal);
  const plan = planRealm({ declared, observed, upkeep, allowGroupsOverwrite, allowNewIssuer, sendsHiddenKey });
  if (client.caller.kind === 'pvesh' && plan.step?.clientKey) plan.remarks.unshift(NOT_OVER_PVESH);
  return { observed, plan };
}

/** What came of the one step. */
export type RealmResult = { step: RealmStep; result: 'done' } | { step: RealmStep; result: 'failed'; error: string };

/** Does what was planned; undefined where there is nothing to do. Throws only where `signal` aborts or rights are missing. */
export async function bringRealmAbout(
  ports: RealmPorts,
  { observed, plan }: LookedAtRealm,
  record: RecordBootstrap,
  signal: AbortSignal,
): Promise<RealmResult | undefined> {
  const { step } = plan;
  if (!step) return undefined;
  await requireRight(ports, CHANGE, signal);
  const { client, declared } = ports;
  try {
    await applyRealm(step, { client, declared, version: observed.version, record }, signal);
    return { step, result: 'done' };
  } catch (error) {
    signal.throwIfAborted();
    return { step, result: 'failed', error: redactText(messageOf(error)) };
  }
}

async function requireRight({ client, rights }: RealmPorts, need: Need, signal: AbortSignal): Promise<void> {
  const missing = await rights.missing([need], signal);
  if (missing.length === 0) return;
  throw new SourceUnavailable(
    `${describeCaller(client.caller)} at ${client.host} lacks ${missing.map(describeNeed).join(', ')}: use an administrator`,
  );
}
