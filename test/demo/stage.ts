import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Lab, openLab } from '../lab/lab.js';
import type { Daemon } from '../lab/program.js';
import { type LakefsSimulator, startLakefsSimulator } from '../simulators/lakefs/index.js';
import { createMachine, type Machine } from './machine.js';
import type { Presence } from './person.js';
import { poll } from './poll.js';
import { lookAt } from './sighting.js';

/** Settings that are shorter than an installation's, so that nobody has to wait; the demo shows them. */
export const SHORTER = {
  CONFIRM_BEFORE_LOCK: { seconds: 2, usual: '5s', meaning: 'two agreeing readings before a lock' },
  DELETE_AFTER: { seconds: 3, usual: '24h', meaning: 'grace before a deletion' },
  CONFIRM_AFTER: { seconds: 600, usual: '30s,5m', meaning: 're-checks, kept out of the way here' },
} as const;

/** A file that alice leaves in her home, to be found in its archive. */
export const KEEPSAKE = 'thesis.txt';

/** Everything that the steps work with. */
export interface Stage {
  lab: Lab;
  lakefs: LakefsSimulator;
  machine: Machine;
  daemon: Daemon;
  /** Object ids by name. */
  people: Map<string, string>;
  presences: Map<string, Presence>;
  /** The authority that both simulators' certificates come from. */
  ca: string;
  close(): Promise<void>;
}

/** Simulators, machine and Entramox with two people who were there before. Leaves nothing behind when it throws. */
export async function openStage(simulated: boolean): Promise<Stage> {
  // The agent counts from when it saw the lock, a moment later than the ledger does.
  const machine = await createMachine(simulated, { deleteAfterSeconds: SHORTER.DELETE_AFTER.seconds - 1 });
  // Plain http, as a lakeFS on the same host would speak it.
  const lakefs = await startLakefsSimulator({ flavour: 'cloud' });
  let lab: Lab | undefined;
  const close = async () => {
    await Promise.all([lab ? lab.close() : machine.host.destroy(), lakefs.close()]);
  };
  try {
    const settings = Object.entries(SHORTER).map(([name, { seconds }]) => [name, `${seconds}s`]);
    lab = await openLab({ host: machine.host, settings: Object.fromEntries(settings) });
    lab.setSettings({
      TARGETS: 'linux,proxmox,lakefs',
      LAKEFS_ENDPOINT: lakefs.url,
      LAKEFS_ACCESS_KEY_ID: lakefs.key.accessKeyId,
      LAKEFS_SECRET_ACCESS_KEY: lakefs.key.secretAccessKey,
      LAKEFS_GROUP_IDS: lab.groups.everybody,
    });
    const ca = readFileSync(join(lab.dir, 'ca.pem'), 'utf8');
    const stage = { lab, lakefs, machine, people: new Map(), presences: new Map(), ca, close };
    for (const name of ['bob', 'carol']) hire(stage, name);
    return { ...stage, daemon: lab.start('run') };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A new colleague, who is in everybody's group and has signed in to lakeFS once. */
export function hire({ lab, lakefs, people }: Pick<Stage, 'lab' | 'lakefs' | 'people'>, name: string): void {
  const oid = lab.join(name);
  lakefs.addPerson({ oid, upn: `${name}@example.com` }, 'cloud');
  people.set(name, oid);
}

/** Waits until the subscriptions are live and the first sweep has given the two people what they should have. */
export async function untilReady(stage: Stage, signal: AbortSignal): Promise<void> {
  const wanted = { linux: 'open', sudo: false, proxmox: 'enabled', role: 'PVEAuditor', lakefs: 'member' } as const;
  const options = { deadlineMs: 45_000, everyMs: 100, signal };
  const people = async () => (await Promise.all(['bob', 'carol'].map((name) => lookAt(stage, name, wanted)))).flat();
  const first = await poll(people, (seen) => hasEnded(stage) || seen.every(({ ok }) => ok), options);
  const live = await poll(
    () => isListening(stage),
    (yes) => hasEnded(stage) || yes,
    options,
  );
  if (hasEnded(stage)) throw new Error(`Entramox ended with ${stage.daemon.child.exitCode} while it started`);
  const missing = first.seen.find(({ ok }) => !ok);
  if (missing)
    throw new Error(`the first sweep: expected ${missing.expected}, saw ${missing.seen} in ${missing.where}`);
  if (!live.ok) throw new Error('the subscriptions did not become live within 45 s');
}

/** Whether Entramox is gone, so that waiting makes no sense. */
export function hasEnded({ daemon: { child } }: Stage): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

async function isListening({ lab }: Stage): Promise<boolean> {
  const { stdout } = await lab.entramox('status', '--json');
  if (!stdout.startsWith('{')) return false;
  const { subscriptions, reconciler } = JSON.parse(stdout);
  const live = (item: { state: string }) => item.state === 'live';
  return subscriptions?.length > 0 && subscriptions.every(live) && reconciler?.busy.sweep === false;
}
