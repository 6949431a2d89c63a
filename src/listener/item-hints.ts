import { parseGuid } from '../domain/identity.js';
import type { Key, Reason } from '../queue/queue.js';
import { isRecord } from './collection.js';
import type { DropReason } from './outcome.js';
import { covers, type NamedObject, readResource } from './watched-resource.js';

/** Above so many members in one item the group is read as a whole. */
const MAX_MEMBERS = 200;

export interface Hint {
  key: Key;
  reason: Reason;
  /** The item also reports that the same identity was added, so a removal proves nothing. */
  added: boolean;
}

export type ItemReading = { hints: Hint[]; badIds: number } | { dropped: DropReason };

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
  if (object.kind === 'member') return one({ key: `user:${object.userId}`, reason: 'changed', added: false });
  return readMembers(object, isRecord(item.resourceData) ? item.resourceData['members@delta'] : undefined);
}

function readMembers({ groupId }: Extract<NamedObject, { kind: 'group' }>, delta: unknown): ItemReading {
  const group = { key: `group:${groupId}`, reason: 'changed', added: false } as const;
  if (!Array.isArray(delta) || delta.length > MAX_MEMBERS) return one(group);
  const members = new Map<string, { added: boolean; removed: boolean }>();
  let badIds = 0;
  for (const member of delta) {
    const id = isRecord(member) ? parseGuid(member.id) : undefined;
    if (!isRecord(member) || !id) {
      badIds += 1;
      continue;
    }
    const marks = members.get(id) ?? { added: false, removed: false };
    // A string in notifications, an object in delta answers.
    const mark = member['@removed'];
    if (typeof mark === 'string' || isRecord(mark)) marks.removed = true;
    else marks.added = true;
    members.set(id, marks);
  }
  if (members.size === 0) return { hints: [group], badIds };
  const hints = [...members].map(([id, { added, removed }]): Hint => {
    return { key: `user:${id}`, reason: removed && !added ? 'removed' : 'changed', added };
  });
  return { hints, badIds };
}

function one(hint: Hint): ItemReading {
  return { hints: [hint], badIds: 0 };
}

/** One hint per key out of those of many items: a removal stands unless some item reports an addition as well. */
export function mergeHints(hints: readonly Hint[]): Map<Key, Reason> {
  const merged = new Map<Key, Reason>();
  const added = new Set<Key>();
  for (const hint of hints) {
    if (hint.added) added.add(hint.key);
    const removed = hint.reason === 'removed' || merged.get(hint.key) === 'removed';
    merged.set(hint.key, removed && !added.has(hint.key) ? 'removed' : 'changed');
  }
  return merged;
}
