import type { SubscriptionApi } from '../../entra/subscription.js';

/** The service principal by which Graph sends (Graph: delivery by event hubs). */
const CHANGE_TRACKING = '"Microsoft Graph Change Tracking" (0bf30f3b-4a52-48df-9a82-234910c4a086)';

/**
 * The same calls for subscriptions that send to a hub: where Graph could not reach it, what to mend is not our endpoint.
 */
export function explainedForHub(api: SubscriptionApi): SubscriptionApi {
  return {
    ...api,
    async create(wanted, signal) {
      const outcome = await api.create(wanted, signal);
      if (outcome.kind !== 'endpoint-failed') return outcome;
      const explanation =
        `Graph cannot send to the event hub: grant ${CHANGE_TRACKING} the role Azure Event Hubs Data Sender on it, ` +
        `or check the vault's secret; and check EVENTHUB_TENANT_DOMAIN. ${outcome.explanation}`;
      return { ...outcome, explanation };
    },
  };
}
