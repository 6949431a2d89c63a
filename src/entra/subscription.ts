/** A Graph change-notification subscription, as Graph shows it. `clientState` is never shown again after creation. */
export interface Subscription {
  id: string;
  /** `/groups/{id}`, `/groups`, `/users` or `/users/{id}`. */
  resource: string;
  changeType: string;
  notificationUrl: string;
  lifecycleNotificationUrl?: string | undefined;
  /** Epoch ms, read back from Graph, never assumed. */
  expiresAt: number;
}

export interface NewSubscription {
  resource: string;
  changeType: string;
  notificationUrl: string;
  lifecycleNotificationUrl: string;
  expiresAt: number;
  clientState: string;
}

/** Outcomes that the keeper of subscriptions handles; everything else is thrown. */
export type CreateOutcome =
  | { kind: 'created'; subscription: Subscription }
  /** 409: the same app already has one for this resource; `existingId` is read from Graph's message. */
  | { kind: 'exists'; existingId: string | undefined }
  /** 403: a missing permission, or the quota of 100; `explanation` is for the operator. */
  | { kind: 'forbidden'; explanation: string }
  /** The watched user or group is not there (any more), which is no matter of permissions. */
  | { kind: 'no-object'; explanation: string }
  /** 400 from the handshake inside the call: Graph could not reach or did not understand our endpoint. */
  | { kind: 'endpoint-failed'; explanation: string };

/** The subscription calls of Graph. Every method throws SourceUnavailable when Graph cannot be asked. */
export interface SubscriptionApi {
  create(wanted: NewSubscription, signal: AbortSignal): Promise<CreateOutcome>;
  /** undefined: 404, it is gone. */
  get(id: string, signal: AbortSignal): Promise<Subscription | undefined>;
  list(signal: AbortSignal): Promise<Subscription[]>;
  /** The subscription with the expiry that Graph returned; undefined: 404. */
  renew(id: string, expiresAt: number, signal: AbortSignal): Promise<Subscription | undefined>;
  /** false: 404, it was gone already. */
  delete(id: string, signal: AbortSignal): Promise<boolean>;
  /** false: 404. Never within ten minutes of a renewal (Graph: change-notifications-lifecycle-events). */
  reauthorize(id: string, signal: AbortSignal): Promise<boolean>;
}
