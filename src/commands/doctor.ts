import { access, constants, statfs } from 'node:fs/promises';
import type { Settings } from '../config/settings.js';
import { messageOf } from '../domain/errors.js';
import { createEntraDirectory } from '../entra/directory.js';
import { createSubscriptionApi } from '../entra/subscription-api.js';
import { createOperatorClient, DaemonUnreachable } from '../operator/client.js';
import type { AgentCheck } from '../operator/reconciler-routes.js';
import type { LinuxTarget } from '../targets/linux/target.js';
import { expiryViews } from '../telemetry/expiry.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { systemClock } from '../telemetry/system-clock.js';
import { ExitCode } from './exit-code.js';
import { colours, type Io } from './io.js';
import { connectGraph } from './parts/graph.js';
import { integrityOf } from './parts/integrity.js';
import { connectTargets } from './parts/targets.js';
import { type CommonOptions, equip } from './settings-of.js';

/** One thing that was looked at: what was seen and, where it is wrong, what mends it. */
export interface Check {
  name: string;
  ok: boolean;
  saw: string;
  mend?: string | undefined;
}

const PATIENCE_MS = 25_000;
const LOW_SPACE_BYTES = 64 * 1024 * 1024;

/** Looks at everything the product rests on and says for each what it saw and what mends it. Changes nothing. */
export async function doctorCommand(options: CommonOptions, io: Io): Promise<ExitCode> {
  const { settings, log, metrics } = equip('doctor', options, io);
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const groups = await Promise.all([
    Promise.resolve([{ name: 'configuration', ok: true, saw: 'every value is understood' }]),
    checkInstallation(settings),
    checkExpiries(settings),
    checkDisks(settings),
    settings.entra.enforce ? checkEntra(settings, log, metrics, signal) : [],
    checkTargets(settings, log, metrics, signal),
    checkDaemons(settings),
  ]);
  const checks = groups.flat();
  if (options.json) io.out(JSON.stringify({ checks }));
  else for (const check of checks) for (const line of render(check, io)) io.out(line);
  return checks.every((check) => check.ok) ? ExitCode.done : ExitCode.failed;
}

function render({ name, ok, saw, mend }: Check, io: Io): string[] {
  const paint = colours(io);
  const first = `${ok ? paint.green('ok') : paint.red('NO')}  ${name}: ${saw}`;
  return mend ? [first, `    mend: ${mend}`] : [first];
}

/** Sealed contents are looked at by root alone: entramox integrity verify. */
function checkInstallation(settings: Settings): Check[] {
  const name = 'program, policy and configuration';
  const { enforced, why, distrusted, sealedAt, changed } = integrityOf(settings);
  const sealed = sealedAt === undefined ? 'contents not sealed (entramox integrity seal)' : `sealed ${sealedAt}`;
  const found = distrusted.length === 0 ? 'only root can change them' : distrusted.map((item) => item.why).join('; ');
  const mend = distrusted.map((item) => item.mend).join('; ') || undefined;
  const first: Check = enforced
    ? { name, ok: distrusted.length === 0, saw: `${found}; ${sealed}`, mend }
    : { name, ok: true, saw: `not enforced here, since ${why}; ${found}`, mend };
  return [
    first,
    ...changed.map((path) => ({
      name: path,
      ok: false,
      saw: 'changed since it was sealed',
      mend: 'entramox integrity seal, if it was you',
    })),
  ];
}

/** A week before the end it is time; a month before it is good to know. */
function checkExpiries(settings: Settings): Check[] {
  return expiryViews(settings.expiries, systemClock.now()).map(
    ({ credential, expiresAt, level, daysLeft, remedy }) => ({
      name: credential,
      ok: level === 'far' || level === '30 days',
      saw: level === 'expired' ? `has ended (${expiresAt})` : `ends in ${daysLeft} d (${expiresAt})`,
      mend: level === 'far' ? undefined : remedy,
    }),
  );
}

async function checkDisks(settings: Settings): Promise<Check[]> {
  const { stateDir, spoolDir, logDir } = settings.paths;
  return Promise.all(
    [stateDir, spoolDir, logDir].map(async (path): Promise<Check> => {
      try {
        await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
        const { bavail, bsize } = await statfs(path);
        const free = bavail * bsize;
        const saw = `writable, ${Math.round(free / 1_048_576)} MiB free`;
        if (free >= LOW_SPACE_BYTES) return { name: path, ok: true, saw };
        return { name: path, ok: false, saw, mend: 'make room: nothing can be stored durably on a full disk' };
      } catch (error) {
        const mend = `systemd-tmpfiles --create, or run this as the user that owns ${path}`;
        return { name: path, ok: false, saw: messageOf(error), mend };
      }
    }),
  );
}

