/** What says that a group is ours: the end of its comment. The older form, of the set-up script, names no realm. */
const MARK = /(?:^|; )managed by Entramox(?: for the realm ([A-Za-z0-9._-]+))?$/;

/** The comment of a managed group; `seen`: that of one that is there, which keeps its own words. */
export function groupComment(realm: string, seen = ''): string {
  const words = seen.replace(MARK, '');
  return `${words}${words === '' ? '' : '; '}managed by Entramox for the realm ${realm}`;
}

/** The realm that a mark names; null: a mark without one; undefined: no mark. */
export function realmInMark(comment: string): string | null | undefined {
  const match = MARK.exec(comment);
  return match ? (match[1] ?? null) : undefined;
}

/** Whether we may change the group of this comment for that realm. */
export function isOurGroup(comment: string, realm: string): boolean {
  const marked = realmInMark(comment);
  return marked === null || marked === realm;
}
