import type { StepResult } from '../../targets/proxmox/tokens/apply.js';
import { bringTokensAbout, type Looked, lookAtTokens } from '../../targets/proxmox/tokens/setup.js';
import { ExitCode } from '../exit-code.js';
import type { Io } from '../io.js';
import { withBootstrapAudit } from '../parts/bootstrap-audit.js';
import { equip } from '../settings-of.js';
import { describeStep } from './describe.js';
import { knowingOthers } from './elsewhere.js';
import { keepEnds } from './keep-ends.js';
import type { TokenOptions } from './options.js';
import { withTokens } from './with-tokens.js';

const PATIENCE_MS = 15 * 60_000;

/** Shows what `token apply` would do. Writes nothing anywhere. Exit 1 where a declaration is in conflict. */
export async function tokenPlan(file: string, options: TokenOptions, io: Io): Promise<ExitCode> {
  const { settings } = equip('status', options, io);
  return withTokens(file, options, io, async (ports) => {
    const { plan } = await lookAtTokens(knowingOthers(ports, settings, file), AbortSignal.timeout(PATIENCE_MS));
    const steps = plan.steps.map((step) => ({ step: describeStep(step) }));
    if (options.json) io.out(JSON.stringify({ changed: false, steps, ...rest(plan) }));
    else {
      for (const { step } of steps) io.out(`would: ${step}`);
      if (steps.length === 0 && plan.conflicts.length === 0) io.out('nothing to do: everything is as declared');
      tellRest(plan, io);
    }
    return plan.conflicts.length > 0 ? ExitCode.failed : ExitCode.done;
  });
}

/** Makes the declarations true and proves it. Exit 1 where something failed, is in conflict, or has wrong rights. */
export async function tokenApply(file: string, options: TokenOptions, io: Io): Promise<ExitCode> {
  const { settings, log } = equip('status', options, io);
  if (settings.dryRun) {
    io.err('DRY_RUN is on: nothing is written');
    return tokenPlan(file, options, io);
  }
  return withTokens(file, options, io, async (ports) => {
    // Two at once would each take the other's half-made token for one whose secret was lost.
    return withBootstrapAudit({ settings, verb: 'token apply', log, pbs: options.pbs }, async (record) => {
      const signal = AbortSignal.timeout(PATIENCE_MS);
      const looked = await lookAtTokens(knowingOthers(ports, settings, file), signal);
      const { steps, wrongRights } = await bringTokensAbout(ports, looked, signal, record);
      const shown = steps.map(({ step, ...outcome }) => ({ step: describeStep(step), ...outcome }));
      const changed = steps.some(({ result }) => result === 'done');
      await keepEnds({ settings, file, ports, log, io }, signal);
      if (options.json) io.out(JSON.stringify({ changed, steps: shown, ...rest(looked.plan), wrongRights }));
      else {
        for (const one of shown) io.out(`${one.result}: ${one.step}${'error' in one ? `: ${one.error}` : ''}`);
        if (shown.length === 0 && looked.plan.conflicts.length === 0)
          io.out('nothing to do: everything is as declared');
        tellRest(looked.plan, io);
        for (const wrong of wrongRights) io.err(`error: ${wrong}`);
      }
      return isWell(steps, looked, wrongRights) ? ExitCode.done : ExitCode.failed;
    });
  });
}

function isWell(steps: readonly StepResult[], { plan }: Looked, wrongRights: readonly string[]): boolean {
  return steps.every(({ result }) => result === 'done') && plan.conflicts.length === 0 && wrongRights.length === 0;
}

function rest({ conflicts, remarks }: Looked['plan']) {
  return { conflicts, remarks };
}

function tellRest({ conflicts, remarks }: Looked['plan'], io: Io): void {
  for (const { token, why, remedy } of conflicts) io.err(`conflict: ${token}: ${why}; ${remedy}`);
  for (const remark of remarks) io.err(`note: ${remark}`);
}
