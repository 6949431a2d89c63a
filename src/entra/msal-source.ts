import { ConfidentialClientApplication, type NodeAuthOptions } from '@azure/msal-node';
import type { Clock } from '../domain/clock.js';
import type { Log } from '../telemetry/log.js';
import { GraphUnavailable } from './graph-errors.js';
import { explainTokenFailure, type TokenSubject } from './token-errors.js';
import type { TokenNetwork } from './token-network.js';
import type { TokenSource, TokenWish } from './token-source.js';

export interface MsalSourceOptions {
  subject: TokenSubject;
  auth: Pick<NodeAuthOptions, 'clientSecret' | 'clientCertificate'>;
  scope: string;
  network: TokenNetwork;
  log: Log;
  clock: Clock;
}

/** A token is not handed out in its last minute, in which a slow call could outlive it. */
const LAST_USE_MS = 60_000;
/** After a failed renewal the old token is used this long before the next try, so that no call waits for it. */
const RENEWAL_PAUSE_MS = 30_000;

/** Tokens by msal, which caches them in memory and renews them ahead of their end. */
export function createMsalSource({ subject, auth, scope, network, log, clock }: MsalSourceOptions): TokenSource {
  const application = new ConfidentialClientApplication({
    auth: { clientId: subject.clientId, ...auth, ...authority(subject), clientCapabilities: ['CP1'] },
    system: { networkClient: network, disableInternalRetries: true },
  });
  let last = { token: '', expiresAt: 0, quietUntil: 0 };

  async function ask({ claims, forceRefresh }: TokenWish): Promise<string> {
    const result = await application.acquireTokenByClientCredential({
      scopes: [scope],
      skipCache: forceRefresh === true,
      ...(claims === undefined ? {} : { claims }),
    });
    if (!result?.accessToken) {
      throw new GraphUnavailable('no access token: the token endpoint answered without one', { about: 'login' });
    }
    const expiresAt = result.expiresOn?.getTime() ?? 0;
    if (result.accessToken !== last.token)
      log('entra.token.acquired', { expiresAt: new Date(expiresAt).toISOString() });
    last = { token: result.accessToken, expiresAt, quietUntil: 0 };
    return result.accessToken;
  }

  return async (wish) => {
    const usable = !wish.claims && !wish.forceRefresh && clock.now() < last.expiresAt - LAST_USE_MS;
    if (usable && clock.now() < last.quietUntil) return last.token;
    try {
      return await ask(wish);
    } catch (error) {
      const failure =
        error instanceof GraphUnavailable ? error : explainTokenFailure(error, subject, network.lastFailure());
      log(usable ? 'entra.token.kept' : 'entra.token.failed', { why: failure.message });
      if (!usable) throw failure;
      last = { ...last, quietUntil: clock.now() + RENEWAL_PAUSE_MS };
      return last.token;
    }
  };
}

/**
 * The endpoints of the tenant, said outright, and its host as a known one: msal then asks no discovery document of
 * anybody, which works for any host (a national cloud, a proxy, a simulator) and saves two requests at each start.
 */
function authority({ tenantId, authority }: TokenSubject): Partial<NodeAuthOptions> {
  const base = `${authority}/${encodeURIComponent(tenantId)}`;
  return {
    authority: `${base}/`,
    knownAuthorities: [new URL(authority).host],
    authorityMetadata: JSON.stringify({
      authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
      token_endpoint: `${base}/oauth2/v2.0/token`,
      jwks_uri: `${base}/discovery/v2.0/keys`,
      issuer: `${base}/v2.0`,
    }),
  };
}
