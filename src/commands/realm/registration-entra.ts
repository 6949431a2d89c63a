import type { Settings } from '../../config/settings.js';
import { Rejected } from '../../domain/errors.js';
import type { WantedRegistration } from '../../entra/app-registration.js';
import { applyRegistration } from '../../entra/app-registration-apply.js';
import { type ObservedRegistration, observeRegistration } from '../../entra/app-registration-observe.js';
import { planRegistration, type RegistrationPlan } from '../../entra/app-registration-plan.js';
import {
  azCommand,
  describeRegistrationStep,
  type RegistrationIds,
  type RegistrationStep,
} from '../../entra/app-registration-steps.js';
import { GraphError } from '../../entra/graph-errors.js';
import { graphRoot } from '../../entra/graph-root.js';
import { audited } from '../../telemetry/bootstrap-audit.js';
import { systemClock } from '../../telemetry/system-clock.js';
import { ExitCode } from '../exit-code.js';
import type { Io } from '../io.js';
import { withBootstrapAudit } from '../parts/bootstrap-audit.js';
import type { Graph } from '../parts/graph.js';
import type { Equipment } from '../settings-of.js';
import { openGraph } from './registration-graph.js';
import { type RegistrationOptions, SECRET_FILE } from './registration-options.js';
import { type RegistrationReport, reportJson, tellRegistration } from './registration-tell.js';
import { wantedRegistration } from './registration-wanted.js';
import { whyNotInUse } from './secret-in-use.js';
import { createSecretStore, type SecretStore } from './secret-store.js';

const PATIENCE_MS = 10 * 60_000;
/** Entra's portal proposes half a year, and Microsoft advises against more than one. */
const SECRET_LIFETIME_MS = 365 * 24 * 3_600_000;
/** Entra shows the first characters of each secret. */
const HINT_LENGTH = 3;

interface Work {
  wanted: WantedRegistration;
  settings: Settings;
  log: Equipment['log'];
  options: RegistrationOptions;
  graph: Graph;
  store: SecretStore;
  secretFile: string;
}

/** The application of the realm in Entra ID: shown, or made what it shall be. Exit 2 for mistakes. */
export async function registerInEntra(
  verb: 'plan' | 'apply',
  options: RegistrationOptions,
  { settings, log }: Pick<Equipment, 'settings' | 'log'>,
  io: Io,
): Promise<ExitCode> {
  const read = wantedRegistration(settings, options);
  if (!read.ok) {
    io.err('the registration cannot be used:');
    for (const problem of read.problems) io.err(`  ${problem}`);
    return ExitCode.usage;
  }
  if (options.newSecret && options.removeOldSecrets) {
    io.err('--remove-old-secrets is for when Proxmox has the new one: first --new-secret, then "entramox realm apply"');
    return ExitCode.usage;
  }
  const graph = openGraph(settings, log, options.graphTokenFile);
  const secretFile = options.secretFile ?? SECRET_FILE;
  const work: Work = {
    wanted: read.wanted,
    settings,
    log,
    options,
    graph,
    secretFile,
    store: createSecretStore(secretFile),
  };
  try {
    if (verb === 'apply' && settings.dryRun) io.err('DRY_RUN is on: nothing is written');
    if (verb === 'plan' || settings.dryRun) return await show(work, io);
    return await withBootstrapAudit({ settings, verb: 'realm registration apply', log }, (record) =>
      bringAbout(work, io, (step, run) =>
        audited(
          record,
          { action: step.do, target: 'entra', name: work.wanted.displayName, after: describeRegistrationStep(step) },
          run,
        ),
      ),
    );
  } finally {
    await graph.close();
  }
}

async function show(work: Work, io: Io): Promise<ExitCode> {
  const { plan, ids, hidden } = await look(work, AbortSignal.timeout(PATIENCE_MS));
  const results = plan.steps.map((step) => ({ step, result: 'planned' as const }));
  tell(work, { results, plan, ids, hidden }, io);
  if (plan.conflicts.length > 0) return ExitCode.failed;
  return hidden === undefined ? ExitCode.done : ExitCode.degraded;
}

