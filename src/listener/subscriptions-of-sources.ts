import type { SubscriptionKeeper } from './subscriptions/keeper.js';
import type { SubscriptionView } from './subscriptions/view.js';

/** A change source that Graph sends to. */
export interface KeptSource {
  source: 'webhook' | 'eventhub';
  /** Where Graph is asked to send. */
  address: string;
  keeper: SubscriptionKeeper;
}

/** `sendsTo` is also said of one that is missing: where it would send. */
export interface SourcedView extends SubscriptionView {
  source: KeptSource['source'];
}

export interface CombinedKeepers extends Pick<SubscriptionKeeper, 'deleteAll' | 'tick'> {
  list(): SourcedView[];
  renewAll(signal: AbortSignal): Promise<SourcedView[]>;
}

/** The keepers of all change sources as one, for an operator; each goes on looking after its own alone. */
export function combineKeepers(sources: readonly KeptSource[]): CombinedKeepers {
  const list = () =>
    sources.flatMap(({ source, address, keeper }) =>
      keeper.list().map((view) => ({ ...view, source, sendsTo: view.sendsTo ?? address })),
    );
  return {
    list,
    async tick(signal) {
      // One after the other: where Graph takes two of them for the same, the first one has it.
      for (const { keeper } of sources) await keeper.tick(signal);
    },
    async renewAll(signal) {
      for (const { keeper } of sources) await keeper.renewAll(signal);
      return list();
    },
    async deleteAll(signal) {
      let deleted = 0;
      for (const { keeper } of sources) deleted += await keeper.deleteAll(signal);
      return deleted;
    },
  };
}
