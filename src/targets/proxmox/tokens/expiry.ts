import type { TokenDeclaration } from './declaration.js';
import type { ObservedToken } from './observed.js';
import { markOfToken, type TokenMark, wholeSeconds } from './token-mark.js';

type Ends = Pick<TokenDeclaration, 'expire' | 'lifetimeMs'>;

/**
 * When a token shall end, in seconds since the epoch; 0: never. A declared instant is the end of the access and the same
 * for every token that stands for the declaration: no rotation moves it. A declared time to live counts from when the
 * secret was made, and so anew for each.
 */
export function expectedExpiry({ expire, lifetimeMs }: Ends, { since }: Pick<TokenMark, 'since'>): number {
  if (lifetimeMs === undefined || since === undefined) return expire;
  return Math.floor((since + lifetimeMs) / 1000);
}

/**
 * The mark that the token which stands for a declaration shall have, given the one it has. `now` counts where a time to
 * live is declared for a token of which nobody knows when its secret was made.
 */
export function expectedMark(declaration: TokenDeclaration, seen: ObservedToken, now: number): TokenMark {
  // The comment of a pending one loses that word when it is confirmed, and not before.
  const { state, since } = markOfToken(seen.comment) ?? { state: 'stored', since: undefined };
  const counted = since ?? (declaration.lifetimeMs === undefined ? undefined : wholeSeconds(now));
  // It stands for the declaration, so nothing has taken its place: whatever had is gone.
  return { state, family: declaration.family, since: counted, revokeAfter: undefined };
}
