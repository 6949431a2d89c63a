import { createTask } from 'node-cron';
import type { LoadedSettings } from '../../config/load.js';
import type { LakefsSettings, Settings } from '../../config/settings.js';
import type { Clock } from '../../domain/clock.js';
import type { Log } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { connectGraph, type Graph } from '../parts/graph.js';
import { integrityOf } from '../parts/integrity.js';
import { lakefsClient } from '../parts/lakefs.js';
import { isListenerWanted } from '../parts/listener-wanted.js';
import { theRealOutside } from '../parts/outside.js';
import { type ConnectedTargets, connectTargets } from '../parts/targets.js';
import { checkAgent } from './agent.js';
import { asker } from './ask-daemon.js';
import { EXCHANGE_MS, impatient, limited, subject, unlessAborted, WHOLE_MS } from './budget.js';
import { CHECK_NAMES, type CheckName } from './catalogue.js';
import type { Check } from './check.js';
import { checkConfiguration } from './configuration.js';
import { checkExpiries } from './credential.js';
import { checkReconciler } from './daemons.js';
import { checkDisks, type DiskPlaces, hostDisks } from './disks.js';
import { checkFiles } from './files.js';
import { askAgent, checkProxmoxSide, proxmoxRoots } from './host.js';
import { checkIntegrity } from './integrity.js';
import { checkLakefsSettings } from './lakefs.js';
import { checkLakefsSide, type LakefsSide } from './lakefs-side.js';
import { createLook } from './look.js';
import { timedLook } from './microsoft.js';
import { checkMicrosoft } from './microsoft-side.js';
import { idOnThisHost, placesOf, standingAt } from './places.js';

export interface Examination {
  loaded: LoadedSettings;
  log: Log;
  metrics: Metrics;
  clock: Clock;
}

const DAY_MS = 24 * 3_600_000;
const SLACK_MS = 2 * 3_600_000;
const CLOSE_MS = 1_000;

/** Makes every check that applies to this configuration, side by side, within the time that all of it may take. */
export async function examine(examination: Examination): Promise<Check[]> {
  const { loaded, log, metrics, clock } = examination;
  const { settings } = loaded;
  const { signal, done } = limited(WHOLE_MS);
  const outside = { ...theRealOutside, clock: impatient(clock, signal) };
  const hasty = hastened(settings);
  const graph = settings.entra.enforce ? connectGraph(hasty, log, metrics, outside) : undefined;
  const targets = connectTargets(hasty, log, metrics, outside);
  const lakefs = settings.lakefs ? lakefsClient(hasty, log, metrics, outside, HASTY_RETRY) : undefined;
  try {
    const checks = await Promise.all([
      checkConfiguration(loaded),
      subject(['files.integrity'], signal, async () => checkIntegrity(integrityOf(settings))),
      checkPlaces(loaded, signal),
      checkExpiries({ ...settings, expiries: usedExpiries(settings) }, clock.now()),
      graph ? checkMicrosoft(examination, hasty, graph, signal) : [],
      checkTargets(hasty, targets, clock, signal),
      checkLakefsSettings(settings.lakefs, lakefsNames(loaded)),
      lakefs && hasty.lakefs ? checkLakefsSide(lakefsPorts(hasty, hasty.lakefs, lakefs, graph, clock), signal) : [],
      subject(diskNames(settings), signal, () => checkDisks(diskPlaces(settings), hostDisks)),
      subject(RECONCILER_NAMES, signal, () => checkReconciler(reconcilerPorts(settings, clock.now()))),
    ]);
    return inOrder(settle(checks.flat()));
  } finally {
    done();
    await closeSoon([targets.close(), graph?.close(), lakefs?.close()]);
  }
}

const RECONCILER_NAMES = CHECK_NAMES.filter((name) => name.startsWith('reconciler.'));
/** A call that failed is made once more at most. */
const HASTY_RETRY = { firstMs: 200, longestMs: 200, deadlineMs: 250 };
const FILE_NAMES = CHECK_NAMES.filter((name) => name.startsWith('files.') && name !== 'files.integrity');

function diskPlaces(settings: Settings): DiskPlaces {
  const { stateDir, spoolDir, logDir, listenerStateDir } = settings.paths;
  return { stateDir, spoolDir, logDir, ...(isListenerWanted(settings) ? { listenerStateDir } : {}) };
}

