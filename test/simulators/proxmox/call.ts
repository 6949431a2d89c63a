import type { RawParams } from './fields.js';
import type { Caller } from './identity.js';
import type { Permissions } from './permissions.js';
import type { Release } from './release.js';
import type { State } from './state.js';

/** What an endpoint works with. */
export interface Service {
  readonly state: State;
  readonly permissions: Permissions;
  readonly release: Release;
  /** Seconds since the epoch. */
  nowSeconds(): number;
  /** The order in which a hash comes out of Perl: none. */
  shuffle<T>(items: readonly T[]): T[];
  /**
   * Runs a change of user.cfg under the cluster lock, all or nothing; a failure carries the operation's name.
   * @throws ApiError
   */
  write<T>(operation: string, change: () => T): Promise<T>;
}

/** One authenticated call, its parameters of path, query and body in one. */
export interface Call {
  readonly caller: Caller;
  readonly raw: RawParams;
}

/** One call that needs no login. */
export interface WorldCall {
  readonly raw: RawParams;
}

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

interface RouteShape {
  readonly method: Method;
  /** `/access/users/{userid}` */
  readonly template: string;
  /** true: only with a ticket. */
  readonly ticketOnly?: boolean;
}

/** An endpoint: its handler gives what becomes `data`. */
export type Route = RouteShape &
  (
    | { readonly world?: false; handle(call: Call): unknown | Promise<unknown> }
    | { readonly world: true; handle(call: WorldCall): unknown | Promise<unknown> }
  );
