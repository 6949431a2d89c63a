import { messageOf } from '../../domain/errors.js';
import type { Answer } from '../../operator/client.js';
import type { Unready } from '../../operator/health.js';
import type { ReconcilerStatus } from '../../operator/status.js';
import { type Check, fine, remark, skipped, wrong } from './check.js';

export interface ReconcilerPorts {
  /** GET on the operator socket. Rejects with DaemonUnreachable where nobody answers. */
  ask: (path: string) => Promise<Answer>;
  /** A sweep older than this is missing. */
  sweepEveryMs: number;
  failOpen: boolean;
  now: number;
}

const REST = [
  'reconciler.ready',
  'reconciler.sweep',
  'reconciler.held',
  'reconciler.queue',
  'reconciler.parked',
] as const;
const OLD_KEY_MS = 5 * 60_000;

/** The running reconciler, as it tells of itself. */
export async function checkReconciler(ports: ReconcilerPorts): Promise<Check[]> {
  try {
    const [status, ready] = await Promise.all([ports.ask('/status'), ports.ask('/readyz')]);
    if (status.status !== 200) throw new Error(`the reconciler answered ${status.status} to /status`);
    const { unready } = ready.body as { ok: boolean; unready: Unready[] };
    return judge(status.body as ReconcilerStatus, unready, ports);
  } catch (error) {
    const mend = 'systemctl start entramox.target; journalctl -u entramox-reconciler';
    return [
      wrong('reconciler.reach', messageOf(error), mend),
      ...REST.map((name) => skipped(name, 'the reconciler does not answer')),
    ];
  }
}

/** What other checks below tell in more detail. */
const TOLD_ELSEWHERE = new Set(['held', 'first-run', 'sweep', 'never-swept', 'queue', 'parked']);

function judge(status: ReconcilerStatus, unready: readonly Unready[], ports: ReconcilerPorts): Check[] {
  const own = unready.filter(({ condition }) => !TOLD_ELSEWHERE.has(condition));
  const dry = status.dryRun ? ', with DRY_RUN: nothing is written' : '';
  return [
    fine('reconciler.reach', `runs since ${status.startedAt}${dry}`),
    ...(own.length === 0 ? [fine('reconciler.ready', 'nothing is in its way')] : []),
    ...own.map(({ detail }) => wrong('reconciler.ready', detail, 'entramox status tells more')),
    checkSweep(status, ports),
    checkHeld(status),
    checkQueue(status, ports.now),
    checkParked(status),
  ];
}

function checkSweep(
  { lastSweep, busy, startedAt }: ReconcilerStatus,
  { sweepEveryMs, failOpen, now }: ReconcilerPorts,
): Check {
  const name = 'reconciler.sweep';
  if (!lastSweep) {
    if (busy.sweep) return remark(name, `none has finished yet; one runs, since the start at ${startedAt}`);
    return wrong(name, 'none has finished yet', 'entramox sweep');
  }
  const { result, finishedAt, identities, why } = lastSweep;
  const saw = `the last one ended ${finishedAt} (${result}), ${identities} identities${why ? `: ${why}` : ''}`;
  if (result === 'failed' || (result === 'degraded' && !failOpen))
    return wrong(name, saw, 'entramox status, then entramox sweep');
  if (now - Date.parse(finishedAt) > sweepEveryMs)
    return wrong(name, `${saw}; that is too long ago`, 'check SWEEP_CRON; entramox sweep');
  return result === 'degraded' ? remark(name, saw, 'entramox status, then entramox sweep') : fine(name, saw);
}

function checkHeld({ held }: ReconcilerStatus): Check {
  if (!held) return fine('reconciler.held', 'no plan waits for anybody');
  const mend = `entramox plan, then entramox approve ${held.hash}${held.by === 'first-run' ? '' : ` or entramox reject ${held.hash}`}`;
  return wrong('reconciler.held', `plan ${held.hash} waits since ${held.since}: ${held.why}`, mend);
}

function checkQueue({ queue, busy }: ReconcilerStatus, now: number): Check {
  const waitedMs = queue.oldestDueAt === undefined ? 0 : now - Date.parse(queue.oldestDueAt);
  const saw = `${queue.pending} keys wait, ${queue.processing} are worked on; the oldest due one waits ${Math.round(Math.max(0, waitedMs) / 1000)} s`;
  if (waitedMs <= OLD_KEY_MS) return fine('reconciler.queue', saw);
  return busy.sweep
    ? remark('reconciler.queue', `${saw}, behind a sweep`)
    : wrong('reconciler.queue', saw, 'entramox status, journalctl -u entramox-reconciler');
}

function checkParked({ queue: { parked } }: ReconcilerStatus): Check {
  const [first] = parked;
  if (!first) return fine('reconciler.parked', 'no key was given up');
  return wrong(
    'reconciler.parked',
    `${parked.length} keys failed too often; ${first.key}: ${first.error}`,
    'mend what it says, then entramox resync of that person, or entramox sweep',
  );
}

export interface ListenerPorts {
  /** GET on the listener's own socket, and on that of `run`, which keeps both. */
  ask: readonly ((path: string) => Promise<Answer>)[];
}

/** What is told of a subscription by whoever keeps it. */
export interface HeldSubscription {
  resource: string;
  id?: string | undefined;
}

/** Whether somebody takes notifications here and what is in its way, and which subscriptions it holds. */
export async function checkListener({ ask }: ListenerPorts): Promise<{ checks: Check[]; held: HeldSubscription[] }> {
  const reasons: string[] = [];
  const answers = await Promise.allSettled(ask.map((call) => call('/subscriptions')));
  for (const [index, answer] of answers.entries()) {
    if (answer.status === 'rejected') reasons.push(messageOf(answer.reason));
    else if (answer.value.status !== 200) reasons.push(`it answers ${answer.value.status}`);
    else {
      const held = answer.value.body as HeldSubscription[];
      const reached = fine('listener.reach', `runs, and keeps ${held.length} subscriptions`);
      // The reconciler tells of both where both are one.
      const own = index === 0 ? await ask[index]?.('/readyz') : undefined;
      return {
        checks: [reached, ...readiness((own?.body as { unready: Unready[] } | undefined)?.unready ?? [])],
        held,
      };
    }
  }
  const mend = 'systemctl start entramox-listener; journalctl -u entramox-listener';
  return {
    checks: [
      wrong('listener.reach', reasons[0] ?? 'nobody was asked', mend),
      skipped('listener.ready', 'the listener does not answer'),
    ],
    held: [],
  };
}

function readiness(unready: readonly Unready[]): Check[] {
  // Each subscription is looked at by itself.
  const own = unready.filter(({ condition }) => condition !== 'subscription');
  if (own.length === 0) return [fine('listener.ready', 'nothing is in its way')];
  return own.map(({ detail }) => wrong('listener.ready', detail, 'entramox status; journalctl -u entramox-listener'));
}
