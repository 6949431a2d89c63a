import { ConfigError } from '../../config/problem.js';
import { readApplication } from '../../entra/app-registration-observe.js';
import { withDeadline } from '../../entra/deadline.js';
import { GraphError } from '../../entra/graph-errors.js';
import { checkRealm } from '../../targets/proxmox/realm/check/check.js';
import type { RealmCheckName, RealmFinding } from '../../targets/proxmox/realm/check/finding.js';
import { readPveProxy } from '../../targets/proxmox/realm/check/pve-proxy.js';
import type { Registration } from '../../targets/proxmox/realm/check/redirect-uris.js';
import type { RealmDeclaration } from '../../targets/proxmox/realm/declaration.js';
import type { Log } from '../../telemetry/log.js';
import { systemClock } from '../../telemetry/system-clock.js';
import type { Check } from '../doctor/check.js';
import { renderBy, shownBy } from '../doctor/render.js';
import { exitCodeOfChecks } from '../doctor/verdict.js';
import type { ExitCode } from '../exit-code.js';
import { colours, type Io } from '../io.js';
import type { Graph } from '../parts/graph.js';
import { equip } from '../settings-of.js';
import { REALM_CATALOGUE } from './catalogue.js';
import type { RealmWriteOptions } from './options.js';
import { openGraph } from './registration-graph.js';
import { openWays } from './ways.js';
import { withRealm } from './with-realm.js';

const PATIENCE_MS = 3 * 60_000;
/** Graph is asked again and again while it is unwell; what else was found shall not be lost over it. */
const DIRECTORY_PATIENCE_MS = 45_000;

export interface RealmCheckCommandOptions extends RealmWriteOptions {
  /** A ready access token for Graph; without it the credential of the configuration, if there is one. */
  graphTokenFile?: string | undefined;
}

/**
 * Proves as far as it can be proved without a person that people can log in with the declared realm. Changes nothing.
 * Exit 0 all is fine, 1 something is wrong, 4 something gave no answer or could not be looked at.
 */
export async function realmCheck(
  options: RealmCheckCommandOptions,
  io: Io,
  directoryPatienceMs = DIRECTORY_PATIENCE_MS,
): Promise<ExitCode> {
  return withRealm(options, io, async ({ settings, log, ports }) => {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const { client, declared, upkeep, allowGroupsOverwrite } = ports;
    const ways = openWays(settings, await readPveProxy(client, signal), declared.issuerUrl);
    try {
      const findings = await checkRealm(
        {
          client,
          declared,
          upkeep,
          allowGroupsOverwrite,
          apiUrl: settings.proxmox.apiUrl,
          toProvider: ways.toProvider,
          toNodes: ways.toNodes,
          proxy: ways.proxy,
          readRegistration: (inner) =>
            inTime((limited) => readRegistration(declared, { options, log, io }, limited), directoryPatienceMs, inner),
          keyEndsAt: settings.realm.clientSecretExpiresAt,
          now: systemClock.now(),
        },
        signal,
      );
      const checks = findings.map(checkOf);
      if (options.json) io.out(JSON.stringify({ checks: checks.map((check) => shownBy(REALM_CATALOGUE, check)) }));
      else for (const line of renderBy(REALM_CATALOGUE, checks, colours(io))) io.out(line);
      return exitCodeOfChecks(checks);
    } finally {
      await ways.close();
    }
  });
}

function checkOf({ name, state, saw, mend }: RealmFinding): Check<RealmCheckName> {
  // The same words as in the doctor for the same states.
  const told = { unreachable: `cannot be reached: ${saw}`, skipped: `not looked at: ${saw}` };
  return { name, state, mend, saw: state === 'unreachable' || state === 'skipped' ? told[state] : saw };
}

async function inTime<T>(look: (limited: AbortSignal) => Promise<T>, ms: number, signal: AbortSignal): Promise<T> {
  const deadline = withDeadline(signal, ms);
  try {
    return await look(deadline.signal);
  } finally {
    deadline.release();
  }
}

interface RegistrationPorts {
  options: RealmCheckCommandOptions;
  log: Log;
  io: Io;
}

/** What the directory of the provider shows; rejects where it gives no answer. */
async function readRegistration(
  { idp, clientId }: RealmDeclaration,
  { options, log, io }: RegistrationPorts,
  signal: AbortSignal,
): Promise<Registration> {
  if (idp === 'kanidm')
    return { hidden: `Kanidm shows it to its administrators: kanidm system oauth2 get ${clientId}` };
  if (idp !== 'entra') return { hidden: 'the provider has no directory that could be asked' };
  const graph = connectTo(options, log, io);
  if (typeof graph === 'string') return { hidden: `the directory is not asked: ${graph}` };
  try {
    const app = await readApplication(graph.client, clientId, signal);
    if (!app) return { absent: `there is no application with the client id ${clientId} in this tenant` };
    const secrets = app.passwordCredentials.map(({ endDateTime, hint }) => ({
      endsAt: Date.parse(endDateTime),
      hint: hint ?? undefined,
    }));
    return { redirectUris: app.web.redirectUris, secrets };
  } catch (error) {
    if (!(error instanceof GraphError) || error.status !== 403) throw error;
    return { hidden: 'the credential may not see applications (Application.Read.All), which is right for a daemon' };
  } finally {
    await graph.close();
  }
}

/** Graph, or why it is not asked. */
function connectTo(options: RealmCheckCommandOptions, log: Log, io: Io): Graph | string {
  try {
    const command = options.graphTokenFile === undefined ? 'realm-registration' : 'realm';
    const { settings } = equip(command, options, io);
    if (!settings.entra.credential && options.graphTokenFile === undefined) return 'GRAPH_ENFORCE is false';
    return openGraph(settings, log, options.graphTokenFile);
  } catch (error) {
    if (error instanceof ConfigError) return 'the configuration holds no usable credential for it';
    throw error;
  }
}
