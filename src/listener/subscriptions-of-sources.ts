import type { SubscriptionKeeper } from './subscriptions/keeper.js';

/** The keepers of all change sources as one, for an operator; each goes on looking after its own alone. */
export function combineKeepers(
  keepers: readonly SubscriptionKeeper[],
): Pick<SubscriptionKeeper, 'list' | 'renewAll' | 'deleteAll' | 'tick'> {
  return {
    list: () => keepers.flatMap((keeper) => keeper.list()),
    async tick(signal) {
      // One after the other: where Graph takes two of them for the same, the first one has it.
      for (const keeper of keepers) await keeper.tick(signal);
    },
    async renewAll(signal) {
      const views = [];
      for (const keeper of keepers) views.push(...(await keeper.renewAll(signal)));
      return views;
    },
    async deleteAll(signal) {
      let deleted = 0;
      for (const keeper of keepers) deleted += await keeper.deleteAll(signal);
      return deleted;
    },
  };
}
