/** One event as a partition keeps it. */
export interface StoredEvent {
  sequenceNumber: number;
  /** Bytes before it, as text: clients must not calculate with it. */
  offset: string;
  enqueuedAt: number;
  body: EventBody;
}

/** The AMQP section that the body stands in; Graph sends `data`. */
export type EventBody = { section: 'data'; content: Buffer } | { section: 'value' | 'sequence'; content: unknown };

/** Where a reader starts: after, or at, a position; `@latest` and `-1` are the ends. */
export interface StartAt {
  by: 'offset' | 'sequence';
  value: string;
  inclusive: boolean;
}

/** An append-only partition with retention. */
export interface PartitionLog {
  id: string;
  append(body: EventBody): StoredEvent;
  /** Everything still kept from the position on; undefined: the position lies beyond the end, which is refused. */
  from(start: StartAt): readonly StoredEvent[] | undefined;
  /** Forgets all but the newest events, as retention does. */
  retain(newest: number): void;
  /** As if the hub had been deleted and made again: numbers start anew. */
  recreate(): void;
  events(): readonly StoredEvent[];
  last(): StoredEvent | undefined;
}

/** An empty partition. */
export function createPartitionLog(id: string): PartitionLog {
  let kept: StoredEvent[] = [];
  let nextSequence = 0;
  let nextOffset = 0;
  let last: StoredEvent | undefined;

  return {
    id,
    append(body) {
      const event = { sequenceNumber: nextSequence, offset: String(nextOffset), enqueuedAt: Date.now(), body };
      nextSequence += 1;
      nextOffset += body.section === 'data' ? body.content.length + 80 : 120;
      kept.push(event);
      last = event;
      return event;
    },
    from({ by, value, inclusive }) {
      if (by === 'offset' && value === '@latest') return [];
      const position = Number(value);
      if (by === 'offset' && position > nextOffset) return undefined;
      return kept.filter((event) => {
        const own = by === 'offset' ? Number(event.offset) : event.sequenceNumber;
        return own > position || (inclusive && own === position);
      });
    },
    retain(newest) {
      kept = newest === 0 ? [] : kept.slice(-newest);
    },
    recreate() {
      kept = [];
      nextSequence = 0;
      nextOffset = 0;
      last = undefined;
    },
    events: () => kept,
    last: () => last,
  };
}
