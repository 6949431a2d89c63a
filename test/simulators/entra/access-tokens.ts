import { randomUUID } from 'node:crypto';
import type { App } from './apps.js';
import type { SimulatorClock } from './clock.js';
import { errorBody } from './errors.js';
import { createTokenSigner, parseJwt } from './jwt.js';
import type { Answer, Caller } from './types.js';

/** Issues access tokens and judges those that come back. */
export interface AccessTokens {
  issue(app: App, audience: string, options?: { lifetimeSeconds?: number; roles?: readonly string[] }): string;
  /** The caller, or the 401 that Graph would answer. */
  judge(authorization: string | undefined): Caller | Answer;
  /** Refuses every token issued so far; `challenge` adds the claims challenge of continuous access evaluation. */
  revokeIssued(options?: { challenge?: boolean }): void;
  jwks(): unknown;
}

export interface AccessTokenOptions {
  tenantId: string;
  clock: SimulatorClock;
  apps: ReadonlyMap<string, App>;
  audiences: () => readonly string[];
  lifetimeSeconds: number;
}

/** Tokens of one tenant, signed with a key that lives as long as the simulator. */
export function createAccessTokens(options: AccessTokenOptions): AccessTokens {
  const signer = createTokenSigner();
  const verified = new Map<string, Record<string, unknown>>();
  const revoked = new Set<string>();
  const issued: string[] = [];
  let challenge = false;

  function claimsOf(token: string): Record<string, unknown> | undefined {
    const known = verified.get(token);
    if (known) return known;
    const jwt = parseJwt(token);
    if (!jwt || !signer.verify(jwt)) return undefined;
    verified.set(token, jwt.claims);
    return jwt.claims;
  }

  return {
    issue(app, audience, { lifetimeSeconds = options.lifetimeSeconds, roles = app.roles } = {}) {
      const now = Math.floor(options.clock.now() / 1000);
      const uti = randomUUID();
      issued.push(uti);
      return signer.sign({
        aud: audience,
        iss: `https://sts.windows.net/${options.tenantId}/`,
        iat: now,
        nbf: now,
        exp: now + lifetimeSeconds,
        appid: app.clientId,
        idtyp: 'app',
        oid: app.objectId,
        sub: app.objectId,
        tid: options.tenantId,
        uti,
        ver: '1.0',
        ...(roles.length > 0 && { roles }),
      });
    },
    judge(authorization) {
      const token = /^Bearer\s+(\S+)$/i.exec(authorization ?? '')?.[1];
      if (!token) return refused('Access token is empty.');
      const claims = claimsOf(token);
      if (!claims) return refused('Access token validation failure. Invalid signature.');
      if (revoked.has(String(claims.uti)))
        return refused('Continuous access evaluation resulted in challenge.', challenge);
      if (Number(claims.exp) * 1000 <= options.clock.now())
        return refused('Lifetime validation failed, the token is expired.');
      if (!options.audiences().includes(String(claims.aud)))
        return refused('Access token validation failure. Invalid audience.');
      const app = options.apps.get(String(claims.appid));
      if (!app) return refused('The identity of the calling application could not be established.');
      return { appId: app.clientId, roles: new Set(Array.isArray(claims.roles) ? claims.roles.map(String) : []) };
    },
    revokeIssued(how = {}) {
      for (const uti of issued.splice(0)) revoked.add(uti);
      challenge = how.challenge ?? false;
    },
    jwks: () => signer.jwks(),
  };
}

function refused(message: string, challenge = false): Answer {
  const claims = Buffer.from('{"access_token":{"nbf":{"essential":true,"value":"1"}}}').toString('base64');
  const header = challenge
    ? `Bearer realm="", error="insufficient_claims", claims="${claims}"`
    : 'Bearer realm="", error="invalid_token"';
  return {
    status: 401,
    headers: { 'WWW-Authenticate': header },
    body: errorBody('InvalidAuthenticationToken', message),
  };
}
