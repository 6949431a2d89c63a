import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ReconcilerPorts } from '../../src/operator/reconciler-routes.js';
import type { Gate } from './gate.js';
import type { VirtualTime } from './virtual-time.js';

/** What it takes to let a process run until it rests. */
export interface Drive {
  time: VirtualTime;
  gate(): Gate;
  ports(): ReconcilerPorts;
  /** Notifications that are on their way. */
  pendingOutside(): number;
  /** Starts the process again that died. */
  revive(): Promise<void>;
}

const CALM_TURNS = 4;
const MOST_ROUNDS = 3000;

/** Waits until nothing moves any more that real time would move: no call, no file, no notification is under way. */
export async function calm(drive: Drive): Promise<void> {
  let seen = -1;
  for (let turns = 0; turns < CALM_TURNS; ) {
    await nextTurn();
    const gate = drive.gate();
    const moved = gate.crossings() !== seen;
    seen = gate.crossings();
    turns = moved || gate.inFlight() > 0 || drive.pendingOutside() > 0 || isUsingFiles() ? 0 : turns + 1;
  }
}

function isUsingFiles(): boolean {
  return process.getActiveResourcesInfo().some((name) => name.startsWith('FSReq'));
}

/**
 * Lets the process work until nothing is left that is due, and until `work` is over where it is given; time moves
 * only where somebody waits for it. A process that dies on the way is started again. Gives back what `work` gave,
 * undefined where the process died over it.
 */
export async function untilAtRest<T>(drive: Drive, work?: Promise<T>): Promise<T | undefined> {
  let over: { value: T } | { error: unknown } | undefined;
  work?.then(
    (value) => {
      over = { value };
    },
    (error: unknown) => {
      over = { error };
    },
  );
  let waiting = work !== undefined;
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    await calm(drive);
    if (!drive.gate().alive()) {
      waiting = false;
      await drive.revive();
      continue;
    }
    if (over && 'error' in over) throw over.error;
    if ((!waiting || over) && (await isIdle(drive))) return over && 'value' in over ? over.value : undefined;
    if (!drive.gate().alive()) continue;
    await calm(drive);
    const next = drive.time.nextWaking();
    if (next !== undefined) drive.time.moveTo(next);
  }
  const { queue, busy } = drive.ports();
  throw new Error(`it does not come to rest: ${JSON.stringify({ queue: await queue.stats(), busy: busy() })}`);
}

async function isIdle(drive: Drive): Promise<boolean> {
  const { queue, busy } = drive.ports();
  const { pending, deferred, processing } = await queue.stats();
  const { sweep, targeted } = busy();
  return pending === deferred && processing === 0 && !sweep && targeted === 0;
}

const NEAR_MS = 60_000;

/** Lets time pass: the next minute in all its small steps, what is beyond at once, as for a host that slept. */
export async function pass(drive: Drive, ms: number): Promise<void> {
  const until = drive.time.now() + ms;
  const near = Math.min(until, drive.time.now() + NEAR_MS);
  for (let next = drive.time.nextWaking(); next !== undefined && next <= near; next = drive.time.nextWaking()) {
    drive.time.moveTo(next);
    await untilAtRest(drive);
  }
  drive.time.moveTo(until);
  await untilAtRest(drive);
}
