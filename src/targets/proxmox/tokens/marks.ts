/**
 * What says that a token, its owner and its role are ours: the comments of the owner and of the token. A role has no
 * comment, so its owner's names it. Everything without a mark is somebody else's and is not changed.
 */
const OWNER_MARK = /(?:^|; )entramox-tokens:([A-Za-z0-9._,-]*)$/;

/** `pending`: the token was made, and nobody has its secret before it is stored. */
export type TokenMark = 'stored' | 'pending';

const TOKEN_MARKS: Record<TokenMark, string> = { stored: '(entramox)', pending: '(entramox, not stored yet)' };

const MADE = 'Entramox: owner of API tokens, without a password';

/**
 * The comment of an owner whose roles these are; `seen`: the comment of one that is there, which keeps its own words,
 * so that it can be told from one that we made, and given back.
 */
export function ownerComment(roles: readonly string[], seen = MADE): string {
  const words = withoutOwnerMark(seen);
  return `${words}${words === '' ? '' : '; '}entramox-tokens:${[...new Set(roles)].sort().join(',')}`;
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

/** The comment of a token of ours. */
export function tokenComment(declared: string, mark: TokenMark): string {
  return declared === '' ? TOKEN_MARKS[mark] : `${declared} ${TOKEN_MARKS[mark]}`;
}

/** undefined: not ours. */
export function markOfToken(comment: string): TokenMark | undefined {
  return (['stored', 'pending'] as const).find((mark) => {
    const text = TOKEN_MARKS[mark];
    return comment === text || comment.endsWith(` ${text}`);
  });
}
