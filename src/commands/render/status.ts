import type { IntegrityView } from '../../integrity/view.js';
import { type EndpointView, endpointLine, endpointProblem } from '../../listener/endpoint-health.js';
import type { ShownHub } from '../../listener/event-hub/routes.js';
import type { ShownSubscription } from '../../listener/subscriptions/routes.js';
import type { CatchUpView } from '../../operator/catch-up.js';
import type { ReconcilerStatus } from '../../operator/status.js';
import type { HeldView } from '../../operator/views.js';
import { colours, type Io } from '../io.js';
import { alarmsOf } from './alarms.js';
import { groupRows, type ShownGroup } from './groups.js';
import { renderLakefs } from './lakefs.js';
import { plainTable } from './plain-table.js';
import { removalLine, renderRejected } from './plan.js';
import { namedBySource } from './subscription-source.js';
import { ago, span } from './words.js';

export interface StatusView {
  reconciler?: ReconcilerStatus | undefined;
  subscriptions?: readonly ShownSubscription[] | undefined;
  /** How our own endpoint answers. */
  endpoint?: EndpointView | undefined;
  /** How reading the event hub goes, where one is read. */
  eventHub?: ShownHub | undefined;
  /** The configured groups, and how changes of each are heard of. */
  groups?: readonly ShownGroup[] | undefined;
  /** Why a part is missing here, in words. */
  missing: readonly string[];
}

/** The screen that a tired person reads at once: what needs a decision first, then the rest. */
export function renderStatus(
  { reconciler, subscriptions, endpoint, eventHub, groups, missing }: StatusView,
  io: Io,
  now: number,
): string[] {
  const paint = colours(io);
  const alarms = [
    ...missing,
    ...(reconciler ? alarmsOf(reconciler, now) : []),
    ...namedBySource(subscriptions ?? []).flatMap(subscriptionAlarms),
    ...endpointAlarms(endpoint),
    ...hubAlarms(eventHub, now),
  ];
  const lines = alarms.length === 0 ? [paint.green('All is well.')] : alarms.map((alarm) => paint.red(`! ${alarm}`));
  if (reconciler) lines.push('', ...renderReconciler(reconciler, now));
  if (reconciler?.lakefs) lines.push('', ...renderLakefs(reconciler.lakefs, now));
  if (groups && groups.length > 0) lines.push('', ...renderGroups(groups));
  if (subscriptions) lines.push('', ...renderSubscriptions(namedBySource(subscriptions), now));
  if (eventHub) lines.push('', hubLine(eventHub, now));
  if (endpoint) lines.push('', `Answers to Graph: ${endpointLine(endpoint)}`);
  return lines;
}

function renderReconciler(status: ReconcilerStatus, now: number): string[] {
  const { identities, queue, lastSweep } = status;
  const sweepText = lastSweep
    ? `${lastSweep.result} ${ago(lastSweep.finishedAt, now)}, ${lastSweep.identities} identities, ${lastSweep.applied} ${status.dryRun ? 'would be changed' : 'changed'}`
    : 'none yet';
  const oldest =
    (queue.oldestDueAt === undefined ? '' : `, oldest due ${ago(queue.oldestDueAt, now)}`) +
    (queue.oldestUnprovedAt === undefined ? '' : `, oldest unproved ${ago(queue.oldestUnprovedAt, now)}`);
  const table = plainTable();
  table.push(
    [
      'identities',
      `${identities.active} active, ${identities.suspended} suspended, ${identities.grace} in grace, ${identities.deleted} deleted`,
    ],
    [
      'queue',
      `${queue.pending} pending (${queue.deferred} waiting for their time), ${queue.processing} in work, ${queue.parked.length} parked${oldest}`,
    ],
    ['last sweep', status.busy.sweep ? `running; before: ${sweepText}` : sweepText],
    ...(status.catchUp ? catchUpRows(status.catchUp, now) : []),
    ['targets', status.targets.join(', ')],
    ...(status.integrity ? [['integrity', integrityLine(status.integrity)]] : []),
  );
  const lines = [table.toString()];
  // A single one is told among the alarms.
  const { disagreements = [] } = status;
  if (disagreements.length > 1) {
    lines.push('', 'Records that disagree:');
    for (const { what } of disagreements) lines.push(`  ${what}`);
  }
  if (status.grace.length > 0) {
    lines.push('', 'Will be deleted:');
    for (const item of status.grace) lines.push(`  ${due(item, now)}  ${item.upn}  (${item.reason})`);
  }
  if (status.released.length > 0) {
    lines.push('', 'Given back, and left alone ("entramox adopt" takes them back):');
    for (const { upn, target, name, since } of status.released) {
      lines.push(`  ${upn} on ${target}${name ? ` (${name})` : ''}, ${ago(since, now)}`);
    }
  }
  if (status.suspended.length > 0) {
    lines.push('', `Suspended: ${status.suspended.map((item) => item.upn).join(', ')}`);
  }
  if (status.held) lines.push('', ...renderHeld(status.held));
  for (const plan of status.rejected ?? []) lines.push('', ...renderRejected(plan));
  return lines;
}

