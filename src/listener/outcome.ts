/** What became of a request, or of one item in it. Labels of a metric, so an interface. */
export type IntakeOutcome =
  /** Stored: at least one key came of the item. */
  | 'accepted'
  | 'lifecycle'
  | 'handshake'
  /** Graph tried the way to an event hub while a subscription was made. */
  | 'probe'
  /** The whole request was refused. */
  | 'bad-token'
  | 'not-json'
  | 'too-large'
  /** More than we hold of all bodies together, and this the largest of them: answered 503. */
  | 'crowded-out'
  | 'malformed'
  | 'not-found'
  /** From an address that is not on the allow-list. */
  | 'foreign-address'
  /** Our own failure: answered 503; an event waits in its hub. */
  | 'unstored'
  /** The disk did not make it durable in time, or too much waits for it: answered 503 as well. */
  | 'late'
  /** The item was dropped. */
  | 'malformed-item'
  | 'unknown-subscription'
  | 'wrong-client-state'
  | 'wrong-tenant'
  | 'wrong-resource'
  | 'unwatched-group'
  | 'bad-id';

/** Outcomes that mean an item told us nothing that we may use. */
export type DropReason = Extract<
  IntakeOutcome,
  | 'malformed-item'
  | 'unknown-subscription'
  | 'wrong-client-state'
  | 'wrong-tenant'
  | 'wrong-resource'
  | 'unwatched-group'
  | 'bad-id'
>;
