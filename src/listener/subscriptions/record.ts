import { z } from 'zod';

/** Raised with every change of shape that an older Entramox could not read. */
export const STORE_VERSION = 1;

const time = z.number().int().nonnegative();

/** Why Graph did not tell us of a resource for a while. `replaced`: by ourselves, since it could not be renewed. */
export const gapKind = z.enum(['expired', 'gone', 'changed', 'replaced']);

export type GapKind = z.infer<typeof gapKind>;

/** One subscription of ours. Times are epoch ms. What is optional is unknown in files of older releases. */
export const recordSchema = z.object({
  /** null: asked for, and no answer is stored yet, or there is none at present. */
  id: z.string().min(1).nullable(),
  resource: z.string().min(1),
  changeType: z.string().min(1),
  clientState: z.string().min(32).max(128),
  expiresAt: time,
  createdAt: time,
  /** When the expiry was set last. */
  renewedAt: time,
  /** When Graph was last asked to create, renew or reauthorize it. */
  touchedAt: time,
  touchedBy: z.enum(['create', 'renew', 'reauthorize']).default('create'),
  /** With a null id: Graph said clearly that there is none of ours. Otherwise there may be one whose answer was lost. */
  refused: z.boolean().optional(),
  /** Ids that were ours, newest last: Graph may still name one that is deleted. */
  former: z.array(z.string()).optional(),
  /** The address that was asked for. */
  notificationUrl: z.string().optional(),
  /** How Graph showed it when it was made: what it looks like when nobody has changed it. */
  shown: z
    .object({
      resource: z.string(),
      changeType: z.string(),
      notificationUrl: z.string(),
      lifecycleNotificationUrl: z.string().optional(),
    })
    .optional(),
  /** When Graph last confirmed that it is as we want it. */
  goodAt: time.optional(),
  /** A reauthorization that Graph asked for and that has not succeeded yet. */
  reauthorizeSince: time.optional(),
  /** Not covered at present, and since when. */
  gap: z.object({ since: time, kind: gapKind }).optional(),
  lastGap: z.object({ from: time, to: time, kind: gapKind }).optional(),
  /** Gaps that ended, and their length together. */
  gaps: time.optional(),
  gapMs: time.optional(),
  /** When it was found gone, newest last. */
  goneAt: z.array(time).optional(),
  /** When it was replaced since somebody else had altered it, newest last. */
  alteredAt: z.array(time).optional(),
  /** Somebody else's subscription for which we stand back. */
  rival: z.object({ id: z.string().optional(), url: z.string(), since: time }).optional(),
});

export type SubscriptionRecord = z.infer<typeof recordSchema>;

/** A record that Graph has confirmed. */
export type LiveRecord = SubscriptionRecord & { id: string };

/** Whether Graph has confirmed the subscription. */
export function isLive(record: SubscriptionRecord | undefined): record is LiveRecord {
  return record !== undefined && record.id !== null;
}

export const storeSchema = z.object({
  version: z.literal(STORE_VERSION),
  subscriptions: z.array(recordSchema),
  /** A sweep that is owed since changes may have gone unreported; `number` tells a later debt from this one. */
  debt: z.object({ since: time, why: z.string(), number: time }).optional(),
  /** Subscriptions that were deleted at Graph though they could not be proved to be ours. */
  replacements: z.array(z.object({ resource: z.string(), url: z.string(), at: time })).optional(),
});

export type StoreData = z.infer<typeof storeSchema>;
export type SweepDebt = NonNullable<StoreData['debt']>;
