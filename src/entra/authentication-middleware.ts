import type { Middleware } from '@microsoft/microsoft-graph-client';
import type { Log } from '../telemetry/log.js';
import type { Credential } from './credential.js';
import { unlessAborted } from './deadline.js';
import type { GraphRoot } from './graph-root.js';
import { middleware } from './middleware.js';
import { assertOurs } from './own-origin.js';
import { decodeJson } from './token-roles.js';
import type { TokenWish } from './token-source.js';

export interface AuthenticationOptions {
  root: GraphRoot;
  credential: Pick<Credential, 'getToken'>;
  log: Log;
}

/**
 * Adds the bearer, for the configured origin and path alone; anything else is refused before it leaves. Sits behind
 * the retries, so that each attempt has a fresh token. A 401 is answered once by another token, with the claims that
 * Graph asks for (continuous access evaluation), or past the cache where it asks for none.
 */
export function authenticationMiddleware({ root, credential, log }: AuthenticationOptions): Middleware {
  return middleware(async ({ url, context, signal }, next) => {
    assertOurs(url, root);
    const authorize = async (wish?: TokenWish) => {
      const token = await unlessAborted(() => credential.getToken(wish), signal);
      const headers = new Headers(context.options?.headers);
      headers.set('authorization', `Bearer ${token}`);
      context.options = { ...context.options, headers: Object.fromEntries(headers) };
      return token;
    };
    const first = await authorize();
    const response = await next();
    if (response.status !== 401) return response;
    const claims = readClaims(response.headers.get('www-authenticate'));
    log('entra.token.challenged', { path: url.pathname, claims: claims !== undefined });
    const second = await authorize(claims === undefined ? { forceRefresh: true } : { claims });
    return second === first ? response : await next();
  });
}

/** The claims of a challenge as JSON text; Graph sends them in base64. Undefined: none, or not understood. */
export function readClaims(header: string | null): string | undefined {
  const value = header && /\bclaims="([^"]{1,8192})"/i.exec(header)?.[1];
  if (!value) return undefined;
  const claims = decodeJson(value);
  return typeof claims === 'object' && claims !== null ? JSON.stringify(claims) : undefined;
}
