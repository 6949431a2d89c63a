import type { StoredToken } from '../stored-token.js';

/** Where a secret is kept. Errors name the place and the remedy, never the secret. Everything thrown is Rejected. */
export interface Sink {
  /** In words, for plans and lists: `/root/.terraform_token`, `secret/entramox/terraform at https://vault:8200`. */
  readonly place: string;
  /**
   * Why what is stored can be read elsewhere alone, in words: it is encrypted for a key that is not here. undefined:
   * it can be read here. A sealed sink gives back what was stored through it, and nothing of earlier.
   */
  readonly sealed: string | undefined;
  /** Throws where nothing could be stored. Changes nothing that stays. */
  probe(): Promise<void>;
  /** Stores the secret in the place of an earlier one, durably. `storeProved` also asks for it back. */
  store(token: StoredToken): Promise<PutBack>;
  /** What is stored; undefined: nothing is. Throws where what is there cannot be read or is something else. */
  read(): Promise<StoredToken | undefined>;
  /**
   * After a token was revoked: removes what is stored of it, the older versions included where the declaration asks
   * for that. What belongs to another token, or has the value `except`, stays.
   */
  forget(dead: DeadToken): Promise<Forgotten>;
  /** Whether this very secret lies there, in all parts; without one, or of a sealed sink: whether anything does. */
  has(token?: StoredToken): Promise<boolean>;
  /**
   * Of a sealed one that cannot tell by itself: whether this secret may lie there though storing it failed, or could not
   * be undone. Missing: what failed is not there.
   */
  mayKeep?(token: StoredToken): boolean;
  /** The places that this one consists of; a simple one consists of itself. */
  readonly parts: readonly Sink[];
}

/** Undoes a storing: what lay there before lies there again. Throws Rejected where that cannot be done. */
export type PutBack = () => Promise<void>;

/** A token that is no more. */
export interface DeadToken {
  /** `terraform-prov@pve!terraform` */
  fullId: string;
  /** The secret that lives on under the same id, after it was made anew in place. */
  except?: string | undefined;
}

/** `gone`: something was removed; `none`: nothing of it was there; `unknown`: it may lie there, and cannot be looked at. */
export type Forgotten = 'gone' | 'none' | 'unknown';

export function isDead(stored: StoredToken, { fullId, except }: DeadToken): boolean {
  return stored['full-tokenid'] === fullId && stored.value !== except;
}
