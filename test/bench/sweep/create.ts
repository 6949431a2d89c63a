import { type Lab, openLab, REALM } from '../../lab/lab.js';
import { createPrivateHost } from '../../lab/linux-host.js';
import { bareHost, bareProxmox } from '../bare-targets.js';
import type { Figure } from '../figure.js';
import { measuredRun } from '../measured-run.js';
import { hire, type Person } from '../population.js';
import { round } from '../statistics.js';

const DEADLINE_MS = 180_000;

/**
 * The first sweep of a new installation, which makes everybody's account and Proxmox user, and beside it the same
 * tools and the same POSTs in a bare loop, in another private root of the same size; half of that before and half
 * after, so that a machine which gets busier does not favour one side.
 */
export async function benchCreatingSweep(identities: number): Promise<Figure> {
  const host = await createPrivateHost();
  const lab = await openLab({ host });
  const bare = await bareCreation(lab);
  try {
    const people = await hire(lab, identities);
    const half = Math.ceil(identities / 2);
    await bare.create(people.slice(0, half));
    lab.proxmox.resetCounters();
    const env = { PATH: process.env.PATH, HOME: lab.dir };
    const run = await measuredRun(['sweep', '--foreground', '--json', '--config', lab.envFile], env, DEADLINE_MS);
    const proxmoxWrites = lab.proxmox.writes;
    const missing = people.filter(({ name, upn }) => !host.account(name) || !lab.proxmox.user(`${upn}@${REALM}`));
    if (run.code !== 0 || missing.length > 0) {
      throw new Error(`the sweep ended with ${run.code} and left out ${missing.length}: ${run.stdout} ${run.stderr}`);
    }
    await bare.create(people.slice(half));
    return {
      value: round(run.seconds, 2),
      unit: 's',
      reference: round(bare.spent.hostSeconds + bare.spent.proxmoxSeconds, 2),
      details: {
        identities,
        perIdentityMs: round((run.seconds * 1000) / identities),
        bareToolsSeconds: round(bare.spent.hostSeconds, 2),
        barePostsSeconds: round(bare.spent.proxmoxSeconds, 2),
        peakRssMb: round(run.peakMb),
        agentPeakRssMb: round(run.agentPeakMb),
        proxmoxWrites,
      },
    };
  } finally {
    await bare.close();
    await lab.close();
  }
}

/** The bare loop and what it has spent so far. */
async function bareCreation(lab: Lab) {
  const other = await createPrivateHost();
  const tools = bareHost(other);
  const proxmox = bareProxmox(lab);
  const spent = { hostSeconds: 0, proxmoxSeconds: 0 };
  return {
    spent,
    async create(people: readonly Person[]): Promise<void> {
      const hostStart = performance.now();
      for (const { name, uid } of people) await tools.create(name, uid);
      spent.hostSeconds += (performance.now() - hostStart) / 1000;
      const proxmoxStart = performance.now();
      // The same users under other names, since both loops meet the same simulator.
      for (const { oid, upn } of people) await proxmox.create(`bare-${upn}@${REALM}`, oid);
      spent.proxmoxSeconds += (performance.now() - proxmoxStart) / 1000;
    },
    async close(): Promise<void> {
      await proxmox.close();
      await tools.close();
      await other.destroy();
    },
  };
}
