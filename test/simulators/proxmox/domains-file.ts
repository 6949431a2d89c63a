import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError, fault, within } from './errors.js';
import type { ArmedFaults } from './faults.js';
import { createLock } from './lock.js';
import type { RealmRecord } from './records.js';
import type { State } from './state.js';

const LOCK_ERROR = "cfs-lock 'file-domains_cfg' error";

/** domains.cfg: one digest over all realms, and a lock of its own. */
export interface DomainsFile {
  /** Of what is in the file now. */
  digest(): string;
  /**
   * Runs a change under the lock, all or nothing; a failure carries the operation's name.
   * @throws ApiError
   */
  write(operation: string, change: () => void): Promise<void>;
}

export function createDomainsFile(state: State, faults: ArmedFaults, lockDeadlineMs: number): DomainsFile {
  const lock = createLock();

  async function underLock(change: () => void): Promise<void> {
    if (faults.quorumLost) throw fault(`${LOCK_ERROR}: no quorum!`);
    const release = await lock.acquire(lockDeadlineMs);
    if (release === undefined) throw fault(`${LOCK_ERROR}: got lock request timeout`);
    try {
      if (faults.writeMs > 0) await sleep(faults.writeMs);
      state.transact(() => {
        change();
        dropUnreadable(state);
      });
    } finally {
      release();
    }
  }

  return {
    digest: () =>
      createHash('sha1')
        .update(JSON.stringify([...state.realms.values()]))
        .digest('hex'),
    async write(operation, change) {
      try {
        await underLock(change);
      } catch (error) {
        throw error instanceof ApiError ? within(operation, error) : error;
      }
    },
  };
}

/** A section without a value where one must be is written as it is, and skipped by whoever reads the file next. */
function dropUnreadable(state: State): void {
  const isReadable = ({ type, settings }: RealmRecord) =>
    type !== 'openid' || [settings['issuer-url'], settings['client-id']].every((value) => value !== '');
  for (const record of [...state.realms.values()]) if (!isReadable(record)) state.dropRealm(record.realm);
}
