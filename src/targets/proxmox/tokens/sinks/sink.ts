import type { StoredToken } from '../stored-token.js';

/** Where a secret is kept. Errors name the place and the remedy, never the secret. */
export interface Sink {
  /** In words: `/root/.terraform_token`. */
  readonly place: string;
  /** Throws Rejected where nothing could be stored. Changes nothing that stays. */
  probe(): Promise<void>;
  /** Stores the secret in the place of an earlier one, durably. */
  store(token: StoredToken): Promise<void>;
  /** What is stored; undefined: nothing is. Throws Rejected where what is there cannot be read or is something else. */
  read(): Promise<StoredToken | undefined>;
}
