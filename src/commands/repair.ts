import { join } from 'node:path';
import { holdLedger } from '../ledger/ledger.js';
import { type Recovered, recoverLedger, setAside } from '../ledger/recover.js';
import { createOperatorClient, DaemonUnreachable } from '../operator/client.js';
import type { RepairAnswer } from '../operator/reconciler-routes.js';
import { createIdentityLocks } from '../reconcile/identity-locks.js';
import { type RepairContext, repairLedger } from '../reconcile/repair.js';
import { noAudit } from '../telemetry/audit.js';
import { ExitCode } from './exit-code.js';
import type { Io } from './io.js';
import { claimedUser } from './parts/claimed-user.js';
import { openAuditOf } from './parts/context.js';
import { takeKernelLock } from './parts/kernel-lock.js';
import { theRealOutside } from './parts/outside.js';
import { policyOf } from './parts/policy.js';
import { refusal } from './parts/refusal.js';
import { connectTargets } from './parts/targets.js';
import { type CommonOptions, equip } from './settings-of.js';

export interface RepairCommandOptions extends CommonOptions {
  yes?: boolean | undefined;
}

/**
 * Rebuilds the ledger from the records of the targets, by the daemon, or, where a broken ledger keeps that from running,
 * here. Shows what it would rebuild; does it with --yes.
 */
export async function repairCommand(options: RepairCommandOptions, io: Io): Promise<ExitCode> {
  const { settings } = equip('status', options, io);
  try {
    const client = createOperatorClient(settings.paths.operatorSocket);
    const answer = await client.call('POST', '/repair', { apply: options.yes === true, claimedUser: claimedUser() });
    if (answer.status !== 200) return refusal(answer, io);
    return show(answer.body as RepairAnswer, options, io);
  } catch (error) {
    if (!(error instanceof DaemonUnreachable)) throw error;
    return repairHere(options, io);
  }
}

async function repairHere(options: RepairCommandOptions, io: Io): Promise<ExitCode> {
  const { settings, log, metrics } = equip('repair', options, io);
  const { clock } = theRealOutside;
  const path = join(settings.paths.stateDir, 'ledger.json');
  const lock = await takeKernelLock(join(settings.paths.runDir, 'reconciler.lock'), 'reconciler');
  try {
    const recovered = await recoverLedger(path);
    const apply = options.yes === true && !settings.dryRun;
    const targets = connectTargets(settings, log, metrics);
    const audit = apply ? openAuditOf(settings, log, clock) : noAudit;
    const ctx: RepairContext = {
      policy: policyOf(settings),
      targets: settings.entra.enforce ? targets : { linux: targets.linux },
      ledger: holdLedger(path, recovered.document),
      locks: createIdentityLocks(),
      clock,
      audit,
      log,
      dryRun: settings.dryRun,
    };
    try {
      if (apply && recovered.from !== 'ledger') await replaceBroken(ctx, path, recovered, io);
      const repair = await repairLedger(ctx, { apply, claimedUser: claimedUser() }, new AbortController().signal);
      return show({ ...repair, applied: apply, basis: basisOf(recovered) }, options, io);
    } finally {
      await targets.close();
      audit.close();
    }
  } finally {
    lock.release();
  }
}

/** The last good copy takes the place of what cannot be used, which is kept; the other sides' marks come on top of it. */
async function replaceBroken(ctx: RepairContext, path: string, { from, faults }: Recovered, io: Io): Promise<void> {
  // Nothing is put in the place of a ledger before the targets were seen to answer.
  await repairLedger(ctx, { apply: false }, new AbortController().signal);
  const before = faults.join('; ');
  const after = from === 'previous' ? 'the last good copy' : 'an empty ledger';
  ctx.audit.append({
    kind: 'decision',
    by: 'operator',
    action: 'repair',
    claimedUser: claimedUser(),
    name: path,
    before,
    after,
    outcome: 'done',
  });
  ctx.audit.flush();
  const place = await setAside(path, ctx.clock.now());
  if (place && !io.terminal) io.err(`what could not be used is kept as ${place}`);
  else if (place) io.out(`what could not be used is kept as ${place}`);
  ctx.ledger.changed();
  await ctx.ledger.save();
}

function basisOf({ from, faults }: Recovered): string[] {
  if (from === 'ledger') return [];
  const basis = from === 'previous' ? 'the last good copy is taken' : 'it is made anew';
  return [...faults, basis];
}

function show(answer: RepairAnswer, options: RepairCommandOptions, io: Io): ExitCode {
  const { changes, agentSide, command, applied, basis = [] } = answer;
  const remains = agentSide.length > 0;
  if (options.json) {
    io.out(JSON.stringify(answer));
    return applied && remains ? ExitCode.degraded : ExitCode.done;
  }
  for (const line of basis) io.out(line);
  for (const { text } of changes) io.out(`${applied ? 'done' : 'would'}: ${text}`);
  if (changes.length === 0 && basis.length === 0) io.out('the ledger knows everything that the targets show as ours');
  for (const line of agentSide) io.out(`! ${line}`);
  if (command) io.out(`as root on this host, for the account agent's record: ${command}`);
  if (!applied && changes.length + basis.length > 0) {
    io.out(options.yes ? 'nothing was changed: DRY_RUN is on' : 'nothing was changed; run it again with --yes');
  }
  return applied && remains ? ExitCode.degraded : ExitCode.done;
}
