import type { WantedRegistration } from './app-registration.js';
import type { ObservedRegistration } from './app-registration-observe.js';

/** What a plan of the registration is made from. */
export interface RegistrationPlanOptions {
  wanted: WantedRegistration;
  observed: ObservedRegistration;
  /** Take an application that we did not make under management. */
  adopt: boolean;
  /** Remove redirect URIs that nobody declared, and the groups of a token where no claim of them is declared. */
  prune?: boolean | undefined;
  /** Add a client secret that ends so many ms from now; undefined: none. */
  newSecretForMs: number | undefined;
  /** Remove the secrets of ours but for the one that begins so; undefined: remove none. */
  keepSecretHint?: string | undefined;
  /** How the secrets begin that lie here; undefined: that cannot be seen. */
  heldHints?: readonly string[] | undefined;
  /** Why the secret to keep is none that people log in with; undefined: it is. */
  keptIsIdle?: string | undefined;
  /** Client id of the application that asks Graph, which people shall not log in with. */
  ownClientId: string | undefined;
  /** Epoch ms. */
  now: number;
}
