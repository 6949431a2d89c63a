import type { GroundStep, GroupStep } from '../../targets/proxmox/tokens/self/plan.js';
import {
  bringOwnAbout,
  lookAtOwn,
  type OwnOutcome,
  type OwnPlan,
  type OwnPorts,
} from '../../targets/proxmox/tokens/self/set-up.js';
import { unrecorded } from '../../telemetry/bootstrap-audit.js';
import { ExitCode } from '../exit-code.js';
import type { Io } from '../io.js';
import { withBootstrapAudit } from '../parts/bootstrap-audit.js';
import { equip } from '../settings-of.js';
import { connectAsAdministrator } from './connect.js';
import { describeStep } from './describe.js';
import type { TokenOptions } from './options.js';
import { type OwnTokenOptions, ownTokenProblems, wantedBy } from './own-declaration.js';
import { withSinks } from './sinks.js';

export interface SelfOptions extends TokenOptions, OwnTokenOptions {
  yes?: boolean | undefined;
}

const PATIENCE_MS = 15 * 60_000;

/**
 * Prepares Proxmox VE for Entramox itself: shows what it takes, does it with --yes, and proves it with the new token.
 * Exit 1 where something is in the way, failed, or could not be proved.
 */
export async function tokenSelf(options: SelfOptions, io: Io): Promise<ExitCode> {
  const problems = ownTokenProblems(options);
  for (const problem of problems) io.err(problem);
  if (problems.length > 0) return ExitCode.usage;
  const loaded = equip('status', options, io);
  const { settings, log } = loaded;
  if (settings.proxmox.realm === undefined) {
    io.err('REALM is not set: the name of the realm in Proxmox, whose users Entramox shall look after');
    return ExitCode.usage;
  }
  const wanted = wantedBy(settings, options);
  const { owner } = wanted.declaration;
  if (owner.endsWith(`@${wanted.realm}`)) {
    // Whoever the provider calls by that name would log in as it, with its rights.
    io.err(`${owner} is of the realm ${wanted.realm}, which others log in to: name one of another realm with --user`);
    return ExitCode.usage;
  }
  return withSinks(io, async (sinks) => {
    const setup = await connectAsAdministrator(settings, log, [wanted.declaration], options, sinks);
    const ports = { setup, wanted };
    try {
      const signal = AbortSignal.timeout(PATIENCE_MS);
      if (!options.yes || settings.dryRun) return await showIt({ ...ports, record: unrecorded }, options, io, signal);
      return await withBootstrapAudit({ settings, verb: 'token self', log }, (record) =>
        doIt({ ...ports, record }, options, io, signal),
      );
    } finally {
      await setup.client.close();
    }
  });
}

async function showIt(ports: OwnPorts, options: SelfOptions, io: Io, signal: AbortSignal): Promise<ExitCode> {
  const plan = await lookAtOwn(ports, signal);
  tellPlan(plan, options, io);
  if (!options.json && plan.steps.length > 0) {
    io.out(options.yes ? 'nothing was changed: DRY_RUN is on' : 'nothing was changed; --yes does it');
  }
  return plan.conflicts.length > 0 ? ExitCode.failed : ExitCode.done;
}

async function doIt(ports: OwnPorts, options: SelfOptions, io: Io, signal: AbortSignal): Promise<ExitCode> {
  const plan = await lookAtOwn(ports, signal);
  if (plan.conflicts.length > 0) {
    tellPlan(plan, options, io);
    return ExitCode.failed;
  }
  const outcome = await bringOwnAbout(ports, plan, signal);
  tellOutcome(plan, outcome, ports, options, io);
  return isWell(outcome) ? ExitCode.done : ExitCode.failed;
}

function isWell({ steps, wrongRights, proofs }: OwnOutcome): boolean {
  const isDone = steps.every(({ result }) => result === 'done') && wrongRights.length === 0;
  return isDone && proofs.length > 0 && proofs.every(({ fault }) => fault === undefined);
}

function tellPlan({ steps, conflicts, remarks }: OwnPlan, { json }: SelfOptions, io: Io): void {
  const shown = steps.map((step) => ({ step: describeGround(step) }));
  if (json) {
    io.out(JSON.stringify({ changed: false, steps: shown, conflicts, remarks }));
    return;
  }
  for (const { step } of shown) io.out(`would: ${step}`);
  if (shown.length === 0 && conflicts.length === 0) io.out('nothing to do: Proxmox is as it should be');
  for (const conflict of conflicts) io.err(`conflict: ${conflict.why}; ${conflict.remedy}`);
  for (const remark of remarks) io.err(`note: ${remark}`);
}

function tellOutcome(
  { remarks }: OwnPlan,
  { steps, wrongRights, proofs }: OwnOutcome,
  { wanted }: OwnPorts,
  { json }: SelfOptions,
  io: Io,
): void {
  const shown = steps.map(({ step, ...outcome }) => ({ step: describeGround(step), ...outcome }));
  const changed = steps.some(({ result }) => result === 'done');
  if (json) {
    io.out(JSON.stringify({ changed, steps: shown, conflicts: [], remarks, wrongRights, proofs }));
    return;
  }
  for (const one of shown) io.out(`${one.result}: ${one.step}${'error' in one ? `: ${one.error}` : ''}`);
  if (shown.length === 0) io.out('nothing to do: Proxmox is as it should be');
  for (const { what, fault } of proofs) {
    if (fault === undefined) io.out(`proved: ${what}`);
    else io.err(`error: not proved that it ${what}: ${fault}`);
  }
  for (const wrong of wrongRights) io.err(`error: ${wrong}`);
  for (const remark of remarks) io.err(`note: ${remark}`);
  if (steps.some(({ step, result }) => step.do === 'token.create' && result === 'done')) {
    io.out(`the token is in ${wanted.declaration.sink.place}: restart the reconciler, or look with "entramox doctor"`);
  }
}

function describeGround(step: GroundStep): string {
  return isGroupStep(step) ? describeGroupStep(step) : describeStep(step);
}

function isGroupStep(step: GroundStep): step is GroupStep {
  return step.do.startsWith('group.');
}

function describeGroupStep(step: GroupStep): string {
  switch (step.do) {
    case 'group.create':
      return `create the group ${step.group}`;
    case 'group.mark':
      return `mark the group ${step.group} as ours`;
    case 'group.delete':
      return `delete the group ${step.group}, whose members lose what it gives`;
    default:
      return step satisfies never;
  }
}
