import type { SweepRecord } from '../ledger/document.js';
import { createOperatorClient, DaemonUnreachable } from '../operator/client.js';
import { type PlannedIdentity, planned } from '../operator/reconciler-routes.js';
import { resync } from '../reconcile/resync.js';
import { sweep } from '../reconcile/sweep.js';
import { ExitCode, exitCodeOfOutcome, exitCodeOfSweep } from './exit-code.js';
import type { Io } from './io.js';
import { openContext } from './parts/context.js';
import { refusal } from './parts/refusal.js';
import { type PlanView, renderPlan } from './render/plan.js';
import { type CommonOptions, equip } from './settings-of.js';

interface PlanAnswer extends PlanView {
  record?: SweepRecord | undefined;
}

/** What would be done, for one person or for everybody; nothing is written. Works without a running daemon too. */
export async function planCommand(who: string | undefined, options: CommonOptions, io: Io): Promise<ExitCode> {
  const { settings } = equip('status', options, 'stderr');
  try {
    const answer = await createOperatorClient(settings.paths.operatorSocket).call('POST', '/plan', who ? { who } : {});
    if (answer.status !== 200) return refusal(answer, io);
    return show(answer.body as PlanAnswer, options, io);
  } catch (error) {
    if (!(error instanceof DaemonUnreachable)) throw error;
    return show(await planHere(who, options), options, io);
  }
}

async function planHere(who: string | undefined, options: CommonOptions): Promise<PlanAnswer> {
  const { settings, log, metrics } = equip('plan', options, 'stderr');
  const { ctx, close } = await openContext({ ...settings, dryRun: true }, log, metrics);
  const signal = new AbortController().signal;
  try {
    const held = ctx.ledger.data.guard.held;
    if (who === undefined) {
      const { record, outcomes } = await sweep(ctx, { apply: false }, signal);
      return { record, identities: planned(outcomes), held };
    }
    const problems: string[] = [];
    const outcome = await resync(ctx, who, false, (item) => void (item.ok || problems.push(item.finding)), signal);
    if (!outcome) throw new Error(problems.join('; '));
    return { identities: planned([outcome]), held };
  } finally {
    await close();
  }
}

function show(answer: PlanAnswer, options: CommonOptions, io: Io): ExitCode {
  if (options.json) io.out(JSON.stringify(answer));
  else for (const line of renderPlan(answer, io)) io.out(line);
  if (answer.held || answer.identities.some((item) => item.result === 'held')) return ExitCode.held;
  if (answer.record) return exitCodeOfSweep(answer.record);
  return exitCodeOfOutcome(worst(answer.identities));
}

function worst(identities: readonly PlannedIdentity[]): PlannedIdentity['result'] {
  return identities.find((item) => exitCodeOfOutcome(item.result) !== ExitCode.done)?.result ?? 'unchanged';
}
