import type { TokenDeclaration } from './declaration.js';
import type { Member } from './family.js';
import { secondsIso } from './token-mark.js';

const DAY_MS = 86_400_000;
const OVERLAP_MS = 7 * DAY_MS;

type Spans = Pick<TokenDeclaration, 'rotateEveryMs' | 'rotateOverlapMs' | 'lifetimeMs'>;

/**
 * How long a former token may be used beside the new one: as declared, else a week, and never more than half of the
 * time between two rotations.
 */
export function overlapOf({ rotateEveryMs, rotateOverlapMs, lifetimeMs }: Spans): number {
  if (rotateOverlapMs !== undefined) return rotateOverlapMs;
  return Math.min(OVERLAP_MS, ...[rotateEveryMs, lifetimeMs].flatMap((span) => (span === undefined ? [] : [span / 2])));
}

/** When a token is to be rotated, epoch ms; undefined: never by itself, `unknown`: nobody knows how old it is. */
export function rotationDueAt(declaration: Spans, { mark, token }: Member): number | 'unknown' | undefined {
  const { rotateEveryMs, lifetimeMs } = declaration;
  if (rotateEveryMs === undefined && lifetimeMs === undefined) return undefined;
  if (mark.since === undefined) return 'unknown';
  const dates: number[] = [];
  if (rotateEveryMs !== undefined) dates.push(mark.since + rotateEveryMs);
  if (lifetimeMs !== undefined && token.expire !== 0) {
    // The former one must live until the overlap is over, and whoever looks may do so once a day only.
    dates.push(token.expire * 1000 - overlapOf(declaration) - Math.min(DAY_MS, lifetimeMs / 4));
  }
  return dates.length === 0 ? undefined : Math.min(...dates);
}

/** Whether a token is to be rotated now, and why or why not. */
export function findDue(declaration: Spans, member: Member, now: number): { isOn: boolean; why: string } {
  const dueAt = rotationDueAt(declaration, member);
  if (dueAt === undefined) return { isOn: false, why: 'is never rotated by itself: no rotate_every is declared' };
  if (dueAt === 'unknown') return { isOn: true, why: 'nobody knows how old it is' };
  return { isOn: dueAt <= now, why: `${dueAt <= now ? 'due since' : 'due at'} ${secondsIso(dueAt)}` };
}
