import { USER_SELECT } from '../../../src/entra/user-schema.js';
import { type Helper, startHelper } from '../children.js';
import type { Figure } from '../figure.js';
import { type MeasuredRun, measuredRun } from '../measured-run.js';
import { median, round } from '../statistics.js';
import type { SyncRequest, SyncResult } from './bare-sync.js';
import { requestsOfOldTool } from './old-tool.js';
import { type LakefsStage, openLakefsStage, type Size } from './stage.js';

const SIZE: Size = { groups: 200, members: 1_000, people: 2_400 };
const QUICK_SIZE: Size = { groups: 4, members: 20, people: 40 };
const ROUNDS = 3;
const DEADLINE_MS = 20 * 60_000;
/** So many memberships are written barely; the rest would take as long each. */
const BARE_PUTS = 2_000;

/** The first sync of everything, or one that finds nothing to do; as a process of its own from start to end. */
export async function benchLakefs(kind: 'first' | 'noop', quick: boolean): Promise<Figure> {
  const size = quick ? QUICK_SIZE : SIZE;
  const stage = await openLakefsStage(size);
  const fetcher = startHelper('./lakefs/bare-sync.ts');
  try {
    const first = await sync(stage);
    const made = size.groups * (1 + 2 + size.members);
    if (first.lakefsWrites !== made) throw new Error(`the first sync wrote ${first.lakefsWrites} times, not ${made}`);
    if (kind === 'first') {
      const bare = await fetchBarely(stage, fetcher, size);
      // Reading, and one call for each group, policy and membership.
      return figureOf([first], [bare.readSeconds + bare.secondsEach * made], size, requestsOfOldTool(size, true));
    }
    const runs: Sync[] = [];
    const bares: number[] = [];
    for (let left = quick ? 1 : ROUNDS; left > 0; left -= 1) {
      bares.push((await fetchBarely(stage, fetcher, size)).readSeconds);
      const run = await sync(stage);
      if (run.lakefsWrites !== 0) throw new Error(`a sync with nothing to do wrote ${run.lakefsWrites} times`);
      runs.push(run);
    }
    return figureOf(runs, bares, size, requestsOfOldTool(size, false));
  } finally {
    await fetcher.stop();
    await stage.close();
  }
}

interface Sync extends MeasuredRun {
  graphCalls: number;
  lakefsReads: number;
  lakefsWrites: number;
}

async function sync({ entra, lakefs, env }: LakefsStage): Promise<Sync> {
  entra.calls.clear();
  lakefs.resetCounters();
  const run = await measuredRun(['sweep', '--foreground', '--json'], env, DEADLINE_MS);
  const report = run.code === 0 ? JSON.parse(run.stdout) : undefined;
  if (report?.result !== 'done') throw new Error(`the sync ended with ${run.code}: ${run.stdout} ${run.stderr}`);
  return {
    ...run,
    graphCalls: entra.calls.count('*', { outer: true }),
    lakefsReads: lakefs.calls().length - lakefs.nonGets,
    lakefsWrites: lakefs.nonGets,
  };
}

/** The very pages that a sync reads, and a sample of what the first one writes. */
async function fetchBarely(stage: LakefsStage, fetcher: Helper, { groups, members }: Size) {
  const { entra, lakefs } = stage;
  const api = `${lakefs.url}/api/v1/auth`;
  const managed = lakefs.groups().filter(({ description }) => description.startsWith('entra:'));
  const perGroup = managed.flatMap(({ id }) => {
    const group = encodeURIComponent(id);
    return [`${api}/groups/${group}/members?amount=1000`, `${api}/groups/${group}/policies?amount=1000`];
  });
  const wanted: SyncRequest = {
    ca: stage.ca,
    graphListings: stage.groupIds.map(
      (id) =>
        `${entra.graphUrl}/groups/${id}/transitiveMembers/microsoft.graph.user` +
        `?$count=true&$select=${USER_SELECT}&$top=999`,
    ),
    graphToken: entra.credentials.issueToken(),
    lakefsListings: [`${api}/groups?amount=1000`, `${api}/users?amount=1000`, ...perGroup],
    lakefsPuts: managed
      .flatMap(({ id, members }) => members.map((user) => [id, user] as const))
      .slice(0, BARE_PUTS)
      .map(([id, user]) => `${api}/groups/${encodeURIComponent(id)}/members/${encodeURIComponent(user)}`),
    lakefsKey: lakefs.key,
  };
  const result = await fetcher.ask<SyncResult>(wanted, DEADLINE_MS);
  const fewest = groups * members * 2;
  if (result.rows < fewest) throw new Error(`the bare fetch saw ${result.rows} rows, fewer than ${fewest}`);
  return { ...result, secondsEach: result.writeSeconds / wanted.lakefsPuts.length };
}

function figureOf(
  runs: readonly Sync[],
  bareSeconds: readonly number[],
  { groups, members }: Size,
  old: { graph: number; lakefs: number },
): Figure {
  const largest = (pick: (run: Sync) => number) => Math.max(...runs.map(pick));
  return {
    value: round(median(runs.map(({ seconds }) => seconds)), 2),
    unit: 's',
    reference: round(median(bareSeconds), 2),
    details: {
      groups,
      membersEach: members,
      graphCalls: largest(({ graphCalls }) => graphCalls),
      lakefsReads: largest(({ lakefsReads }) => lakefsReads),
      lakefsWrites: largest(({ lakefsWrites }) => lakefsWrites),
      oldToolGraphCalls: old.graph,
      oldToolLakefsCalls: old.lakefs,
      peakRssMb: round(largest(({ peakMb }) => peakMb)),
      rounds: runs.length,
    },
  };
}
