import { z } from 'zod';
import type { Subscription } from './subscription.js';

/**
 * A point in time as epoch ms. Graph writes offsets (`-07:00`) and seven decimals; no offset at all means UTC. One before
 * 1970 is a value that was never set (`0001-01-01`), and no date.
 */
const instant = z.string().transform((text, context) => {
  const at = Date.parse(/(z|[+-]\d\d:?\d\d)$/i.test(text) ? text : `${text}Z`);
  if (at >= 0) return at;
  context.addIssue({ code: 'custom', message: 'is not a date' });
  return z.NEVER;
});

/** A subscription as Graph shows it (Graph: resources/subscription). clientState is null there and not looked at. */
export const subscriptionSchema = z
  .object({
    id: z.string().min(1),
    resource: z.string(),
    changeType: z.string(),
    notificationUrl: z.string(),
    lifecycleNotificationUrl: z.string().nullish(),
    expirationDateTime: instant,
  })
  .transform(
    ({ expirationDateTime, lifecycleNotificationUrl, ...rest }): Subscription => ({
      ...rest,
      lifecycleNotificationUrl: lifecycleNotificationUrl ?? undefined,
      expiresAt: expirationDateTime,
    }),
  );
