import { z } from 'zod';
import { messageOf } from '../../../../domain/errors.js';
import { audited, type RecordBootstrap } from '../../../../telemetry/bootstrap-audit.js';
import type { ProxmoxClient, ProxmoxWrite } from '../../client.js';
import { ProxmoxError } from '../../proxmox-error.js';
import { missingRealm } from '../../realm.js';
import { requireRights } from '../../refusal.js';
import type { Need } from '../../rights.js';
import { applyTokens, type StepResult } from '../apply.js';
import type { TokenDeclaration } from '../declaration.js';
import { fullId } from '../entries.js';
import { observeAccess } from '../observed.js';
import type { TokenConflict, TokenStep } from '../plan.js';
import { requireReady } from '../ready-sink.js';
import { bringTokensAbout, CHANGE_ALL, type Looked, lookAtTokens, type SetupPorts } from '../setup.js';
import { seeGroups } from './groups.js';
import { type GroundConflict, type GroundPlan, type GroundStep, type GroupStep, planGround } from './plan.js';
import { type Proof, proveRights } from './proof.js';
import type { Wanted } from './wanted.js';

export interface OwnPorts {
  /** As for any declared token; what it declares is put in place of here. */
  setup: SetupPorts;
  wanted: Wanted;
  record: RecordBootstrap;
}

/** What it would take. With any conflict nothing is done. */
export interface OwnPlan {
  ground: GroundPlan;
  /** The token, as Proxmox stands now. */
  token: Looked;
  steps: GroundStep[];
  conflicts: (GroundConflict | TokenConflict)[];
  remarks: string[];
}

/** What one step came to. */
export type OwnResult =
  | { step: GroundStep; result: 'done' | 'skipped' }
  | { step: GroundStep; result: 'failed'; error: string };

export interface OwnOutcome {
  steps: OwnResult[];
  /** What the token may do differently from what was asked for, in words. */
  wrongRights: string[];
  /** Empty where something failed before. */
  proofs: Proof[];
}

/** To see everything; the same that `token plan` needs. */
const SEE_ALL: Need = { path: '/access', anyOf: ['Sys.Audit'] };

/** Looks at Proxmox and at the place of the secret, and plans. Writes nothing. Throws SourceUnavailable. */
export async function lookAtOwn({ setup, wanted }: OwnPorts, signal: AbortSignal): Promise<OwnPlan> {
  const { client, rights, adopt, prune } = setup;
  await requireRights(rights, [SEE_ALL], client, signal);
  const access = await observeAccess(client, signal);
  const groups = await seeGroups(client, signal);
  const ground = planGround({ wanted, access, groups, adopt, prune });
  const token = await lookAtTokens(ownSetup(setup, wanted), signal);
  // The ground is laid before the token is planned anew, so what both see is done once.
  const ofToken = token.plan.steps.filter(({ do: what }) => !what.startsWith('owner.') && !what.startsWith('role.'));
  const conflicts = [...ground.conflicts, ...token.plan.conflicts];
  const steps = conflicts.length > 0 ? [] : [...ground.steps, ...ofToken];
  const missing = await missingRealm({ client, realm: wanted.realm }, signal);
  const remarks = [...ground.remarks, ...(missing ? [`${missing.saw}; ${missing.mend}`] : [])];
  return { ground, token, steps, conflicts, remarks };
}

/**
 * Does it, and proves it with the token itself. `plan` must be without conflicts. Throws before the first write where the
 * secret could not be stored (Rejected), or the proof not be made (SourceUnavailable).
 */
export async function bringOwnAbout(ports: OwnPorts, plan: OwnPlan, signal: AbortSignal): Promise<OwnOutcome> {
  const { setup, wanted } = ports;
  if (plan.steps.length > 0) await requireRights(setup.rights, changeNeeds(wanted), setup.client, signal);
  for (const step of plan.steps) if (step.do === 'token.create') await tryReadiness(step.declaration, setup, signal);
  const laid = await layGround(ports, plan, signal);
  if (laid.some(({ result }) => result !== 'done')) return { steps: laid, wrongRights: [], proofs: [] };
  const own = ownSetup(setup, wanted);
  const looked = await lookAtTokens(own, signal);
  const { steps, wrongRights } = await bringTokensAbout(own, looked, signal, ports.record);
  const blocked = looked.plan.conflicts.map(({ why, remedy }) => `${why}; ${remedy}`);
  const all = [...laid, ...steps];
  const isMade = blocked.length === 0 && steps.every(({ result }) => result === 'done') && wrongRights.length === 0;
  const proofs = isMade ? await proofsOf(ports, looked, signal) : [];
  return { steps: all, wrongRights: [...blocked, ...wrongRights], proofs };
}

