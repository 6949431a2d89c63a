import { ROLES } from './roles.js';
import { type AuthId, ownerOf, type State } from './state.js';

const DEFAULT_PATHS = ['/', '/access', '/datastore', '/remote', '/system'];

/** Privilege to whether it holds below the path, too. */
export type Held = ReadonlyMap<string, boolean>;

/** What somebody may do on a path; a token never more than its owner (pbs-config, CachedUserInfo). */
export function heldOn(state: State, authId: AuthId, path: string): Held {
  if (authId === 'root@pam') return new Map((ROLES.get('Admin') ?? []).map((name) => [name, true]));
  const own = fromAcl(state, authId, path);
  if (!authId.includes('!')) return own;
  const owners = heldOn(state, ownerOf(authId), path);
  const both = [...own].filter(([name]) => owners.has(name));
  return new Map(both.map(([name, below]) => [name, below && owners.get(name) === true]));
}

function fromAcl(state: State, authId: AuthId, path: string): Held {
  const parts = path.split('/').filter(Boolean);
  const way = ['/', ...parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`)];
  let held = new Map<string, boolean>();
  for (const [index, place] of way.entries()) {
    const isLeaf = index === way.length - 1;
    const here = state.acl.filter((e) => e.path === place && e.authId === authId && (isLeaf || e.propagate));
    // Deeper entries take the place of those above.
    if (here.length === 0) continue;
    held = new Map();
    const isShut = here.some(({ role }) => role === 'NoAccess');
    for (const { role, propagate } of isShut ? [] : here) {
      for (const name of ROLES.get(role) ?? []) held.set(name, propagate || held.get(name) === true);
    }
  }
  return held;
}

/** GET /access/permissions without a path: every path with an entry, and some that are always told of. */
export function everywhere(state: State, authId: AuthId): Record<string, Record<string, boolean>> {
  const paths = new Set([...DEFAULT_PATHS, ...state.acl.map(({ path }) => path)]);
  const held = [...paths].map((path) => [path, Object.fromEntries(heldOn(state, authId, path))] as const);
  return Object.fromEntries(held.filter(([, privileges]) => Object.keys(privileges).length > 0));
}
