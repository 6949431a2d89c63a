import { SourceUnavailable } from '../domain/errors.js';
import type { GroupId } from '../domain/identity.js';
import type { GroupReading } from '../domain/reading.js';
import type { Context } from './context.js';

/** A configured group cannot be listed. Its name stands among the problems; whoever was in it counts as in it still. */
export class GroupUnreadable extends SourceUnavailable {}

const KEY = 'group:';

/** The key under which a configured group that cannot be read is told. */
export function groupProblem(group: GroupId): string {
  return `${KEY}${group}`;
}

/** The configured groups that could not be read when they were looked at last. */
export function unreadGroups(ctx: Pick<Context, 'problems'>): GroupId[] {
  return [...ctx.problems.keys()].flatMap((key) => (key.startsWith(KEY) ? [key.slice(KEY.length) as GroupId] : []));
}

/** Tells the problems how a configured group could be read. Gives back why it could not; undefined: it could. */
export function noteGroupReading(
  ctx: Pick<Context, 'problems' | 'log'>,
  group: GroupId,
  reading: GroupReading | undefined,
): string | undefined {
  if (reading?.certainty === 'present') {
    ctx.problems.delete(groupProblem(group));
    return undefined;
  }
  const why = reading?.why ?? 'it is missing in the listing';
  ctx.problems.note(groupProblem(group), { detail: `group ${group} cannot be read: ${why}`, mend: reading?.mend });
  ctx.log('reconcile.group.unreadable', { group, why });
  return why;
}
