import type { Question } from './request.js';
import type { SimulatedState } from './state.js';

export interface Standing {
  name: string;
  state: 'free' | 'ours' | 'foreign' | 'reserved' | 'tombstoned' | 'invalid';
  why?: string;
}

const NAME = /^[a-z][a-z0-9_-]*[a-z0-9]$/;
const SYSTEM = new Set(
  'root daemon bin sys mail nobody www-data backup sudo adm admin wheel staff users all'.split(' '),
);

/** Whether this identity may have this name. */
export function standingOf(state: SimulatedState, { oid, name }: Question): Standing {
  if (name.length > 32 || !NAME.test(name)) return { name, state: 'invalid', why: `${name} cannot be a Unix name` };
  const owner = state.accounts.find((account) => account.name === name);
  if (owner?.oid === oid) return { name, state: 'ours' };
  if (SYSTEM.has(name)) return { name, state: 'reserved', why: `${name} belongs to the system` };
  if (owner?.state === 'deleted') return { name, state: 'tombstoned', why: `${name} belonged to ${owner.oid}` };
  if (owner) return { name, state: 'foreign', why: `${name} is the account of ${owner.oid}` };
  if (state.foreignNames.includes(name)) return { name, state: 'foreign', why: `${name} was there before` };
  return { name, state: 'free' };
}

const FIRST_UID = 20_000;
const UIDS = 40_000;

/** The same for an object id every time: its first eight digits, and from there the next that nobody ever had. */
export function uidFor(state: SimulatedState, oid: string): number {
  const taken = new Set(state.accounts.map((account) => account.uid));
  const start = Number.parseInt(oid.slice(0, 8), 16) % UIDS;
  for (let offset = 0; offset < UIDS; offset += 1) {
    const uid = FIRST_UID + ((start + offset) % UIDS);
    if (!taken.has(uid)) return uid;
  }
  throw new Error(`all ${UIDS} uids were given out`);
}
