import { setTimeout as sleep } from 'node:timers/promises';
import type { Service } from './call.js';
import { ApiError, fault, within } from './errors.js';
import type { ArmedFaults } from './faults.js';
import type { Journal } from './journal.js';
import type { Lock } from './lock.js';
import type { Permissions } from './permissions.js';
import type { Release } from './release.js';
import type { State } from './state.js';

const LOCK_ERROR = "cfs-lock 'file-user_cfg' error";

interface ServiceOptions {
  state: State;
  permissions: Permissions;
  release: Release;
  lock: Lock;
  journal: Journal;
  faults: ArmedFaults;
  lockDeadlineMs: number;
  nowSeconds(): number;
}

/** What all endpoints share, with writes one after the other under the cluster lock. */
export function createService(options: ServiceOptions): Service {
  const { state, permissions, release, lock, journal, faults, nowSeconds } = options;

  async function underLock<T>(change: () => T): Promise<T> {
    if (faults.quorumLost) throw fault(`${LOCK_ERROR}: no quorum!`);
    const release = await lock.acquire(options.lockDeadlineMs);
    if (release === undefined) throw fault(`${LOCK_ERROR}: got lock request timeout`);
    try {
      if (faults.writeMs > 0) await sleep(faults.writeMs);
      const result = state.transact(change);
      journal.countWrite();
      return result;
    } finally {
      release();
    }
  }

  return {
    state,
    permissions,
    release,
    nowSeconds,
    shuffle,
    async write(operation, change) {
      try {
        return await underLock(change);
      } catch (error) {
        throw error instanceof ApiError ? within(operation, error) : error;
      }
    },
  };
}

function shuffle<T>(items: readonly T[]): T[] {
  const keyed = items.map((item) => ({ item, key: Math.random() }));
  return keyed.sort((left, right) => left.key - right.key).map(({ item }) => item);
}
