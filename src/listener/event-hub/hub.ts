/** One event as it comes out of a hub. */
export interface HubEvent {
  /** What the sender put in; bytes where the sender is Graph. */
  body: unknown;
  /** Counts up by one within a partition. */
  sequenceNumber: number;
  /** Where it stands in the partition; never calculated with. */
  offset: string;
}

/** Whoever takes the events of a hub. */
export interface HubHandlers {
  /**
   * Events of a partition in their order; none of them for a while is an empty list. Nothing more of the partition comes
   * before it resolves. `checkpoint` makes the last of them the one after which a restart goes on.
   */
  onEvents(partition: string, events: readonly HubEvent[], checkpoint: () => Promise<void>): Promise<void>;
  /** The partition (undefined: the whole hub) cannot be read just now; it is tried again once this resolves. */
  onTrouble(partition: string | undefined, error: unknown): Promise<void>;
}

/** A connection to one hub, from which nothing comes before `read`. */
export interface HubConnection {
  /** Ids of all partitions. Rejects where the hub cannot be asked. */
  partitions(): Promise<readonly string[]>;
  /** Reads a partition from its checkpoint on, or from the oldest event that is kept, until `stop`. */
  read(partition: string, handlers: HubHandlers): { stop(): Promise<void> };
  close(): Promise<void>;
}
