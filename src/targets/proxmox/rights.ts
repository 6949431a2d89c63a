import type { Clock } from '../../domain/clock.js';
import type { ProxmoxClient } from './client.js';
import { permissionTree } from './schema.js';

/** A privilege that must be held on a path; any one of `anyOf` is enough. */
export interface Need {
  path: string;
  anyOf: readonly string[];
  /** The group whose users it is about. */
  group?: string;
}

/** The privileges of our token, asked once and remembered for a short time. */
export interface Rights {
  /** Of these needs, those that are not met. */
  missing(needs: readonly Need[], signal: AbortSignal): Promise<Need[]>;
  /** Ask again next time: something was refused. */
  forget(): void;
}

const REMEMBERED_MS = 60_000;

/** To see all users and all memberships; with less, listings are short without saying so. */
export const READ_ALL: Need = { path: '/access/groups', anyOf: ['Sys.Audit', 'User.Modify'] };

/** To write users of these groups. */
export function writeNeeds(managedGroups: readonly string[]): Need[] {
  return managedGroups.map((group) => ({ path: `/access/groups/${group}`, anyOf: ['User.Modify'], group }));
}

/** To create users of this realm. */
export function createNeed(realm: string): Need {
  return { path: `/access/realm/${realm}`, anyOf: ['Realm.AllocateUser'] };
}

/** `User.Modify on /access/groups/staff-entra` */
export function describeNeed({ path, anyOf }: Need): string {
  return `${anyOf.join(' or ')} on ${path}`;
}

/**
 * Asks GET /access/permissions, which any token may. The whole tree lists a path only where an ACL stands on it, so a
 * path that it does not list is asked for singly, for what it inherits.
 */
export function createRights({ client, clock }: { client: ProxmoxClient; clock: Clock }): Rights {
  let held = new Map<string, ReadonlySet<string>>();
  let until = 0;

  async function load(signal: AbortSignal): Promise<void> {
    const tree = await client.get({ route: '/access/permissions' }, permissionTree, signal);
    held = new Map(Object.entries(tree).map(([path, privileges]) => [path, new Set(Object.keys(privileges))]));
    until = clock.now() + REMEMBERED_MS;
  }

  async function privilegesOn(path: string, signal: AbortSignal): Promise<ReadonlySet<string>> {
    const known = held.get(path);
    if (known) return known;
    const into = held;
    const tree = await client.get({ route: '/access/permissions', query: { path } }, permissionTree, signal);
    const privileges = new Set(Object.keys(tree[path] ?? {}));
    into.set(path, privileges);
    return privileges;
  }

  return {
    async missing(needs, signal) {
      if (clock.now() >= until) await load(signal);
      const checked = await Promise.all(
        needs.map(async (need) => {
          const privileges = await privilegesOn(need.path, signal);
          return { need, met: need.anyOf.some((privilege) => privileges.has(privilege)) };
        }),
      );
      const missing = checked.filter(({ met }) => !met).map(({ need }) => need);
      // A lack is never remembered: the operator is likely mending it now.
      if (missing.length > 0) until = 0;
      return missing;
    },
    forget() {
      until = 0;
    },
  };
}
