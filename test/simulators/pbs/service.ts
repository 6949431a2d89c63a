import type { Fields, Params } from './fields.js';
import type { AuthId, State } from './state.js';

/** What an endpoint works with. */
export interface Service {
  state: State;
  /** @throws Refusal 403; without a privilege: anybody who is let in at all. */
  require(caller: AuthId, path: string, privilege: string | undefined): void;
  /** Whether what is deleted leaves its rights behind, as before 4.0. */
  leavesRights: boolean;
  /** What the secret of a new token is called. */
  secretField: 'value' | 'secret';
}

export interface Route {
  /** `GET /access/users/{userid}` */
  call: string;
  fields: Fields;
  /** What stands beside the data. */
  digest?: () => string;
  handle(call: { caller: AuthId; params: Params }): unknown;
}
