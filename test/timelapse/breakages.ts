import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Subscription } from '../../src/entra/subscription.js';
import type { Invariant } from './checks/violations.js';
import type { Happening, HappeningKind } from './happenings.js';
import type { Parts } from './installation.js';
import { HOUR_MS, LIFETIME_MS, MINUTE_MS } from './settings.js';

/** What a fault in the product may know of the world. */
export interface Surroundings {
  dir: string;
  now(): number;
  foreignIds(): readonly string[];
}

/** A fault that is put into the product on purpose, to see that its check can fail. */
export interface Breakage {
  invariant: Invariant;
  /** The least course that shows it. */
  days: number;
  course: readonly Happening[];
  tamper: (parts: Parts, surroundings: Surroundings) => Parts;
}

/** By the names that `--break` takes. */
export const BREAKAGES: Readonly<Record<string, Breakage>> = {
  'trusts-its-record': {
    invariant: 'coverage holds while both sides are up',
    days: 4,
    course: [],
    tamper: (parts, { now }) => {
      const made = new Map<string, Subscription>();
      const alive = (id: string) => {
        const one = made.get(id);
        return one && { ...one, expiresAt: now() + LIFETIME_MS };
      };
      return {
        ...parts,
        api: {
          ...parts.api,
          async create(wanted, signal) {
            const outcome = await parts.api.create(wanted, signal);
            if (outcome.kind === 'created') made.set(outcome.subscription.id, outcome.subscription);
            return outcome;
          },
          get: async (id) => alive(id),
          renew: async (id) => alive(id),
        },
      };
    },
  },
  'forgets-sweeps': {
    invariant: 'a sweep follows every lapse',
    days: 1,
    course: at('delete-behind', 5),
    tamper: (parts) => withHints(parts, (key) => key !== 'sweep'),
  },
  'watches-twice': {
    invariant: 'one subscription per resource',
    days: 1,
    course: [],
    tamper: (parts) => ({
      ...parts,
      api: {
        ...parts.api,
        async create(wanted, signal) {
          await parts.api.create({ ...wanted, changeType: 'updated' }, signal);
          return parts.api.create(wanted, signal);
        },
      },
    }),
  },
  'lists-for-each-look': {
    invariant: 'documented call rates',
    days: 1,
    course: [],
    tamper: (parts) => ({
      ...parts,
      api: {
        ...parts.api,
        async get(id, signal) {
          for (let count = 0; count < 10; count += 1) await parts.api.list(signal);
          return parts.api.get(id, signal);
        },
      },
    }),
  },
  'looks-twice': {
    invariant: 'own call budget',
    days: 1,
    course: [],
    tamper: (parts) => ({
      ...parts,
      api: {
        ...parts.api,
        async get(id, signal) {
          await parts.api.get(id, signal);
          return parts.api.get(id, signal);
        },
      },
    }),
  },
  'renews-what-it-reauthorized': {
    invariant: 'renewal and reauthorisation apart',
    days: 1,
    course: at('reauthorize', 5, 5 * MINUTE_MS),
    tamper: (parts, { now }) => ({
      ...parts,
      api: {
        ...parts.api,
        async reauthorize(id, signal) {
          const done = await parts.api.reauthorize(id, signal);
          await parts.api.renew(id, now() + LIFETIME_MS, signal);
          return done;
        },
      },
    }),
  },
  'leaves-orphans': {
    invariant: 'no orphan stays',
    days: 1,
    course: at('want-less', 5),
    tamper: (parts) => ({ ...parts, api: { ...parts.api, delete: async () => true } }),
  },
  'deletes-what-is-listed': {
    invariant: 'nobody else is touched',
    days: 1,
    course: [],
    tamper: (parts, { foreignIds }) => ({
      ...parts,
      api: {
        ...parts.api,
        async list(signal) {
          const all = await parts.api.list(signal);
          for (const { id } of all) if (foreignIds().includes(id)) await parts.api.delete(id, signal);
          return all;
        },
      },
    }),
  },
  'fights-back': {
    invariant: 'no quarrel with a rival',
    days: 1,
    course: at('rival', 5, 10 * HOUR_MS),
    tamper: (parts) => ({
      ...parts,
      api: {
        ...parts.api,
        async create(wanted, signal) {
          const outcome = await parts.api.create(wanted, signal);
          if (outcome.kind !== 'exists' || !outcome.existingId) return outcome;
          await parts.api.delete(outcome.existingId, signal);
          return parts.api.create(wanted, signal);
        },
      },
    }),
  },
  'drops-hints': {
    invariant: 'every change reaches the queue',
    days: 1,
    course: at('change', 5),
    tamper: (parts) => withHints(parts, (key) => key === 'sweep'),
  },
  'leaves-drafts': {
    invariant: 'the store stays small',
    days: 1,
    course: [],
    tamper: (parts, { dir, now }) => ({
      ...parts,
      store: {
        ...parts.store,
        async refresh() {
          writeFileSync(join(dir, `subscriptions.json.${now()}.tmp`), '');
          await parts.store.refresh();
        },
      },
    }),
  },
  'cannot-read-its-store': {
    invariant: 'nothing breaks',
    days: 1,
    course: [],
    tamper: (parts) => ({
      ...parts,
      store: {
        ...parts.store,
        list() {
          throw new Error('broken on purpose');
        },
      },
    }),
  },
};

function at(kind: HappeningKind, hour: number, ms = 0): Happening[] {
  return [{ at: hour * HOUR_MS, kind, ms, choice: 1 }];
}

function withHints(parts: Parts, isStored: (key: string) => boolean): Parts {
  const { hints } = parts;
  return {
    ...parts,
    hints: {
      async put(key, reason) {
        if (isStored(key)) await hints.put(key, reason);
      },
    },
  };
}
