import type { Settings } from '../../config/settings.js';
import { messageOf } from '../../domain/errors.js';
import { type KanidmWish, kanidmScript, planKanidm } from '../../targets/proxmox/realm/kanidm-script.js';
import { audited } from '../../telemetry/bootstrap-audit.js';
import { ExitCode } from '../exit-code.js';
import type { Io } from '../io.js';
import { withBootstrapAudit } from '../parts/bootstrap-audit.js';
import type { Equipment } from '../settings-of.js';
import { type RegistrationOptions, SECRET_FILE } from './registration-options.js';
import { runKanidm } from './run-kanidm.js';
import { createSecretStore } from './secret-store.js';

/** The groups of the walk-through that most installations follow. */
const ROLES = [
  { value: 'admin', group: 'proxmox_admins' },
  { value: 'user', group: 'proxmox_users' },
];

/** The client of Kanidm: a script to read and run, or done here with --run-kanidm. Exit 2 for mistakes. */
export async function registerInKanidm(
  verb: 'plan' | 'apply',
  options: RegistrationOptions,
  { settings, log }: Pick<Equipment, 'settings' | 'log'>,
  io: Io,
  program = 'kanidm',
): Promise<ExitCode> {
  const plan = planKanidm(wishOf(settings, options));
  if (!plan.ok) {
    io.err('the registration cannot be used:');
    for (const problem of plan.problems) io.err(`  ${problem}`);
    return ExitCode.usage;
  }
  const { commands } = plan;
  const secretFile = options.secretFile ?? SECRET_FILE;
  if (verb === 'plan' || !options.runKanidm || settings.dryRun) {
    if (verb === 'apply')
      io.err(settings.dryRun ? 'DRY_RUN is on: nothing is written' : 'nothing was run; --run-kanidm does it');
    const script = kanidmScript(commands, secretFile);
    if (options.json)
      io.out(JSON.stringify({ changed: false, commands: commands.map(({ args }) => ['kanidm', ...args]), script }));
    else io.out(script);
    return ExitCode.done;
  }
  const store = createSecretStore(secretFile);
  const steps: { step: string; result: 'done' | 'there' | 'failed'; error?: string }[] = [];
  return withBootstrapAudit({ settings, verb: 'realm registration apply', log }, async (record) => {
    try {
      // The secret comes last, and somebody waits for it by then.
      await store.probe();
      await runKanidm(commands, {
        program,
        storeSecret: (secret) => store.store(secret),
        around: (what, work) => audited(record, { action: 'kanidm.run', target: 'kanidm', name: what }, work),
        tell: (step, result) => void steps.push({ step, result }),
      });
    } catch (error) {
      steps.push({ step: 'the rest', result: 'failed', error: messageOf(error) });
    }
    const failed = steps.some(({ result }) => result === 'failed');
    const changed = steps.some(({ result }) => result === 'done');
    if (options.json) io.out(JSON.stringify({ changed, steps, secretFile: failed ? undefined : secretFile }));
    else {
      for (const { step, result, error } of steps) io.out(`${result}: ${step}${error ? `: ${error}` : ''}`);
      if (!failed) io.out(`REALM_CLIENT_SECRET_FILE=${secretFile}`);
    }
    return failed ? ExitCode.failed : ExitCode.done;
  });
}

function wishOf({ realm }: Settings, options: RegistrationOptions): KanidmWish {
  const { issuerUrl, clientId, origins = [], scopes = ['email', 'profile'], groupsClaim } = realm;
  return {
    url: issuerUrl === undefined || !URL.canParse(issuerUrl) ? undefined : new URL(issuerUrl).origin,
    client: clientId,
    displayName: options.displayName ?? 'Proxmox VE',
    origins,
    scopes,
    claim: groupsClaim,
    roles: options.role ?? ROLES,
    members: (options.member ?? []).map(({ value, group }) => ({ person: value, group })),
    shortNames: options.spn !== true,
    legacyCrypto: options.rs256 === true,
    administrator: options.kanidmAdministrator ?? 'idm_admin',
  };
}
