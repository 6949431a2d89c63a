import { lookAtRealm } from '../../targets/proxmox/realm/setup.js';
import { ExitCode } from '../exit-code.js';
import type { Io } from '../io.js';
import { describeStep } from './describe.js';
import type { RealmWriteOptions } from './options.js';
import { reportOf, tellReport } from './tell.js';
import { type RealmWork, withRealm } from './with-realm.js';

const PATIENCE_MS = 5 * 60_000;

/** Shows what `realm apply` would do. Writes nothing anywhere. Exit 1 where something is refused. */
export async function realmPlan(options: RealmWriteOptions, io: Io): Promise<ExitCode> {
  return withRealm(options, io, (work) => showPlan(work, options, io));
}

/** The same over a connection that is there. */
export async function showPlan(
  { settings, ports, remarks }: RealmWork,
  options: RealmWriteOptions,
  io: Io,
): Promise<ExitCode> {
  const looked = await lookAtRealm(ports, AbortSignal.timeout(PATIENCE_MS));
  const { step } = looked.plan;
  const report = reportOf(ports, looked, options.pbs ?? settings.proxmox.apiUrl, remarks);
  if (options.json) {
    io.out(JSON.stringify({ changed: false, steps: step ? [{ step: describeStep(step) }] : [], ...report }));
  } else {
    if (step) io.out(`would: ${describeStep(step)}`);
    else if (report.conflicts.length === 0) io.out(`nothing to do: the realm ${report.realm} is as declared`);
    tellReport(report, io);
  }
  return report.conflicts.length > 0 ? ExitCode.failed : ExitCode.done;
}