async function bringAbout(
  work: Work,
  io: Io,
  around: <T>(step: RegistrationStep, run: () => Promise<T>) => Promise<T>,
): Promise<ExitCode> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const { plan, ids: known, hidden } = await look(work, signal);
  if (hidden !== undefined) {
    tell(work, { results: plan.steps.map((step) => ({ step, result: 'planned' })), plan, ids: known, hidden }, io);
    return ExitCode.failed;
  }
  const ports = { graph: work.graph.client, clock: systemClock, sink: work.store, around };
  const { results, ids } = await applyRegistration(plan.steps, known, ports, signal);
  if (isDone(results, 'secret.remove')) await work.store.forget();
  tell(work, { results, plan, ids, hidden: undefined }, io);
  return plan.conflicts.length === 0 && results.every(({ result }) => result === 'done')
    ? ExitCode.done
    : ExitCode.failed;
}

/** All of this kind, and there is one. */
function isDone(results: readonly { step: RegistrationStep; result: string }[], kind: RegistrationStep['do']): boolean {
  const own = results.filter(({ step }) => step.do === kind);
  return own.length > 0 && own.every(({ result }) => result === 'done');
}

interface LookedAt {
  plan: RegistrationPlan;
  ids: RegistrationIds;
  /** Why nothing could be seen; the plan is then for a tenant that has no such application. */
  hidden: string | undefined;
}

async function look({ wanted, settings, log, options, graph, store }: Work, signal: AbortSignal): Promise<LookedAt> {
  let observed: ObservedRegistration;
  let hidden: string | undefined;
  try {
    observed = await observeRegistration(graph.client, wanted, signal);
  } catch (error) {
    if (!(error instanceof GraphError) || error.status !== 403) throw error;
    hidden = `this credential may not see applications, so whether there is one already is not known: ${error.graphMessage}`;
    observed = { app: undefined, marked: [], namesakes: [], principal: undefined, assignments: [] };
  }
  const keeps = options.removeOldSecrets ? await store.read() : undefined;
  const looksAtProxmox = keeps !== undefined && !options.proxmoxHasIt;
  // Who only looks need not be who may read it.
  const held = await store.readAll().catch((error: unknown) => {
    if (error instanceof Rejected) return undefined;
    throw error;
  });
  const plan = planRegistration({
    // Of an application that nobody may see, none can be said to be missing.
    wanted: hidden === undefined ? wanted : { ...wanted, clientId: undefined },
    observed,
    adopt: options.adopt === true,
    prune: options.prune === true,
    newSecretForMs: options.newSecret ? SECRET_LIFETIME_MS : undefined,
    keepSecretHint: options.removeOldSecrets ? (keeps?.slice(0, HINT_LENGTH) ?? '') : undefined,
    heldHints: held?.map((text) => text.slice(0, HINT_LENGTH)),
    keptIsIdle: looksAtProxmox ? await whyNotInUse(keeps, { settings, log, options }, signal) : undefined,
    ownClientId: settings.entra.clientId,
    now: systemClock.now(),
  });
  const { app, principal } = observed;
  return { plan, hidden, ids: { app: app?.id, clientId: app?.appId, principal: principal?.id } };
}

function tell(
  { wanted, settings, options, secretFile }: Work,
  { results, plan, ids, hidden }: LookedAt & { results: RegistrationReport['results'] },
  io: Io,
): void {
  const { base, version } = graphRoot(settings.entra.graphBaseUrl);
  const open = results.filter(({ result }) => result !== 'done').map(({ step }) => step);
  const report: RegistrationReport = {
    results,
    plan,
    clientId: ids.clientId,
    redirectUris: wanted.redirectUris,
    hidden,
    commands: open.map((step) => azCommand(step, ids, `${base}/${version}`)),
    secretFile: isDone(results, 'secret.add') ? secretFile : undefined,
  };
  if (options.json) io.out(JSON.stringify(reportJson(report)));
  else tellRegistration(report, io);
}
