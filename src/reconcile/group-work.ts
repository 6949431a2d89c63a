import { SourceUnavailable } from '../domain/errors.js';
import type { GroupId } from '../domain/identity.js';
import type { Claim } from '../queue/queue.js';
import type { ClaimWork } from './claim-work.js';
import type { Context } from './context.js';
import { GroupUnreadable, unreadGroups } from './health-groups.js';
import { identitiesOfGroup } from './identities.js';
import type { Trailing } from './trailing.js';

export interface GroupWorkOptions extends ClaimWork {
  trailing: Trailing;
  signal: AbortSignal;
}

/** A group changed: a key for everybody whom that may concern. */
export async function workOnGroup(ctx: Context, options: GroupWorkOptions, claim: Claim): Promise<void> {
  const { queue, trailing, settleClaim, failed, noteUnavailable, signal } = options;
  const group = claim.key.slice('group:'.length) as GroupId;
  await settleClaim(claim, async () => {
    try {
      const reason = claim.told === 'catch-up' ? 'caught-up' : 'changed';
      const unread = unreadGroups(ctx);
      const concern = await identitiesOfGroup(ctx, { group, since: claim.since }, signal);
      // The last sweep could not judge by a group that is back, nor end any countdown.
      if (unreadGroups(ctx).length < unread.length) await queue.put('sweep');
      if (concern.kind === 'everybody') await queue.put('sweep');
      else for (const oid of concern.oids) await queue.put(`user:${oid}`, reason);
    } catch (error) {
      if (error instanceof SourceUnavailable && !(error instanceof GroupUnreadable)) noteUnavailable(error);
      return failed(claim, error);
    }
    // Listings lag behind more than single readings do.
    const again = trailing.next(claim.key, ctx.clock.now(), false);
    if (again !== undefined) await queue.defer(claim.key, again);
    await queue.done(claim);
  });
}