/** Tries what making this token will need in the end, and changes nothing that stays. */
async function tryReadiness(token: TokenDeclaration, setup: SetupPorts, signal: AbortSignal): Promise<void> {
  const sink = setup.openSink(token.sink);
  await requireReady(token, sink);
  // Everybody else has just been answered over the very way of the proof.
  if (setup.client.caller.kind === 'pvesh') await tryWay(token, setup, signal);
}

/** Whether somebody answers where the proof is made, by a secret that nobody has. */
async function tryWay(token: TokenDeclaration, { connectAs }: SetupPorts, signal: AbortSignal): Promise<void> {
  const nobody = connectAs(fullId(token), '00000000-0000-0000-0000-000000000000');
  try {
    await nobody.get({ route: '/version' }, z.unknown(), signal);
  } catch (error) {
    if (!(error instanceof ProxmoxError) || error.kind !== 'unauthenticated') throw error;
  } finally {
    await nobody.close();
  }
}

/** The declaration alone, and never what else is ours and stands in no file. */
function ownSetup(setup: SetupPorts, { declaration }: Wanted): SetupPorts {
  return { ...setup, declared: [declaration], prune: false };
}

function changeNeeds({ declaration }: Wanted): Need[] {
  const realm = declaration.owner.slice(declaration.owner.lastIndexOf('@') + 1);
  return [
    ...CHANGE_ALL,
    { path: '/access/groups', anyOf: ['Group.Allocate'] },
    { path: `/access/realm/${realm}`, anyOf: ['Realm.AllocateUser'] },
  ];
}

/** One after the other; what follows a failure is skipped, since it may rest on it. */
async function layGround(ports: OwnPorts, { ground, token }: OwnPlan, signal: AbortSignal): Promise<OwnResult[]> {
  const results: OwnResult[] = [];
  for (const step of ground.steps) {
    signal.throwIfAborted();
    if (results.some(({ result }) => result !== 'done')) {
      results.push({ step, result: 'skipped' });
      continue;
    }
    results.push(
      isGroupStep(step) ? await doGroupStep(step, ports, signal) : await doStep(step, token, ports.record, signal),
    );
  }
  return results;
}

async function doStep(
  step: TokenStep,
  { ports }: Looked,
  record: RecordBootstrap,
  signal: AbortSignal,
): Promise<StepResult> {
  const [result] = await applyTokens({ steps: [step], conflicts: [], remarks: [] }, ports, signal, record);
  if (!result) throw new Error('a step that came to nothing');
  return result;
}

function isGroupStep(step: GroundStep): step is GroupStep {
  return step.do === 'group.create' || step.do === 'group.mark' || step.do === 'group.delete';
}

async function doGroupStep(step: GroupStep, { setup, record }: OwnPorts, signal: AbortSignal): Promise<OwnResult> {
  const what = { action: step.do, target: 'proxmox', name: step.group } as const;
  try {
    await audited(record, what, () => setup.client.write(callOf(step), signal));
    return { step, result: 'done' };
  } catch (error) {
    signal.throwIfAborted();
    return { step, result: 'failed', error: messageOf(error) };
  }
}

function callOf(step: GroupStep): ProxmoxWrite {
  const single = { route: '/access/groups/{groupid}', params: { groupid: step.group } };
  switch (step.do) {
    case 'group.create':
      return { method: 'POST', route: '/access/groups', body: { groupid: step.group, comment: step.comment } };
    case 'group.mark':
      return { method: 'PUT', ...single, body: { comment: step.comment } };
    case 'group.delete':
      return { method: 'DELETE', ...single };
  }
}

async function proofsOf({ setup, wanted }: OwnPorts, { ports }: Looked, signal: AbortSignal): Promise<Proof[]> {
  const { client: admin, clock, openSink, connectAs } = setup;
  const stored = await openSink(wanted.declaration.sink).read();
  if (!stored) return [{ what: `has its secret in ${wanted.declaration.sink.place}`, fault: 'nothing lies there' }];
  const self: ProxmoxClient = connectAs(stored['full-tokenid'], stored.value);
  try {
    const groups = await seeGroups(admin, signal);
    return await proveRights({ wanted, self, admin, access: ports.observed, groups, clock }, signal);
  } finally {
    await self.close();
  }
}
