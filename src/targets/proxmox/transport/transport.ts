import type { AnswerText } from '../answer.js';
import type { Caller } from '../caller.js';

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** One call, as the client hands it down. */
export interface TransportRequest {
  method: Method;
  /** A route with `{names}`, below /api2/json: `/access/users/{userid}`. */
  route: string;
  params?: Readonly<Record<string, string>> | undefined;
  query?: Readonly<Record<string, string>> | undefined;
  body?: Readonly<Record<string, string | number | boolean | readonly string[]>> | undefined;
}

/** What one attempt came to. */
export type TransportReply =
  /** PVE answered; `body` is `{"data":…}`, or `{"message":…,"errors":…}` for a status of 300 and above. */
  | { kind: 'answer'; status: number; reason: string; body: AnswerText }
  /** Nothing was done, and trying again does not help until somebody changes something. */
  | { kind: 'refused'; error: Error }
  /** Nothing was done; a moment later the same may go well. */
  | { kind: 'not-sent'; what: string }
  /** It was on its way when the connection broke: the outcome of a write is not known. */
  | { kind: 'lost'; what: string };

/**
 * One way to the API of Proxmox VE, for one attempt at a time: retries, deadlines, the write lane and the meaning of
 * errors are the client's.
 */
export interface ProxmoxTransport {
  /** Host and port, or the node itself, for messages. */
  readonly host: string;
  readonly caller: Caller;
  /** For messages; Proxmox VE where it is not said. */
  readonly product?: 'Proxmox Backup Server' | undefined;
  /** What an operator looks at where nothing answers, and where the answer is not PVE's. */
  readonly advice: { readonly silent: string; readonly strange: string };
  /** What an attempt takes on top of PVE's own time, in milliseconds: starting a program, logging in. */
  readonly overheadMs: number;
  /** What must stand in no message; it may change with time. */
  secrets(): readonly string[];
  /** Rejects with the signal's reason when it is aborted, and for paths that cannot be built (Rejected). */
  send(request: TransportRequest, signal: AbortSignal): Promise<TransportReply>;
  close(): Promise<void>;
}
