import { fullId } from './entries.js';
import { familyOf } from './family.js';
import type { ObservedAccess } from './observed.js';
import { rotationDueAt } from './rotation-due.js';
import type { Standing } from './standing.js';

/** When something of a declared token ends. Times in epoch ms. */
export interface TokenEnd {
  /** The full id of its declaration. */
  token: string;
  /** That of the token which stands for it now. */
  current: string;
  /** When its secret was made; undefined: not known. */
  since?: number | undefined;
  /** When Proxmox takes it no longer; undefined: never. */
  endsAt?: number | undefined;
  /** When it is to be rotated; undefined: never by itself. */
  rotatesAt?: number | undefined;
  /** Whether a rotation puts the end off: a time to live is declared, and not a day. */
  isRenewed: boolean;
  /** Former ones that may still be used. */
  former: { token: string; revokeAfter: number }[];
}

/** undefined: there is no such token yet. */
export function tokenEndOf({ token }: Standing, { owners }: ObservedAccess, now: number): TokenEnd | undefined {
  const declared = { owner: token.owner, name: token.family ?? token.name };
  const members = familyOf(declared.name, owners.get(token.owner)?.tokens ?? new Map());
  const current = members.find(({ name }) => name === token.name);
  if (!current) return undefined;
  const dueAt = rotationDueAt(token, current);
  const { expire } = current.token;
  return {
    token: fullId(declared),
    current: fullId(token),
    since: current.mark.since,
    endsAt: expire === 0 ? undefined : expire * 1000,
    // How old it is nobody knows, so it is due.
    rotatesAt: dueAt === 'unknown' ? now : dueAt,
    isRenewed: token.lifetimeMs !== undefined,
    former: members.flatMap(({ name, mark: { revokeAfter } }) =>
      name === token.name || revokeAfter === undefined ? [] : [{ token: fullId({ ...declared, name }), revokeAfter }],
    ),
  };
}