function diskNames(settings: Settings): CheckName[] {
  const isWanted = isListenerWanted(settings);
  return CHECK_NAMES.filter((name) => name.startsWith('disk.') && (isWanted || name !== 'disk.listener-state'));
}

/** A certificate of the listener matters where somebody calls it. */
function usedExpiries({ expiries, entra, sources }: Settings): Settings['expiries'] {
  const isCalled = entra.enforce && sources.includes('webhook');
  return expiries.filter(({ credential }) => isCalled || credential !== 'listener-certificate');
}

/** No single call may outlive the patience of the doctor. */
function hastened(settings: Settings): Settings {
  const { entra, proxmox, lakefs } = settings;
  return {
    ...settings,
    entra: { ...entra, timeoutMs: Math.min(entra.timeoutMs, EXCHANGE_MS) },
    proxmox: { ...proxmox, timeoutMs: Math.min(proxmox.timeoutMs, EXCHANGE_MS) },
    lakefs: lakefs && { ...lakefs, timeoutMs: Math.min(lakefs.timeoutMs, EXCHANGE_MS) },
  };
}

function checkPlaces({ settings, file }: LoadedSettings, signal: AbortSignal): Promise<Check[]> {
  return subject(FILE_NAMES, signal, () =>
    checkFiles({
      places: placesOf(settings, file),
      installed: integrityOf(settings).enforced,
      stand: standingAt,
      idOf: idOnThisHost,
    }),
  );
}

async function checkTargets(
  settings: Settings,
  { linux, proxmox }: ConnectedTargets,
  clock: Clock,
  signal: AbortSignal,
): Promise<Check[]> {
  const look = timedLook(
    createLook({
      secureContext: settings.targets.includes('proxmox') ? proxmoxRoots(settings) : undefined,
      now: clock.now,
    }),
  );
  const parts = await Promise.all([
    linux
      ? subject(['agent.reach', 'agent.policy', 'agent.tools', 'agent.host'], signal, () =>
          checkAgent({ ask: (inner) => askAgent(settings, linux, EXCHANGE_MS, inner), limitMs: EXCHANGE_MS }, signal),
        )
      : [],
    proxmox ? checkProxmoxSide({ settings, target: proxmox, look, now: clock.now }, signal) : [],
  ]);
  return parts.flat();
}

function lakefsPorts(
  settings: Settings,
  lakefs: LakefsSettings,
  client: LakefsSide['client'],
  graph: Graph | undefined,
  clock: Clock,
): LakefsSide {
  const ask = asker(settings.paths.operatorSocket, 'reconciler');
  return { settings: { ...settings, lakefs }, client, graph, ask, now: clock.now };
}

function lakefsNames({ origins }: LoadedSettings): string[] {
  return Object.entries(origins)
    .filter(
      ([name, { kind }]) =>
        (name.startsWith('LAKEFS_') || name === 'GROUP_FILTER') && !['default', 'unset', 'derived'].includes(kind),
    )
    .map(([name]) => name);
}

function reconcilerPorts({ paths, schedule, entra }: Settings, now: number) {
  const [first, second] = createTask(schedule.sweepCron, () => undefined, {
    ...(schedule.timeZone ? { timezone: schedule.timeZone } : {}),
  }).getNextRuns(2);
  const everyMs = first && second ? second.getTime() - first.getTime() : DAY_MS;
  return {
    ask: asker(paths.operatorSocket, 'reconciler'),
    // A sweep of many people takes its time.
    sweepEveryMs: everyMs + SLACK_MS,
    failOpen: entra.failOpen,
    now,
  };
}

/** An expiry that Proxmox VE itself shows is better than one that somebody wrote down. */
function settle(checks: readonly Check[]): Check[] {
  const shown = checks.filter(({ name }) => name === 'proxmox.token-expiry');
  const blind = shown.filter(({ state }) => state === 'skipped' || state === 'unreachable');
  return shown.length > 1 ? checks.filter((check) => !blind.includes(check)) : [...checks];
}

/** The checks in the order of the catalogue; those of one name as they came. */
function inOrder(checks: readonly Check[]): Check[] {
  return CHECK_NAMES.flatMap((name: CheckName) => checks.filter((check) => check.name === name));
}

/** Connections whose other side never answers do not end by themselves. */
async function closeSoon(closing: readonly (Promise<void> | undefined)[]): Promise<void> {
  const { signal, done } = limited(CLOSE_MS);
  await unlessAborted(Promise.allSettled(closing), signal).catch(() => undefined);
  done();
}
