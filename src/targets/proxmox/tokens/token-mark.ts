/**
 * What the comment of a token of ours says at its end. Proxmox keeps no time of making and no way to tie tokens
 * together, and a file of ours could be lost; so whatever a rotation has to know stands here.
 */
export interface TokenMark {
  /** `pending`: the token was made, and nobody has its secret before it is stored. */
  state: 'stored' | 'pending';
  /** The declared name, where the token has another id: it came after the first by a rotation. */
  family?: string | undefined;
  /** When its secret was made, epoch ms in whole seconds; undefined: not known, it was taken over. */
  since?: number | undefined;
  /** When it may go, epoch ms in whole seconds: a later one has taken its place. */
  revokeAfter?: number | undefined;
}

const NAME = '[A-Za-z][A-Za-z0-9._-]+';
const INSTANT = String.raw`\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z`;
const MARK = new RegExp(
  `(?:^| )\\(entramox(?: for (${NAME}))?(, not stored yet)?(?:, since (${INSTANT}))?(?:, revoke after (${INSTANT}))?\\)$`,
);

/** The comment of a token of ours. */
export function tokenComment(declared: string, { state, family, since, revokeAfter }: TokenMark): string {
  const parts = [
    family === undefined ? 'entramox' : `entramox for ${family}`,
    ...(state === 'pending' ? ['not stored yet'] : []),
    ...(since === undefined ? [] : [`since ${secondsIso(since)}`]),
    ...(revokeAfter === undefined ? [] : [`revoke after ${secondsIso(revokeAfter)}`]),
  ];
  const mark = `(${parts.join(', ')})`;
  return declared === '' ? mark : `${declared} ${mark}`;
}

/** Of a token that is being made at this instant (epoch ms). */
export function pendingMark(family: string | undefined, now: number): TokenMark {
  return { state: 'pending', family, since: wholeSeconds(now) };
}

/** undefined: not ours. */
export function markOfToken(comment: string): TokenMark | undefined {
  const found = MARK.exec(comment);
  if (!found) return undefined;
  const [, family, pending, since, revokeAfter] = found;
  const instants = [since, revokeAfter].map((text) => (text === undefined ? undefined : Date.parse(text)));
  // No calendar has such a day: nobody of us wrote that.
  if (instants.some(Number.isNaN)) return undefined;
  return { state: pending ? 'pending' : 'stored', family, since: instants[0], revokeAfter: instants[1] };
}

/** What a comment says without our mark. */
export function withoutTokenMark(comment: string): string {
  return comment.replace(MARK, '');
}

/** `2026-11-22T09:00:00Z`: whole seconds, as marks have them. */
export function secondsIso(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** Without the fraction of a second, which a mark does not keep. */
export function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}