async function checkEntra(settings: Settings, log: Log, metrics: Metrics, signal: AbortSignal): Promise<Check[]> {
  const { entra } = settings;
  const graph = connectGraph(settings, log, metrics);
  try {
    const missing = await graph.credential.missingRoles();
    const checks: Check[] = [{ name: 'Entra credential', ok: true, saw: `a token for ${entra.graphScope}` }];
    checks.push(
      missing
        ? {
            name: 'application permissions',
            ok: false,
            saw: `missing: ${missing.missing.join(', ')}`,
            mend: missing.explanation,
          }
        : { name: 'application permissions', ok: true, saw: 'those that are needed' },
    );
    const directory = createEntraDirectory({ graph: graph.client, groups: entra.groupIds, users: entra.userIds, log });
    const found = await directory.groupInfo(entra.groupIds, signal);
    for (const group of entra.groupIds) {
      const name = found.get(group)?.displayName;
      checks.push(
        found.has(group)
          ? { name: `group ${group}`, ok: true, saw: name ?? 'readable' }
          : {
              name: `group ${group}`,
              ok: false,
              saw: 'cannot be read: deleted, mistyped, or hidden',
              mend: 'check its object id in the Entra admin centre; a hidden one needs Member.Read.Hidden',
            },
      );
    }
    if (settings.listener.publicUrl) {
      const ours = await createSubscriptionApi(graph.client, systemClock).list(signal);
      const here = ours.filter((item) => item.notificationUrl === settings.listener.notificationUrl);
      const count = `${here.length} of this listener, ${ours.length} of this app registration`;
      const saw = settings.dryRun ? `${count}; DRY_RUN is on, so none is made` : count;
      const ok = here.length > 0 || settings.dryRun;
      checks.push({ name: 'subscriptions', ok, saw, mend: ok ? undefined : 'start the listener: it makes them' });
    }
    return checks;
  } catch (error) {
    return [
      {
        name: 'Entra',
        ok: false,
        saw: messageOf(error),
        mend: 'see the message; the credential is ENTRA_CLIENT_SECRET or the certificate',
      },
    ];
  } finally {
    await graph.close();
  }
}

async function checkTargets(settings: Settings, log: Log, metrics: Metrics, signal: AbortSignal): Promise<Check[]> {
  const targets = connectTargets(settings, log, metrics);
  try {
    const linux = targets.linux
      ? [{ name: 'account agent', ...(await checkAgent(settings, targets.linux, signal)) }]
      : [];
    const proxmox = targets.proxmox ? await targets.proxmox.check(signal) : [];
    return [...linux, ...proxmox.map((finding) => ({ name: 'Proxmox', ...finding }))];
  } finally {
    await targets.close();
  }
}

/**
 * An agent that is the reconciler's child keeps every other one out for as long as that runs, so the reconciler is the
 * one to ask. Without a reconciler, or with an agent behind a socket of its own, it is asked from here.
 */
async function checkAgent(settings: Settings, linux: LinuxTarget, signal: AbortSignal): Promise<AgentCheck> {
  if (!settings.linux.accountsCommand) return linux.check(signal);
  try {
    const client = createOperatorClient(settings.paths.operatorSocket, { timeoutMs: PATIENCE_MS });
    const { status, body } = await client.call('GET', '/checks/accounts');
    if (status === 200) return body as AgentCheck;
    return {
      ok: false,
      saw: 'the running reconciler keeps no Linux accounts, although linux is among the targets here',
      mend: 'restart it: it runs with another configuration',
    };
  } catch (error) {
    if (!(error instanceof DaemonUnreachable)) throw error;
    return linux.check(signal);
  }
}

async function checkDaemons(settings: Settings): Promise<Check[]> {
  const name = 'reconciler';
  try {
    const { body } = await createOperatorClient(settings.paths.operatorSocket, { timeoutMs: 5000 }).call(
      'GET',
      '/readyz',
    );
    const { ok, unready } = body as { ok: boolean; unready: { detail: string }[] };
    if (ok) return [{ name, ok: true, saw: 'running and ready' }];
    return unready.map(({ detail }) => ({ name, ok: false, saw: detail, mend: 'entramox status tells more' }));
  } catch (error) {
    return [{ name, ok: false, saw: messageOf(error), mend: 'systemctl start entramox.target' }];
  }
}
