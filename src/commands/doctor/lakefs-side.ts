import type { LakefsSettings, Settings } from '../../config/settings.js';
import type { GroupId } from '../../domain/identity.js';
import type { Answer } from '../../operator/client.js';
import type { LakefsView } from '../../operator/lakefs.js';
import type { ReconcilerStatus } from '../../operator/status.js';
import type { LakefsClient } from '../../targets/lakefs/client.js';
import { type Graph, trustedRoots } from '../parts/graph.js';
import { lakefsSelector } from '../parts/lakefs.js';
import { subject } from './budget.js';
import type { CheckName } from './catalogue.js';
import type { Check } from './check.js';
import { checkClock } from './clock.js';
import { checkLakefs } from './lakefs.js';
import type { ToldOfLakefs } from './lakefs-people.js';
import { checkLakefsTls } from './lakefs-way.js';
import { createLook } from './look.js';
import { timedLook } from './microsoft.js';

export interface LakefsSide {
  settings: Settings & { lakefs: LakefsSettings };
  client: LakefsClient;
  graph: Graph | undefined;
  /** GET on the operator socket. Rejects where nobody answers. */
  ask: (path: string) => Promise<Answer>;
  now: () => number;
}

/** Everything about lakeFS that takes an answer from there. */
const NAMES = [
  'lakefs.access',
  'lakefs.kind',
  'lakefs.rights',
  'lakefs.beyond',
  'lakefs.policies',
  'lakefs.groups',
  'lakefs.managed',
  'lakefs.people',
] as const satisfies readonly CheckName[];

/** lakeFS: the way there, its clock, what the key sees of it, and what the reconciler remembers. Writes nothing. */
export async function checkLakefsSide(
  { settings, client, graph, ask, now }: LakefsSide,
  signal: AbortSignal,
): Promise<Check[]> {
  const url = new URL(`${settings.lakefs.endpoint ?? ''}/api/v1/healthcheck`);
  const outbound = graph?.outbound;
  const look = timedLook(createLook({ agent: outbound?.agent, secureContext: trustedRoots(settings.caFile), now }));
  const isPlain = url.protocol === 'http:';
  const looking = isPlain ? Promise.resolve(undefined) : look(url, {}, signal);
  const blocked = looking.then((looked) =>
    looked && (looked.kind === 'failed' || looked.distrust) ? 'lakeFS is not reached, see lakefs.tls' : undefined,
  );
  const told = askReconciler(ask);
  const select = graph && ((inner: AbortSignal) => selectFor(settings, graph, told, inner));
  const parts = await Promise.all([
    isPlain
      ? []
      : subject(['clock.lakefs'], signal, async () => {
          const looked = await looking;
          return checkClock('clock.lakefs', 'lakeFS', looked ? [looked] : []);
        }),
    subject(['lakefs.tls'], signal, async () => [
      checkLakefsTls({ url, looked: await looking, proxy: outbound?.proxyFor(url), now: now() }),
    ]),
    subject(NAMES, signal, () => checkLakefs({ settings: settings.lakefs, client, select, blocked, told }, signal)),
  ]);
  return parts.flat();
}

/** Of two groups of one name the one keeps it that has it already, as far as the reconciler tells. */
async function selectFor(settings: Settings, graph: Graph, told: Promise<ToldOfLakefs>, signal: AbortSignal) {
  const heard = await told;
  const owners = new Map<string, GroupId>(
    heard.kind === 'view' ? heard.view.groups.map(({ name, group }) => [name, group]) : [],
  );
  return lakefsSelector(settings, graph.client, () => owners)(signal);
}

/** A reconciler that does not answer is told of under a name of its own. */
async function askReconciler(ask: LakefsSide['ask']): Promise<ToldOfLakefs> {
  const answer = await ask('/status').catch(() => undefined);
  if (answer?.status !== 200) return { kind: 'silent' };
  const view: LakefsView | undefined = (answer.body as ReconcilerStatus).lakefs;
  return view ? { kind: 'view', view } : { kind: 'none' };
}
