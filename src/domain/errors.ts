/** A source (Graph, Proxmox as a source) cannot be read: keep state, never plan removals on it. */
export class SourceUnavailable extends Error {
  override readonly name = 'SourceUnavailable';
}

/** A person must decide: two owners, a foreign account, a reserved name. `remedy` says what to do. */
export class Conflict extends Error {
  override readonly name = 'Conflict';
  constructor(
    message: string,
    readonly remedy: string,
  ) {
    super(message);
  }
}

/** This item is wrong for good; trying again does not help until somebody changes it. */
export class Rejected extends Error {
  override readonly name = 'Rejected';
}

/** The other side is occupied or asks for patience; the same call may succeed after `retryAfterMs`. */
export class Busy extends Error {
  override readonly name = 'Busy';
  constructor(
    message: string,
    readonly retryAfterMs?: number,
  ) {
    super(message);
  }
}

/** A bug of ours: stop rather than go on with a broken assumption. */
export class Invariant extends Error {
  override readonly name = 'Invariant';
}

/** The text of anything thrown, on one line. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replaceAll(/\s*\n\s*/g, ' ').trim();
}
