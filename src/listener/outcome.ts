/** What became of a request, or of one item in it. Labels of a metric, so an interface. */
export type IntakeOutcome =
  /** Stored: at least one key came of the item. */
  | 'accepted'
  | 'lifecycle'
  | 'handshake'
  /** The whole request was refused. */
  | 'bad-token'
  | 'not-json'
  | 'too-large'
  | 'malformed'
  | 'not-found'
  /** Our own failure: answered 503. */
  | 'unstored'
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
