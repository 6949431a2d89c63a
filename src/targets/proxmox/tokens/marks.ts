/**
 * What says that a token, its owner and its role are ours: the comments of the owner and of the token, of which
 * `token-mark.ts` speaks. A role has no
 * comment, so its owner's names it. Everything without a mark is somebody else's and is not changed.
 */
const OWNER_MARK = /(?:^|; )entramox-(?:tokens|self):([A-Za-z0-9._,-]*)$/;
/** That of Entramox's own user, whom no file of declarations speaks of. */
const OWN_MARK = /(?:^|; )entramox-self:[A-Za-z0-9._,-]*$/;

const MADE = 'Entramox: owner of API tokens, without a password';

/**
 * The comment of an owner whose roles these are; `seen`: the comment of one that is there, which keeps its own words,
 * so that it can be told from one that we made, and given back.
 */
export function ownerComment(roles: readonly string[], seen = MADE): string {
  const words = withoutOwnerMark(seen);
  const kind = isOwnUser(seen) ? 'self' : 'tokens';
  return `${words}${words === '' ? '' : '; '}entramox-${kind}:${[...new Set(roles)].sort().join(',')}`;
}

/** The same for Entramox's own user. */
export function ownUserComment(roles: readonly string[], seen?: string): string {
  return ownerComment(roles, seen).replace(/entramox-tokens:(?=[A-Za-z0-9._,-]*$)/, 'entramox-self:');
}

/** Whether a comment is that of Entramox's own user, made by `token self`. */
export function isOwnUser(comment: string): boolean {
  return OWN_MARK.test(comment);
}

/** What the comment of an owner says without our mark. */
export function withoutOwnerMark(comment: string): string {
  return comment.replace(OWNER_MARK, '');
}

/** Whether we made the owner, rather than took it over. */
export function isMadeByUs(comment: string): boolean {
  return rolesInMark(comment) !== undefined && withoutOwnerMark(comment) === MADE;
}

/** The roles that a marked owner's comment names; undefined: not marked. */
export function rolesInMark(comment: string): string[] | undefined {
  const list = OWNER_MARK.exec(comment)?.[1];
  return list?.split(',').filter(Boolean);
}
