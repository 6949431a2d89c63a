import { parseGuid } from '../domain/identity.js';
import type { Key, Reason } from '../queue/queue.js';
import { isRecord } from './collection.js';
import type { DropReason } from './outcome.js';
import { covers, type NamedObject, readResource } from './watched-resource.js';

/** Above so many members in one item the group is read as a whole. */
const MAX_MEMBERS = 200;

/** What a notification can be the reason for. */
export type ToldReason = Exclude<Reason, 'caught-up'>;

export interface Hint {
  key: Key;
  reason: ToldReason;
  /** The item also reports that the same identity was added, so a removal proves nothing. */
  added: boolean;
}

export type ItemReading =
  | {
      hints: Hint[];
      badIds: number;
      /** It is about a group, and not only about members of whom it says that they are users. */
      mayNest: boolean;
    }
  | { dropped: DropReason };

/**
 * What one notification item makes us look at. `watched` is the resource of the subscription that the item came by.
 * Nothing but ids is taken from the item, and whether a member is marked as removed.
 */
export function readItem(
  item: Record<string, unknown>,
  watched: string,
  isWatchedGroup: (groupId: string) => boolean,
): ItemReading {
  const reading = readResource(item.resource);
  if (reading.kind === 'bad-id') return { dropped: 'bad-id' };
  if (reading.kind === 'other' || !covers(watched, reading.object)) return { dropped: 'wrong-resource' };
  const { object } = reading;
  if (object.kind === 'user') return one({ key: `user:${object.userId}`, reason: 'changed', added: false });
  if (!isWatchedGroup(object.groupId)) return { dropped: 'unwatched-group' };
  if (object.kind === 'member') return one({ key: `user:${object.userId}`, reason: 'changed', added: false }, true);
  return readMembers(object, isRecord(item.resourceData) ? item.resourceData['members@delta'] : undefined);
}

function readMembers({ groupId }: Extract<NamedObject, { kind: 'group' }>, delta: unknown): ItemReading {
  const group = { key: `group:${groupId}`, reason: 'changed', added: false } as const;
  if (!Array.isArray(delta) || delta.length > MAX_MEMBERS) return one(group, true);
  const members = new Map<string, { added: boolean; removed: boolean }>();
  let badIds = 0;
  let mayNest = false;
  for (const member of delta) {
    const id = isRecord(member) ? parseGuid(member.id) : undefined;
    if (!isRecord(member) || !id) {
      badIds += 1;
      continue;
    }
    // Notifications have been seen without any type; a delta answer tells it.
    if (typeOf(member) !== 'user') mayNest = true;
    const marks = members.get(id) ?? { added: false, removed: false };
    // A string in notifications, an object in delta answers.
    const mark = member['@removed'];
    if (typeof mark === 'string' || isRecord(mark)) marks.removed = true;
    else marks.added = true;
    members.set(id, marks);
  }
  if (members.size === 0) return { hints: [group], badIds, mayNest: true };
  const hints = [...members].map(([id, { added, removed }]): Hint => {
    return { key: `user:${id}`, reason: removed && !added ? 'removed' : 'changed', added };
  });
  return { hints, badIds, mayNest };
}

function one(hint: Hint, mayNest = false): ItemReading {
  return { hints: [hint], badIds: 0, mayNest };
}

function typeOf(member: Record<string, unknown>): string | undefined {
  const type = member['@odata.type'];
  return typeof type === 'string' ? type.split('.').at(-1)?.toLowerCase() : undefined;
}

/** One hint per key out of those of many items: a removal stands unless some item reports an addition as well. */
export function mergeHints(hints: readonly Hint[]): Map<Key, ToldReason> {
  const merged = new Map<Key, ToldReason>();
  const added = new Set<Key>();
  for (const hint of hints) {
    if (hint.added) added.add(hint.key);
    const removed = hint.reason === 'removed' || merged.get(hint.key) === 'removed';
    merged.set(hint.key, removed && !added.has(hint.key) ? 'removed' : 'changed');
  }
  return merged;
}
