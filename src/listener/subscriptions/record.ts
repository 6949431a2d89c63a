import { z } from 'zod';

/** Raised with every change of shape that an older Entramox could not read. */
export const STORE_VERSION = 1;

const time = z.number().int().nonnegative();

/** One subscription of ours. Times are epoch ms. */
export const recordSchema = z.object({
  /** null: asked for, and no answer is stored yet. */
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
});

export type SubscriptionRecord = z.infer<typeof recordSchema>;

/** A record that Graph has confirmed. */
export type LiveRecord = SubscriptionRecord & { id: string };

export const storeSchema = z.object({
  version: z.literal(STORE_VERSION),
  subscriptions: z.array(recordSchema),
});

export type StoreData = z.infer<typeof storeSchema>;
