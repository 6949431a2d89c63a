import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Lab, openLab } from '../lab/lab.js';
import type { Daemon } from '../lab/program.js';
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
  let lab: Lab | undefined;
  try {
    const settings = Object.entries(SHORTER).map(([name, { seconds }]) => [name, `${seconds}s`]);
    lab = await openLab({ host: machine.host, settings: Object.fromEntries(settings) });
    const people = new Map(['bob', 'carol'].map((name) => [name, (lab as Lab).join(name)]));
    const ca = readFileSync(join(lab.dir, 'ca.pem'), 'utf8');
    return { lab, machine, daemon: lab.start('run'), people, presences: new Map(), ca, close: lab.close };
  } catch (error) {
    await (lab ? lab.close() : machine.host.destroy());
    throw error;
  }
}

/** Waits until the subscriptions are live and the first sweep has given the two people what they should have. */
export async function untilReady(stage: Stage, signal: AbortSignal): Promise<void> {
  const wanted = { linux: 'open', sudo: false, proxmox: 'enabled', role: 'PVEAuditor' } as const;
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
