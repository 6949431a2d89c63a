import type { TokenDeclaration } from './declaration.js';
import { fullId } from './entries.js';
import { familyOf } from './family.js';
import { isOwnUser } from './marks.js';
import type { ObservedAccess } from './observed.js';
import { markOfToken } from './token-mark.js';

/** A token that is to be taken away. */
export interface Doomed {
  owner: string;
  name: string;
  /** Where its secret lies, as far as a declaration says so. */
  sink?: TokenDeclaration['sink'] | undefined;
}

export type Revocation =
  | {
      ok: true;
      doomed: Doomed[];
      /** The declaration that is ended as a whole. */
      whole?: TokenDeclaration | undefined;
      remarks: string[];
    }
  /** Nothing is revoked. */
  | { ok: false; why: string };

/**
 * What somebody means to revoke: a full token id is that very token, the name of a declaration all tokens that stand for
 * it, the oldest first. Pure. Only what is marked as ours is ever meant.
 */
export function planRevocation(
  which: string,
  declared: readonly TokenDeclaration[],
  observed: ObservedAccess,
): Revocation {
  return which.includes('!') ? ofOneToken(which, declared, observed) : ofDeclaration(which, declared, observed);
}

function ofOneToken(id: string, declared: readonly TokenDeclaration[], { owners }: ObservedAccess): Revocation {
  const at = id.lastIndexOf('!');
  const [owner, name] = [id.slice(0, at), id.slice(at + 1)];
  const user = owners.get(owner);
  const tokens = user?.tokens ?? new Map();
  const seen = tokens.get(name);
  if (!user || !seen) return { ok: false, why: `there is no token ${id}` };
  if (isOwnUser(user.comment))
    return { ok: false, why: `${id} is Entramox's own: "entramox token self" looks after it` };
  const mark = markOfToken(seen.comment);
  if (!mark) return { ok: false, why: `${id} is not marked as ours: pveum user token delete ${owner} ${name}` };
  const family = declared.find((token) => token.owner === owner && token.name === (mark.family ?? name));
  const others = family ? familyOf(family.name, tokens).filter((member) => member.name !== name) : [];
  const isLast = family !== undefined && !others.some(({ mark: { state } }) => state === 'stored');
  return { ok: true, doomed: [{ owner, name, sink: family?.sink }], remarks: isLast ? [madeAnew(family)] : [] };
}

function ofDeclaration(name: string, declared: readonly TokenDeclaration[], { owners }: ObservedAccess): Revocation {
  const found = declared.filter((token) => token.name === name);
  const [token, second] = found;
  if (!token) return { ok: false, why: `${name} is not declared: give the full id, user@realm!${name}` };
  if (token.besides) {
    return { ok: false, why: `${fullId(token)} is Entramox's own: "entramox token self" looks after it` };
  }
  if (second) return { ok: false, why: `${name} is more than one token: say which of ${found.map(fullId).join(', ')}` };
  const members = familyOf(name, owners.get(token.owner)?.tokens ?? new Map());
  const doomed = members.map((member) => ({ owner: token.owner, name: member.name, sink: token.sink }));
  return { ok: true, doomed, whole: token, remarks: doomed.length > 0 ? [madeAnew(token)] : [] };
}

function madeAnew(token: TokenDeclaration): string {
  return `${token.name} is still declared, so the next "token apply" makes it anew: take it out of the declaration, unless that is meant`;
}
