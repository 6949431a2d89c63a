import { join } from 'node:path';
import { readEtc } from './etc.js';
import { readIfThere } from './if-there.js';

/** First and last of a row of uids that somebody may take in a user namespace (subuid(5)). */
export type SubordinateRange = readonly [first: number, last: number];

/** System and login uids end here; nobody's subordinate uids may be among them. */
const FIRST_FREE_UID = 65_536;

/**
 * The ranges of an account in /etc/subuid, by name or by uid. One that overlaps a range of somebody else, or holds
 * the uid of another account, is left out: whose process it is cannot be told, and on a Proxmox host root's range holds
 * every container.
 */
export function subordinateRanges(
  etcDirectory: string,
  { name, uid }: { name: string; uid: number },
): SubordinateRange[] {
  const lines = (readIfThere(join(etcDirectory, 'subuid')) ?? '').split('\n').flatMap((line) => {
    const [owner = '', first, count] = line.split(':');
    const range = [Number(first), Number(first) + Number(count) - 1] as const;
    return range.every(Number.isSafeInteger) ? [{ isOwn: owner === name || owner === String(uid), range }] : [];
  });
  const others = lines.filter(({ isOwn }) => !isOwn);
  const accounts = [...readEtc(etcDirectory).nameOfUid.keys()];
  return lines
    .filter(({ isOwn, range }) => isOwn && range[0] >= FIRST_FREE_UID && range[1] >= range[0])
    .map(({ range }) => range)
    .filter(([first, last]) => !others.some(({ range }) => range[0] <= last && first <= range[1]))
    .filter((range) => !accounts.some((other) => other !== uid && isSubordinate([range], other)));
}

/** Whether a uid lies in one of the ranges. */
export function isSubordinate(ranges: readonly SubordinateRange[], uid: number): boolean {
  return ranges.some(([first, last]) => first <= uid && uid <= last);
}
