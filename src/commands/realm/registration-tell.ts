import type { RegistrationResult } from '../../entra/app-registration-apply.js';
import type { RegistrationPlan } from '../../entra/app-registration-plan.js';
import { describeRegistrationStep, type RegistrationStep } from '../../entra/app-registration-steps.js';
import type { Io } from '../io.js';

export interface RegistrationReport {
  results: readonly (RegistrationResult | { step: RegistrationStep; result: 'planned' })[];
  plan: Pick<RegistrationPlan, 'conflicts' | 'remarks'>;
  /** undefined: there is none yet. */
  clientId: string | undefined;
  redirectUris: readonly string[];
  hidden: string | undefined;
  /** What was not done, for somebody who may. */
  commands: readonly string[];
  /** Where a new secret lies by now. */
  secretFile: string | undefined;
}

export function reportJson({ results, plan, hidden, ...rest }: RegistrationReport) {
  const steps = results.map(({ step, ...outcome }) => ({ step: describeRegistrationStep(step), ...outcome }));
  const changed = results.some(({ result }) => result === 'done');
  return {
    changed,
    steps,
    conflicts: plan.conflicts,
    remarks: [...(hidden ? [hidden] : []), ...plan.remarks],
    ...rest,
  };
}

export function tellRegistration(report: RegistrationReport, io: Io): void {
  const { results, plan, hidden, commands, clientId, secretFile } = report;
  for (const one of results) {
    const label = one.result === 'planned' ? 'would' : one.result;
    io.out(`${label}: ${describeRegistrationStep(one.step)}${'error' in one ? `: ${one.error}` : ''}`);
  }
  if (results.length === 0 && plan.conflicts.length === 0) io.out('nothing to do: the application is as declared');
  if (clientId !== undefined) io.out(`REALM_CLIENT_ID=${clientId}`);
  if (secretFile !== undefined) io.out(`REALM_CLIENT_SECRET_FILE=${secretFile}`);
  if (commands.length > 0 && (hidden !== undefined || results.some(({ result }) => result !== 'planned'))) {
    io.out('for somebody who may, with the Azure CLI (words in capitals stand for what a command before gave):');
    for (const command of commands) io.out(`  ${command}`);
  }
  for (const { why, remedy } of plan.conflicts) io.err(`conflict: ${why}; ${remedy}`);
  if (hidden !== undefined) io.err(`note: ${hidden}`);
  for (const remark of plan.remarks) io.err(`note: ${remark}`);
  if (secretFile !== undefined)
    io.err('note: Proxmox still has the old secret: entramox realm apply, entramox realm check');
}
