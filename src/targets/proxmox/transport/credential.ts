import type { Caller } from '../caller.js';
import type { Method, TransportReply } from './transport.js';

/** One HTTP request below the API's root, without any proof of who sends it. */
export type Exchange = (
  request: { method: Method; path: string; headers?: Record<string, string>; body?: string | undefined },
  signal: AbortSignal,
) => Promise<TransportReply>;

/** The headers that prove who calls, or what came in place of them. */
export type Proof =
  | { ok: true; headers: (method: Method) => Record<string, string> }
  | { ok: false; reply: TransportReply };

/** What proves over HTTP who calls. */
export interface Credential {
  readonly caller: Caller;
  /** What must stand in no message. */
  secrets(): readonly string[];
  /** May ask the API for it, through `exchange`. */
  prove(exchange: Exchange, signal: AbortSignal): Promise<Proof>;
  /** Told that PVE did not take this proof (401). True: another one can be had, and the call may be repeated with it. */
  refused(proof: Proof): boolean;
}
