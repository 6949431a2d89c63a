import type { ObjectId } from './identity.js';
import { isRetired, ownerIn } from './proxmox-comment.js';

/** What the comment of a Proxmox user that we wrote tells, without any record beside it. */
export interface ProxmoxMark {
  userid: string;
  oid: ObjectId;
  enabled: boolean;
  /** `retired`: a userid of an earlier user principal name. */
  state: 'active' | 'suspended' | 'grace' | 'deleted' | 'retired';
  /** Epoch ms, never before the written minute is over; undefined where the comment names none that can be read. */
  deleteAt?: number | undefined;
  /** Why its person left. */
  reason?: string | undefined;
}

const GRACE = /^Entramox: left \((.*)\), deletes /;
const DELETES = /, deletes (\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}) UTC; entra:/;
const MINUTE_MS = 60_000;

/**
 * Our mark on a user; undefined where nobody is named, or where the comment is not one of our sentences: a mark that an
 * administrator wrote by hand says whose the user is, and not that we made it.
 */
export function markOf(userid: string, enabled: boolean, comment: string): ProxmoxMark | undefined {
  const oid = ownerIn(comment);
  if (oid === undefined || !comment.startsWith('Entramox: ')) return undefined;
  const mark = { userid, oid, enabled };
  if (isRetired(comment)) return { ...mark, state: 'retired' };
  if (comment.startsWith('Entramox: suspended')) return { ...mark, state: 'suspended' };
  if (comment.startsWith('Entramox: left and deleted')) return { ...mark, state: 'deleted' };
  if (comment.startsWith('Entramox: left')) {
    return { ...mark, state: 'grace', deleteAt: deletionIn(comment), reason: GRACE.exec(comment)?.[1] };
  }
  return { ...mark, state: 'active' };
}

/** The comment shows whole minutes; the end of that minute is never before the instant that was meant. */
function deletionIn(comment: string): number | undefined {
  const [, day, minute] = DELETES.exec(comment) ?? [];
  if (day === undefined || minute === undefined) return undefined;
  const time = Date.parse(`${day}T${minute}:00Z`);
  return Number.isNaN(time) ? undefined : time + MINUTE_MS;
}
