import { type ObjectId, parseGuid } from './identity.js';
import type { Wanted } from './lifecycle.js';

const MARK = /\bentra:([0-9a-f-]{36})\b/i;
const OURS = /^Entramox: |\bentra:[0-9a-f-]{4,}/i;
const RETIRED = 'Entramox: renamed to ';

/** Why the user is as it is, until when, and whose it is: what an administrator sees in the Proxmox user list. */
export function commentFor(oid: ObjectId, wanted: Wanted, reason: string | undefined): string {
  return `Entramox: ${sentence(wanted, reason)}; entra:${oid}`;
}

/** The comment of a userid whose person has a new user principal name. */
export function retiredComment(oid: ObjectId, successor: string): string {
  return `${RETIRED}${successor}; kept disabled; entra:${oid}`;
}

/** The object id in the ownership mark; undefined where the comment has none. */
export function ownerIn(comment: string): ObjectId | undefined {
  return parseGuid(MARK.exec(comment)?.[1]);
}

/** Whether the comment is one of ours, or was, but names nobody: cut short or edited by hand. */
export function hasDamagedMark(comment: string): boolean {
  return ownerIn(comment) === undefined && OURS.test(comment);
}

/** Whether the person of this userid has another one by now. */
export function isRetired(comment: string): boolean {
  return comment.startsWith(RETIRED);
}

/** What is left of a comment of ours when the user is given back: nobody's mark, and no sentence that would look like one. */
export function withoutMark(comment: string, now: number): string {
  const rest = comment.replaceAll(/;?\s*\bentra:[0-9a-f-]{36}\b/gi, '').trim();
  return rest === '' || OURS.test(rest) ? `given back by Entramox on ${utcMinute(now)}` : rest;
}

/** `2026-11-22 09:00 UTC` */
export function utcMinute(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

function sentence(wanted: Wanted, reason: string | undefined): string {
  switch (wanted.presence) {
    case 'active':
      return 'active';
    case 'suspended':
      return 'suspended, disabled in Entra';
    case 'grace':
      return `left (${reason ?? 'out of scope'}), deletes ${utcMinute(wanted.deleteAt)}`;
    case 'deleted':
      return 'left and deleted, kept disabled so that the name is never handed on';
    default:
      return wanted satisfies never;
  }
}