/** How Graph is asked what changed, what that costs, and what nobody had told of. */
function catchUpRows(
  { intervalSeconds, lastGoodAt, last, failing, found, lastFound }: CatchUpView,
  now: number,
): string[][] {
  const every = `every ${span(intervalSeconds * 1000)}`;
  const cost = last ? last.requests.users + last.requests.groups : 0;
  const how = last?.users === 'by-id' ? 'users by id' : 'all users';
  const good = last && lastGoodAt ? `${ago(lastGoodAt, now)}, ${every}: ${cost} calls, ${how}` : `none yet, ${every}`;
  const trouble = failing ? `; failing since ${ago(failing.since, now)}: ${failing.why}` : '';
  const latest = lastFound ? `, the last ${ago(lastFound.at, now)}: ${lastFound.upn}` : '';
  return [
    ['catch-up', good + trouble],
    ['untold changes', `${found.catchUp} found only by catch-up, ${found.sweep} only by sweep${latest}`],
  ];
}

/** So many people of a first run are named; the plan names all. */
const FIRST_SHOWN = 20;

function renderHeld({ hash, removals, changes }: HeldView): string[] {
  if (!changes) return [`Held plan ${hash}:`, ...removals.map(removalLine), '  Every step of it: entramox plan'];
  const more = changes.length - FIRST_SHOWN;
  return [
    `Plan ${hash} of the first run on this host, where nothing is written yet:`,
    ...changes.slice(0, FIRST_SHOWN).map(({ upn, steps }) => `  ${upn}: ${steps.join('; ')}`),
    ...(more > 0 ? [`  and ${more} more`] : []),
    '  Every step of it: entramox plan',
  ];
}

function integrityLine({ enforced, why, distrusted, sealedAt }: IntegrityView): string {
  const sealed = sealedAt === undefined ? 'contents not sealed' : `contents sealed ${sealedAt}`;
  const found = distrusted.length === 0 ? '' : `, ${distrusted.length} could be changed by others`;
  return `${enforced ? 'owners and modes enforced' : `owners and modes not enforced (${why})${found}`}; ${sealed}`;
}

function renderGroups(groups: readonly ShownGroup[]): string[] {
  const table = plainTable();
  for (const row of groupRows(groups)) table.push(row);
  return ['Groups:', table.toString()];
}

function renderSubscriptions(subscriptions: readonly ShownSubscription[], now: number): string[] {
  if (subscriptions.length === 0) return ['Subscriptions: none'];
  const table = plainTable();
  for (const item of subscriptions) {
    const left = item.expiresAt === undefined ? 0 : Date.parse(item.expiresAt) - now;
    const expires = item.state === 'live' ? `expires in ${span(left)}` : item.state;
    const gap = item.lastGap && `last gap ${span(item.lastGap.seconds * 1000)}, ended ${ago(item.lastGap.to, now)}`;
    table.push([item.resource, expires, item.problem ?? gap ?? '']);
  }
  return ['Subscriptions:', table.toString()];
}

function hubAlarms(view: ShownHub | undefined, now: number): string[] {
  if (view?.state !== 'away' && view?.state !== 'waiting') return [];
  const what = view.state === 'away' ? 'cannot be read' : 'gives events that cannot be stored';
  const since = `since ${view.since}, ${span(now - Date.parse(view.since))}`;
  return [
    `event hub ${view.hub} ${what} (${since}): ${view.problem ?? ''}. They wait there; nothing is lost while it keeps them`,
  ];
}

function hubLine({ hub, consumerGroup, transport, state, partitions, lastEventAt }: ShownHub, now: number): string {
  const last = lastEventAt === undefined ? 'no event since the start' : `last event ${ago(lastEventAt, now)}`;
  return `Event hub ${hub}, consumer group ${consumerGroup}, by ${transport}: ${state}, ${partitions} partitions, ${last}`;
}

function subscriptionAlarms({ resource, state, gap, problem }: ShownSubscription): string[] {
  const since = gap ? ` since ${gap.since}` : '';
  if (problem) return [`subscription ${resource}: ${problem}`];
  switch (state) {
    case 'live':
      return [];
    case 'expired':
      return [`subscription ${resource} has expired: its changes are seen by sweeps alone`];
    case 'missing':
      return [`subscription ${resource} is missing${since}: its changes are seen by sweeps alone`];
    default:
      return state satisfies never;
  }
}

/** A single late answer is worth a look already: Graph calls slow what takes a second more. */
function endpointAlarms(endpoint: EndpointView | undefined): string[] {
  if (!endpoint) return [];
  const problem = endpointProblem(endpoint);
  if (problem) return [problem];
  const { over2s, slowestMs } = endpoint;
  return over2s === 0
    ? []
    : [`${over2s} answers to Graph took over 2 s in the last 10 minutes, the slowest ${slowestMs} ms`];
}

/** A sweep deletes; until it comes, a time that is past says nothing. */
function due({ deleteAt, waits }: ReconcilerStatus['grace'][number], now: number): string {
  if (Date.parse(deleteAt) <= now) return `due, ${waits ?? 'at the next sweep'}`;
  return `${deleteAt.slice(0, 16).replace('T', ' ')} UTC`;
}
