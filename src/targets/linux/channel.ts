import type { Readable, Writable } from 'node:stream';

/** One open way to an account agent. */
export interface Channel {
  input: Writable;
  output: Readable;
  /** Resolves with the reason, in words, once nothing can be asked or answered over it any more. Never rejects. */
  closed: Promise<string>;
  /** Lets the agent finish and resolves when it is gone; ends it by force after a while. */
  close(): Promise<void>;
}

/** Opens a way to the agent. Rejects with Busy when that is not possible now. */
export type Connect = (signal: AbortSignal) => Promise<Channel>;
