import { parseGuid } from '../domain/identity.js';
import type { Key } from './queue.js';

/** What a file in the spool says: something changed, a removal was reported, catch-up found it, or "look again then". */
export type MarkKind = 'hint' | 'removed' | 'catch-up' | 'later';

/** Every kind of file that one key may have. */
export const MARK_KINDS = ['hint', 'removed', 'catch-up', 'later'] as const satisfies readonly MarkKind[];

const SUFFIX: Record<MarkKind, string> = {
  hint: '',
  removed: '.removed',
  'catch-up': '.catch-up',
  later: '.later',
};
const NAME = /^(?:(user|group)-([0-9a-f-]{36})|(sweep))(\.removed|\.catch-up|\.later)?$/;

/** The file name without suffix: `user-<guid>`, `group-<guid>` or `sweep`. */
export function stemOf(key: Key): string {
  return key.replace(':', '-');
}

/** The file name of one mark of a key. */
export function nameOf(key: Key, kind: MarkKind): string {
  return stemOf(key) + SUFFIX[kind];
}

/** Key and kind of a file name; undefined for anything that we would not have written ourselves. */
export function parseSpoolName(name: string): { key: Key; kind: MarkKind } | undefined {
  const match = NAME.exec(name);
  if (!match) return undefined;
  const [, type, guid, sweep, suffix] = match;
  const kind = MARK_KINDS.find((mark) => SUFFIX[mark] === (suffix ?? '')) ?? 'hint';
  if (sweep) return { key: 'sweep', kind };
  if (parseGuid(guid) !== guid || guid === undefined) return undefined;
  return { key: type === 'user' ? `user:${guid}` : `group:${guid}`, kind };
}

/** The key, where the text is one in its only spelling (lower-case GUID); otherwise undefined. */
export function parseKey(text: string): Key | undefined {
  const parsed = parseSpoolName(text.replace(':', '-'));
  return parsed?.kind === 'hint' && parsed.key === text ? parsed.key : undefined;
}
