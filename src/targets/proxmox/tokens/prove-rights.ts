import { Rejected } from '../../../domain/errors.js';
import type { ProxmoxClient } from '../client.js';
import type { TokenDeclaration } from './declaration.js';
import type { DeclaredSink } from './declared-sink.js';
import { fullId } from './entries.js';
import type { AclEntry, ObservedAccess } from './observed.js';
import { compareRights, type RightsDifference } from './rights-check.js';
import type { Sink } from './sinks/sink.js';

export interface RightsPorts {
  observed: ObservedAccess;
  /** With the ids that stand for them now, see `currentTokenId`. */
  declared: readonly TokenDeclaration[];
  openSink: (declared: DeclaredSink) => Sink;
  /** A client that is the token of this secret; closed by the caller of it. */
  connectAs: (fullId: string, secret: string) => ProxmoxClient;
}

/** What the token may do, asked with the secret that its sink gives back, so that this is proved as well. */
export async function checkRights(
  token: TokenDeclaration,
  ports: RightsPorts,
  signal: AbortSignal,
): Promise<RightsDifference[]> {
  const id = fullId(token);
  const stored = await ports.openSink(token.sink).read();
  if (stored?.['full-tokenid'] !== id) throw new Rejected(`${token.sink.place} does not hold the secret of ${id}`);
  return checkRightsWith(stored.value, token, ports, signal);
}

/** What the token may do, asked with this secret of it. */
export async function checkRightsWith(
  secret: string,
  token: TokenDeclaration,
  { connectAs, declared, observed }: Omit<RightsPorts, 'openSink'>,
  signal: AbortSignal,
): Promise<RightsDifference[]> {
  const self = connectAs(fullId(token), secret);
  const privileges = new Map(declared.flatMap(({ role, privileges }) => (privileges ? [[role, privileges]] : [])));
  const privilegesOf = (role: string) => privileges.get(role) ?? [...(observed.roles.get(role) ?? [])];
  const hasOwnEntry = (path: string) =>
    observed.acl.some((entry) => entry.path === path && isFor(token, entry, observed));
  try {
    return await compareRights(self, token, { declared, privilegesOf, hasOwnEntry }, signal);
  } finally {
    await self.close();
  }
}

function isFor(token: TokenDeclaration, { type, ugid }: AclEntry, { owners }: ObservedAccess): boolean {
  if (type === 'group') return owners.get(token.owner)?.isInGroup === true;
  return ugid === token.owner || ugid === fullId(token);
}

/** One line: what is missing and what is too much, by path. */
export function describeDifference(id: string, found: readonly RightsDifference[]): string {
  const parts = found.map(({ path, missing, surplus }) => {
    const lacks = missing.length > 0 ? [`lacks ${missing.join(', ')}`] : [];
    const exceeds = surplus.length > 0 ? [`has ${surplus.join(', ')} too much`] : [];
    return `on ${path} it ${[...lacks, ...exceeds].join(' and ')}`;
  });
  return `${id} may not do exactly what was declared: ${parts.join('; ')}`;
}
