import type { ShownSubscription } from '../../listener/subscriptions/routes.js';
import type { GroupView } from '../../operator/groups.js';

/**
 * How changes of a configured group are heard of: by a subscription of its own, by one on all groups, by catch-up and
 * sweeps alone, or by sweeps alone.
 */
export type Watched = 'subscription' | 'collection' | 'catch-up' | 'sweep';

export type ShownGroup = GroupView & { watched: Watched };

/** So many groups are shown; the JSON has all. */
const SHOWN = 40;

/**
 * The groups with how each is watched. Graph does not say whether changes that a rule makes are notified, so a dynamic
 * group counts as not notified, whatever subscription there is on it.
 */
export function shownGroups(
  groups: readonly GroupView[],
  subscriptions: readonly ShownSubscription[] | undefined,
  hasCatchUp: boolean,
): ShownGroup[] {
  const live = new Set(
    (subscriptions ?? []).flatMap(({ resource, state }) => (state === 'live' ? [resource.toLowerCase()] : [])),
  );
  return groups.map((group) => ({ ...group, watched: watchedBy(group) }));

  function watchedBy({ id, kind }: GroupView): Watched {
    if (kind !== 'dynamic') {
      if (live.has(`/groups/${id}`)) return 'subscription';
      if (live.has('/groups')) return 'collection';
    }
    return hasCatchUp ? 'catch-up' : 'sweep';
  }
}

/** One line for each group: name, size, what is nested, and how its changes are heard of. */
export function groupRows(groups: readonly ShownGroup[]): string[][] {
  const rows = groups
    .slice(0, SHOWN)
    .map((group) => [
      group.displayName ?? group.id,
      group.members === undefined ? '' : `${group.members} members`,
      nestedText(group),
      watchedText(group),
    ]);
  const more = groups.length - rows.length;
  return more > 0 ? [...rows, [`and ${more} more`, '', '', '']] : rows;
}

function nestedText({ nested, unread }: GroupView): string {
  if (!nested) return unread ? `what is nested cannot be read: ${unread}` : 'what is nested was not read yet';
  const dynamic = nested.dynamic > 0 ? `, ${nested.dynamic} of them dynamic` : '';
  const known = nested.groups === 0 ? 'nothing nested' : `${nested.groups} nested${dynamic}`;
  return unread ? `${known} when it could be read last (${unread})` : known;
}

const HEARD: Record<Watched, string> = {
  subscription: 'watched by a subscription',
  collection: 'watched by the subscription on all groups',
  'catch-up': 'catch-up and sweeps only',
  sweep: 'sweeps only',
};

function watchedText({ watched, kind, hidden }: ShownGroup): string {
  const why = kind === 'dynamic' ? ' (dynamic: Graph promises no notifications)' : '';
  return `${HEARD[watched]}${why}${hidden ? '; hidden membership, needs Member.Read.Hidden' : ''}`;
}
