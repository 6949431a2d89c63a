import { z } from 'zod';
import type { ProxmoxClient } from '../client.js';
import type { TokenDeclaration } from './declaration.js';
import { entriesOf } from './entries.js';
import type { AclEntry } from './observed.js';

/** What a token may do differently from its declaration, path by path; empty: exactly what was declared. */
export interface RightsDifference {
  path: string;
  missing: string[];
  surplus: string[];
}

/** What the rights of a token are compared with. */
export interface RightsPorts {
  declared: readonly TokenDeclaration[];
  privilegesOf: (role: string) => readonly string[];
  /** Whether an entry of the list on that very path gives the token or its owner more than was declared. */
  hasOwnEntry: (path: string) => boolean;
}

const tree = z.record(z.string(), z.record(z.string(), z.unknown()));

/**
 * Asks Proxmox, as the token itself, what it may do. `client` must use the token. A token without privilege separation
 * has the rights of its owner, and so those of the owner's other declarations too. What lies in a declared pool has the
 * rights of that pool and is listed by itself (RPCEnvironment, get_effective_permissions).
 */
export async function compareRights(
  client: ProxmoxClient,
  token: TokenDeclaration,
  { declared, privilegesOf, hasOwnEntry }: RightsPorts,
  signal: AbortSignal,
): Promise<RightsDifference[]> {
  const held = await client.get({ route: '/access/permissions' }, tree, signal);
  const counted = token.privsep ? [token] : declared.filter(({ owner }) => owner === token.owner);
  const entries = counted.flatMap(entriesOf).filter(({ type }) => type === 'user');
  const ofPools = entries.filter(({ path }) => /^\/pool(?:\/|$)/.test(path));
  const inPools = new Set(ofPools.flatMap(({ roleid }) => privilegesOf(roleid)));
  const paths = [...new Set([...Object.keys(held), ...entries.map(({ path }) => path)])].sort();
  return paths.flatMap((path) => {
    const has = new Set(Object.keys(held[path] ?? {}));
    const shall = new Set(rolesOn(path, entries).flatMap(privilegesOf));
    const missing = [...shall].filter((privilege) => !has.has(privilege)).sort();
    const isOfPool = POOLED.test(path) && !hasOwnEntry(path);
    const surplus = [...has].filter((name) => !shall.has(name) && !(isOfPool && inPools.has(name))).sort();
    return missing.length + surplus.length > 0 ? [{ path, missing, surplus }] : [];
  });
}

/** What can lie in a pool. */
const POOLED = /^\/(?:vms|storage)\/[^/]+$/;

/** The deepest entries on the way to a path replace those above (pveum, "Objects and Paths"). */
function rolesOn(path: string, entries: readonly AclEntry[]): string[] {
  for (const place of [path, ...ancestorsOf(path)]) {
    const here = entries.filter((entry) => entry.path === place && (place === path || entry.propagate));
    if (here.length > 0) return here.map(({ roleid }) => roleid);
  }
  return [];
}

/** Deepest first, `/` last. */
function ancestorsOf(path: string): string[] {
  const parts = path.split('/').filter(Boolean);
  return parts.map((_, index) => `/${parts.slice(0, parts.length - 1 - index).join('/')}`);
}
