import { readFileSync, renameSync, writeFileSync } from 'node:fs';

/** One account that exists in the state file alone. */
export interface SimulatedAccount {
  oid: string;
  name: string;
  uid: number;
  state: 'whole' | 'deleted';
  gecos: string;
  locked: boolean;
  /** Epoch ms; null while it is open. */
  lockedSince: number | null;
  sudo: boolean;
  /** Sorted. */
  groups: string[];
}

/** Everything that the simulated agent knows. */
export interface SimulatedState {
  notice: string;
  policy: { deleteAfterSeconds: number; allowedGroups: string[] };
  /** Names that count as accounts of somebody else. */
  foreignNames: string[];
  accounts: SimulatedAccount[];
}

export const NOTICE = 'SIMULATED accounts: nothing here exists on this machine';

/** A host without accounts. */
export function emptyState(policy: SimulatedState['policy'], foreignNames: string[] = []): SimulatedState {
  return { notice: NOTICE, policy, foreignNames, accounts: [] };
}

/** Throws where there is no state, because an agent that starts from nothing would hide that. */
export function readState(file: string): SimulatedState {
  return JSON.parse(readFileSync(file, 'utf8')) as SimulatedState;
}

/** Whole or not at all, so that whoever looks at the file never meets half a state. */
export function writeState(file: string, state: SimulatedState): void {
  const partial = `${file}.partial`;
  writeFileSync(partial, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  renameSync(partial, file);
}
