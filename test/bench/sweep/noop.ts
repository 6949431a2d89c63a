import { USER_SELECT } from '../../../src/entra/user-schema.js';
import { type Lab, openLab } from '../../lab/lab.js';
import { createPrivateHost } from '../../lab/linux-host.js';
import { type Helper, startHelper } from '../children.js';
import type { Figure } from '../figure.js';
import { labFile, settingOf } from '../lab-facts.js';
import { type MeasuredRun, measuredRun } from '../measured-run.js';
import { hire, provision } from '../population.js';
import { median, round } from '../statistics.js';
import type { FetchRequest, FetchResult } from './bare-fetch.js';

const ROUNDS = 5;
const QUICK_ROUNDS = 1;
const DEADLINE_MS = 60_000;

interface Round extends MeasuredRun {
  graphCalls: number;
  proxmoxCalls: number;
  proxmoxWrites: number;
  bareSeconds: number;
}

/**
 * A sweep that finds everything as it should be, as a process of its own from start to end, and beside it the bare
 * cost of fetching what it has to look at.
 */
export async function benchNoopSweep(identities: number, quick: boolean): Promise<Figure> {
  const host = await createPrivateHost();
  const lab = await openLab({ host });
  const fetcher = startHelper('./sweep/bare-fetch.ts');
  try {
    provision(lab, await hire(lab, identities));
    // The first one writes the ledger as the product itself writes it, and warms caches; it does not count.
    await oneRound(lab, identities, fetcher);
    const rounds: Round[] = [];
    for (let left = quick ? QUICK_ROUNDS : ROUNDS; left > 0; left -= 1) {
      rounds.push(await oneRound(lab, identities, fetcher));
    }
    return figureOf(rounds, identities);
  } finally {
    await fetcher.stop();
    await lab.close();
  }
}

async function oneRound(lab: Lab, identities: number, fetcher: Helper): Promise<Round> {
  const bare = await fetcher.ask<FetchResult>(fetchRequest(lab));
  if (bare.users !== identities) throw new Error(`the bare fetch saw ${bare.users} of ${identities} identities`);
  lab.entra.calls.clear();
  lab.proxmox.resetCounters();
  const env = { PATH: process.env.PATH, HOME: lab.dir };
  const run = await measuredRun(['sweep', '--foreground', '--json', '--config', lab.envFile], env, DEADLINE_MS);
  const report = run.code === 0 ? JSON.parse(run.stdout) : undefined;
  if (report?.result !== 'done' || report.applied !== 0) {
    throw new Error(`the sweep was to find nothing to do, but ended with ${run.code}: ${run.stdout} ${run.stderr}`);
  }
  return {
    ...run,
    bareSeconds: bare.seconds,
    // Items of batches are no calls of their own; the token request is counted too.
    graphCalls: lab.entra.calls.count('*', { outer: true }),
    proxmoxCalls: lab.proxmox.calls().length,
    proxmoxWrites: lab.proxmox.writes,
  };
}

/** The very pages and the listing that a sweep reads. */
function fetchRequest(lab: Lab): FetchRequest {
  const listing = (group: string) =>
    `${lab.entra.graphUrl}/groups/${group}/transitiveMembers/microsoft.graph.user` +
    `?$count=true&$select=${USER_SELECT}&$top=999`;
  return {
    ca: labFile(lab, 'ca.pem'),
    graphListings: [listing(lab.groups.everybody), listing(lab.groups.admins)],
    graphToken: lab.entra.credentials.issueToken(),
    proxmoxListing: `${lab.proxmox.url}/api2/json/access/users?full=1`,
    proxmoxToken: settingOf(lab, 'PVE_API_TOKEN'),
  };
}

function figureOf(rounds: readonly Round[], identities: number): Figure {
  const largest = (pick: (round: Round) => number) => Math.max(...rounds.map(pick));
  return {
    value: round(median(rounds.map(({ seconds }) => seconds)), 3),
    unit: 's',
    reference: round(median(rounds.map(({ bareSeconds }) => bareSeconds)), 3),
    details: {
      identities,
      peakRssMb: round(largest(({ peakMb }) => peakMb)),
      agentPeakRssMb: round(largest(({ agentPeakMb }) => agentPeakMb)),
      graphCalls: largest(({ graphCalls }) => graphCalls),
      proxmoxCalls: largest(({ proxmoxCalls }) => proxmoxCalls),
      proxmoxWrites: largest(({ proxmoxWrites }) => proxmoxWrites),
      rounds: rounds.length,
    },
  };
}
