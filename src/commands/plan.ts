import { Rejected } from '../domain/errors.js';
import { createOperatorClient, DaemonUnreachable } from '../operator/client.js';
import { type PlanAnswer, type PlannedIdentity, planAll, planOne } from '../operator/plan.js';
import { ExitCode, exitCodeOfOutcome, exitCodeOfSweep } from './exit-code.js';
import type { Io } from './io.js';
import { openContext } from './parts/context.js';
import { refusal } from './parts/refusal.js';
import { renderPlan } from './render/plan.js';
import { type CommonOptions, equip } from './settings-of.js';

/** What would be done, for one person or for everybody; nothing is written. Works without a running daemon too. */
export async function planCommand(who: string | undefined, options: CommonOptions, io: Io): Promise<ExitCode> {
  const { settings } = equip('status', options, io);
  try {
    const answer = await createOperatorClient(settings.paths.operatorSocket).call('POST', '/plan', who ? { who } : {});
    if (answer.status !== 200) return refusal(answer, io);
    return show(answer.body as PlanAnswer, options, io);
  } catch (error) {
    if (!(error instanceof DaemonUnreachable)) throw error;
    return planHere(who, options, io);
  }
}

async function planHere(who: string | undefined, options: CommonOptions, io: Io): Promise<ExitCode> {
  const { settings, log, metrics } = equip('plan', options, io);
  const { ctx, close } = await openContext({ ...settings, dryRun: true }, log, metrics);
  const { signal } = new AbortController();
  try {
    return show(await (who === undefined ? planAll(ctx, signal) : planOne(ctx, who, signal)), options, io);
  } catch (error) {
    if (!(error instanceof Rejected)) throw error;
    io.err(error.message);
    return ExitCode.usage;
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
