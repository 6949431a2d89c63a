import { CONSOLE_NEEDS } from './consoles.js';
import { createNeed, type Need, READ_ALL, writeNeeds } from './rights.js';

/** What the running service is used for, as far as it decides which rights its API token needs. */
export interface Tasks {
  realm: string;
  /** Full PVE names; the first is the base group. */
  managedGroups: readonly string[];
  /** Whether users are created. */
  creates: boolean;
  /** Whether open consoles are stopped. */
  stopsConsoles: boolean;
}

/** Every privilege that these tasks need, and no other: what `doctor` asks for, and what `token self` grants. */
export function needsOf({ realm, managedGroups, creates, stopsConsoles }: Tasks): Need[] {
  return [
    READ_ALL,
    ...writeNeeds(managedGroups),
    ...(creates ? [createNeed(realm)] : []),
    ...(stopsConsoles ? CONSOLE_NEEDS : []),
  ];
}
