import { openLab, REALM } from '../../lab/lab.js';
import { createPrivateHost } from '../../lab/linux-host.js';
import { waitFor } from '../../lab/wait.js';
import { bareHost, bareProxmox } from '../bare-targets.js';
import type { Figure } from '../figure.js';
import { knockAt } from '../knock.js';
import { commandOf, descendants } from '../measured-run.js';
import { hire, type Person, provision } from '../population.js';
import { median, percentile, round } from '../statistics.js';

const SAMPLES = 25;
const QUICK_SAMPLES = 2;
const WARM_UP = 2;
/** Accounts on the host: the shadow tools copy whole files, so their cost grows with it. */
const STAFF = 120;
const LOOK_EVERY_MS = 1;
const PATIENCE_MS = 10_000;

/**
 * From the POST of a notification to a locked line in /etc/shadow and a disabled Proxmox user, for people who were
 * disabled in Entra. `cold`: the account agent has just exited, so its start is part of it. Between the samples, the
 * bare PUT and the bare usermod in the same private root.
 */
export async function benchLeaver(agent: 'warm' | 'cold', quick: boolean): Promise<Figure> {
  const host = await createPrivateHost();
  const lab = await openLab({
    host,
    settings: {
      // Neither the guard nor second looks are measured here.
      GUARD_MAX_LOCKS: '1000',
      CONFIRM_AFTER: '1h',
    },
  });
  const tools = bareHost(host);
  const proxmox = bareProxmox(lab);
  const samples = quick ? QUICK_SAMPLES : SAMPLES;
  const latencies: number[] = [];
  const puts: number[] = [];
  const locks: number[] = [];
  try {
    const people = await hire(lab, STAFF);
    provision(lab, people);
    const daemon = lab.start('run');
    await lab.ready();
    const knock = knockAt(lab);
    for (let index = 0; index < samples + WARM_UP; index += 1) {
      const [leaver, other] = people.slice(index * 2, index * 2 + 2) as [Person, Person];
      if (agent === 'cold') await endAgent(daemon.child.pid ?? 0);
      lab.entra.notifications.silently(() => lab.entra.directory.updateUser(leaver.oid, { accountEnabled: false }));
      const startedAt = performance.now();
      const posted = knock.post(leaver.oid);
      await waitFor(
        `${leaver.name} locked and disabled`,
        () => {
          if (lab.proxmox.user(`${leaver.upn}@${REALM}`)?.enabled !== false) return false;
          const account = host.account(leaver.name);
          return account?.locked && account.expired;
        },
        PATIENCE_MS,
        LOOK_EVERY_MS,
      );
      const latency = performance.now() - startedAt;
      await posted;
      const put = await timed(() => proxmox.disable(`${other.upn}@${REALM}`, other.oid));
      const lock = await timed(() => tools.lock(other.name));
      if (index < WARM_UP) continue;
      latencies.push(latency);
      puts.push(put);
      locks.push(lock);
    }
    await knock.close();
    const bare = puts.map((put, index) => put + (locks[index] as number));
    return {
      value: round(median(latencies)),
      unit: 'ms',
      reference: round(median(bare)),
      details: {
        overheadMs: round(median(latencies) - median(bare)),
        p90Ms: round(percentile(latencies, 90)),
        barePutMs: round(median(puts)),
        bareUsermodMs: round(median(locks)),
        accounts: STAFF,
        samples,
      },
    };
  } finally {
    await proxmox.close();
    await tools.close();
    await lab.close();
  }
}

/** Ends the account agent as its idle time would, and waits until it is gone. */
async function endAgent(daemonPid: number): Promise<void> {
  const running = () => descendants(daemonPid).filter((pid) => commandOf(pid).includes('/accounts.js'));
  // The way into the private root comes first in the list, the agent itself last.
  const agent = running().at(-1);
  if (agent === undefined) throw new Error('there is no account agent to end');
  process.kill(agent, 'SIGTERM');
  await waitFor('the end of the account agent', () => running().length === 0, PATIENCE_MS, 5);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}
