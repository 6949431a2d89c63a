import { bringRealmAbout, lookAtRealm } from '../../targets/proxmox/realm/setup.js';
import { ExitCode } from '../exit-code.js';
import type { Io } from '../io.js';
import { withBootstrapAudit } from '../parts/bootstrap-audit.js';
import { describeStep } from './describe.js';
import type { RealmWriteOptions } from './options.js';
import { showPlan } from './plan.js';
import { reportOf, tellReport } from './tell.js';
import { withRealm } from './with-realm.js';

const PATIENCE_MS = 5 * 60_000;

/** Makes the realm what is declared and reads it back. Exit 1 where something failed or is refused. */
export async function realmApply(options: RealmWriteOptions, io: Io): Promise<ExitCode> {
  return withRealm(options, io, async (work) => {
    const { settings, log, ports, remarks } = work;
    if (settings.dryRun) {
      io.err('DRY_RUN is on: nothing is written');
      return showPlan(work, options, io);
    }
    // One at a time, from the look on: two would each write what the other had not seen.
    return withBootstrapAudit({ settings, verb: 'realm apply', log, pbs: options.pbs }, async (record) => {
      const signal = AbortSignal.timeout(PATIENCE_MS);
      const looked = await lookAtRealm(ports, signal);
      const outcome = await bringRealmAbout(ports, looked, record, signal);
      const report = reportOf(ports, looked, options.pbs ?? settings.proxmox.apiUrl, remarks);
      if (options.json) {
        const steps = outcome ? [{ ...outcome, step: describeStep(outcome.step) }] : [];
        io.out(JSON.stringify({ changed: outcome?.result === 'done', steps, ...report }));
      } else {
        if (outcome) {
          const error = outcome.result === 'failed' ? `: ${outcome.error}` : '';
          io.out(`${outcome.result}: ${describeStep(outcome.step)}${error}`);
        } else if (report.conflicts.length === 0) {
          io.out(`nothing to do: the realm ${report.realm} is as declared`);
        }
        tellReport(report, io);
      }
      return outcome?.result === 'failed' || report.conflicts.length > 0 ? ExitCode.failed : ExitCode.done;
    });
  });
}
