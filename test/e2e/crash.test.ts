import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sandboxUnavailable } from '../integration/sandbox/index.js';
import { type Lab, openLab } from '../lab/lab.js';
import { createPrivateHost } from '../lab/linux-host.js';
import { promisedIds, standingOf, statusOf, sweepNow, waitForStanding } from '../lab/look.js';
import type { Daemon } from '../lab/program.js';
import { waitFor } from '../lab/wait.js';

const unavailable = sandboxUnavailable();
const OPEN = { linux: 'open', pve: 'enabled' } as const;
const LOCKED = { linux: 'locked', sudo: false, pve: 'disabled' } as const;
const KILLS = 5;

type Part = 'run' | 'listen' | 'reconcile';

/** Chance that can be had again: mulberry32. */
function chanceFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Nothing that was told of waits for another try. */
async function provedAll(lab: Lab): Promise<void> {
  await waitFor('nothing unproved', async () => {
    const { queue } = (await statusOf(lab)).reconciler ?? {};
    return queue !== undefined && queue.oldestUnprovedAt === undefined && queue.processing === 0;
  });
}

describe.skipIf(unavailable)(`SIGKILL under load${unavailable ? ` (skipped: ${unavailable})` : ''}`, () => {
  let lab: Lab;
  const running = new Map<Part, Daemon>();

  beforeEach(async () => {
    running.clear();
    lab = await openLab({
      host: await createPrivateHost(),
      // No look without a hint: neither re-checks nor listings may find what a lost hint would have told.
      settings: { CONFIRM_BEFORE_LOCK: '200ms', CONFIRM_AFTER: '1h', GUARD_MAX_LOCKS: '1000' },
    });
  });
  afterEach(() => lab?.close());

  const start = (part: Part) => running.set(part, lab.start(part));

  async function kill(part: Part): Promise<void> {
    await running.get(part)?.stop('SIGKILL');
    // As RestartSec gives it: the child that holds the lock ends with us, a moment later.
    const lock = join(lab.dir, 'run/reconciler.lock');
    if (part !== 'listen') {
      await waitFor('the kernel lock', () => spawnSync('flock', ['--nonblock', lock, 'true']).status === 0);
    }
    start(part);
  }

  it.each([
    ['the only process', ['run'], () => kill('run')],
    ['the listener', ['listen', 'reconcile'], () => kill('listen')],
    ['the reconciler', ['listen', 'reconcile'], () => kill('reconcile')],
    ['the account agent', ['run'], async () => void (await lab.host?.killAgent?.())],
  ] as [string, Part[], () => Promise<void>][])(
    'of %s at any moment costs no hint that got its 202, and no account',
    async (victim, parts, strike) => {
      const seed = Number(process.env.CRASH_SEED ?? Date.now() % 1_000_000);
      const chance = chanceFrom(seed);
      console.info(`SIGKILL of ${victim}: seed ${seed}`);
      const { directory } = lab.entra;
      const stay = Array.from({ length: 4 }, (_, n) => `stay${n}`);
      const leave = Array.from({ length: 10 }, (_, n) => `leave${n}`);
      const join = Array.from({ length: 12 }, (_, n) => `join${n}`);
      const oids = new Map([...stay, ...leave].map((name) => [name, lab.join(name)]));
      for (const part of parts) start(part);
      await lab.ready();
      for (const name of oids.keys()) await waitForStanding(lab, name, OPEN);
      await lab.entra.deliveries.idle();
      lab.entra.deliveries.clear();
      // Slow enough for a backlog to stand when the blow falls.
      lab.proxmox.faults.slow({ writeMs: 120 });
      const blind = lab.entra.faults.failNext(/transitiveMembers/, 403, Number.POSITIVE_INFINITY);

      const events = [
        ...leave.map((name) => () => directory.removeMember(lab.groups.everybody, oids.get(name) ?? '')),
        ...join.map((name) => () => void oids.set(name, lab.join(name))),
      ].sort(() => chance() - 0.5);
      const load = (async () => {
        for (const happen of events) {
          happen();
          await delay(chance() * 120);
        }
      })();
      for (let round = 0; round < KILLS; round += 1) {
        await delay(chance() * 900);
        await strike();
      }
      await load;
      await lab.entra.deliveries.idle(30_000);

      const promised = promisedIds(lab);
      for (const name of [...leave, ...join]) expect(promised).toContain(oids.get(name));
      for (const name of leave) await waitForStanding(lab, name, LOCKED, { deadlineMs: 40_000 });
      for (const name of [...stay, ...join]) await waitForStanding(lab, name, OPEN, { deadlineMs: 40_000 });
      blind.clear();
      lab.proxmox.faults.clear();
      // A lock can stand while its last step waits to be tried again: that is no work for the sweep.
      await provedAll(lab);
      await sweepNow(lab);
      const { reconciler } = await statusOf(lab);
      const names = [...oids.keys()];
      const uids = names.map((name) => lab.host?.account(name)?.uid);
      expect(reconciler?.lastSweep).toMatchObject({ result: 'done', applied: 0 });
      expect(reconciler?.identities).toEqual({ active: 16, suspended: 0, grace: 10, deleted: 0 });
      expect([reconciler?.queue.parked, reconciler?.conflicts, reconciler?.failing]).toEqual([[], [], []]);
      expect(new Set(uids).size).toBe(names.length);
      expect(names.filter((name) => standingOf(lab, name).linux === 'half-locked')).toEqual([]);
    },
    150_000,
  );
});
