import type { TokenCredential } from '@azure/core-auth';
import type { Clock } from '../../domain/clock.js';
import { Rejected } from '../../domain/errors.js';
import type { Credential } from '../../entra/credential.js';
import { readToken } from '../../entra/token-roles.js';

/** A token that does not say when it ends is asked for again after this time; whether that costs a call is up to the cache behind it. */
const UNSAID_LIFE_MS = 10 * 60_000;

/**
 * Our own credential as the Event Hubs client takes one. It asks for the scope `https://eventhubs.azure.net//.default`:
 * the resource is the same in every cloud (Event Hubs: authorize access with Entra ID), and its slash is its own.
 */
export function createTokenCredential(
  credentialFor: (scope: string) => Pick<Credential, 'getToken'>,
  clock: Clock,
): TokenCredential {
  const credentials = new Map<string, Pick<Credential, 'getToken'>>();
  return {
    async getToken(scopes) {
      const [scope, ...more] = [scopes].flat();
      if (scope === undefined || more.length > 0) throw new Rejected(`one scope is needed, not ${String(scopes)}`);
      const credential = credentials.get(scope) ?? credentialFor(scope);
      credentials.set(scope, credential);
      const token = await credential.getToken();
      return { token, expiresOnTimestamp: readToken(token).expiresAt ?? clock.now() + UNSAID_LIFE_MS };
    },
  };
}
