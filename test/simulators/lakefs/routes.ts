import type { Faults } from './faults.js';
import type { Flavour, State } from './state.js';

/** What a handler of a call gets. */
export interface Call {
  /** Decoded parts of the path. */
  params: Readonly<Record<string, string>>;
  query: URLSearchParams;
  /** The JSON object of the body; empty where there was none. */
  body: Readonly<Record<string, unknown>>;
  /** Whose key it was. */
  userId: string;
}

/** `body` undefined: nothing is sent, and no content-type. */
export interface Reply {
  status: number;
  body?: unknown;
}

export interface Route {
  method: string;
  template: string;
  /** What the key's user needs; `undefined` for what everybody signed in may do, `open` for everybody. */
  permission: string | undefined | 'open';
  /** Of which kinds of lakeFS it is a part; in the others it is 501. */
  flavours: readonly Flavour[];
  /** The keys that a body may and must have. */
  body?: { required: readonly string[]; optional?: readonly string[] };
  handle(call: Call): Reply;
}

/** What the routes work on. */
export interface Service {
  state: State;
  flavour: Flavour;
  /** Whether a repeated PUT of a membership or policy is 409 instead of 201. */
  conflictOnRepeatedPut(): boolean;
  canInvite(): boolean;
  faults: Faults;
}

export const ALL: readonly Flavour[] = ['cloud', 'names', 'simplified', 'none'];
export const WITH_GROUPS: readonly Flavour[] = ['cloud', 'names', 'simplified'];
export const WITH_POLICIES: readonly Flavour[] = ['cloud', 'names'];
export const WITH_ACLS: readonly Flavour[] = ['simplified'];

/** A parameter of the path, which the router has put there. */
export function param(call: Call, name: string): string {
  return call.params[name] ?? '';
}
