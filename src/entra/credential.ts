import type { Dispatcher } from 'undici';
import type { Clock } from '../domain/clock.js';
import type { Log } from '../telemetry/log.js';
import { registerSecret } from '../telemetry/redact.js';
import { certificateProof } from './certificate.js';
import { GraphUnavailable } from './graph-errors.js';
import { httpsUrl } from './graph-root.js';
import { createMsalSource } from './msal-source.js';
import type { RetryPolicy } from './patience.js';
import { createTokenNetwork, TOKEN_RETRY } from './token-network.js';
import { findMissingRoles, type MissingRoles, REQUIRED_ROLES, readToken } from './token-roles.js';
import type { TokenSource, TokenWish } from './token-source.js';

/** How the app proves who it is. `bearer` is a ready token, for tests and trials only. */
export type Proof =
  | { kind: 'secret'; secret: string }
  | { kind: 'certificate'; certificatePem: string; privateKeyPem: string }
  /** A certificate that is not at hand: 64 hex digits; its end cannot be watched. */
  | { kind: 'thumbprint'; thumbprintSha256: string; privateKeyPem: string }
  | { kind: 'bearer'; token: string };

export interface CredentialOptions {
  proof: Proof;
  tenantId: string;
  clientId: string;
  /** Base URL without tenant, `https://login.microsoftonline.com`. */
  authority: string;
  /** `https://graph.microsoft.com/.default`. */
  scope: string;
  log: Log;
  clock: Clock;
  dispatcher?: Dispatcher | undefined;
  /** For one attempt at the token endpoint; default 10 s. */
  timeoutMs?: number | undefined;
  retry?: RetryPolicy | undefined;
  random?: (() => number) | undefined;
}

export interface Credential {
  /** An access token for Graph. Concurrent calls share one request. Throws SourceUnavailable in words. */
  getToken(wish?: TokenWish): Promise<string>;
  /** The application permissions in the token; undefined where the token does not say. Throws SourceUnavailable. */
  roles(): Promise<readonly string[] | undefined>;
  /** What is missing and where to grant it; undefined: nothing, or the token does not say. Throws SourceUnavailable. */
  missingRoles(required?: readonly string[]): Promise<MissingRoles | undefined>;
  /** What the last token lacks of what every read needs; undefined: nothing, it does not say, or there is none yet. */
  lacking(): MissingRoles | undefined;
}

/** How often a token that lacks permissions is renewed at most, where it is used at all. */
const RENEW_LACKING_MS = 15_000;

/** The app's credential. Throws Rejected where the settings cannot work (http authority, key of another certificate). */
export function createCredential(options: CredentialOptions): Credential {
  const source = singleFlight(
    options.proof.kind === 'bearer' ? ready(options.proof.token, options) : entra(options.proof, options),
  );
  let last: { token: string; lacking: MissingRoles | undefined } | undefined;
  let renewedAt = Number.NEGATIVE_INFINITY;

  function noted(token: string): string {
    if (token === last?.token) return token;
    const { roles } = readToken(token);
    last = { token, lacking: roles && findMissingRoles(roles, REQUIRED_ROLES, options.clientId) };
    return token;
  }

  /** A permission that was granted shows with the next token alone, so one that lacks some is renewed ahead of time. */
  async function acquire(wish: TokenWish): Promise<string> {
    const now = options.clock.now();
    if (last?.lacking && !wish.claims && !wish.forceRefresh && now - renewedAt >= RENEW_LACKING_MS) {
      renewedAt = now;
      try {
        return noted(await source({ forceRefresh: true }));
      } catch (error) {
        // The old one may still do for something.
        if (!(error instanceof GraphUnavailable)) throw error;
      }
    }
    return noted(await source(wish));
  }

  const roles = async () => readToken(await acquire({})).roles;
  return {
    getToken: (wish = {}) => acquire(wish),
    roles,
    async missingRoles(required = REQUIRED_ROLES) {
      const present = await roles();
      return present && findMissingRoles(present, required, options.clientId);
    },
    lacking: () => last?.lacking,
  };
}

/** Callers with the same wish at the same time wait for one request (msal sends one for each). */
function singleFlight(source: TokenSource): TokenSource {
  const flights = new Map<string, Promise<string>>();
  return (wish) => {
    const key = `${wish.forceRefresh === true}:${wish.claims ?? ''}`;
    const flying = flights.get(key);
    if (flying) return flying;
    const flight = source(wish).finally(() => flights.delete(key));
    flights.set(key, flight);
    return flight;
  };
}

function ready(token: string, { log, clock }: CredentialOptions): TokenSource {
  registerSecret(token);
  log('config.insecure', {
    setting: 'GRAPH_ACCESS_TOKEN',
    why: 'a ready access token ends within hours and is never renewed',
  });
  const { expiresAt } = readToken(token);
  return async () => {
    if (expiresAt !== undefined && expiresAt <= clock.now()) {
      throw new GraphUnavailable(
        `no access token: the one in GRAPH_ACCESS_TOKEN ended at ${new Date(expiresAt).toISOString()}; use ENTRA_CLIENT_SECRET or a certificate`,
        { about: 'credential', mend: 'use ENTRA_CLIENT_SECRET or a certificate instead of GRAPH_ACCESS_TOKEN' },
      );
    }
    return token;
  };
}

function entra(proof: Exclude<Proof, { kind: 'bearer' }>, options: CredentialOptions): TokenSource {
  const { tenantId, clientId, scope, log, clock } = options;
  const authority = httpsUrl('ENTRA_AUTHORITY', options.authority).href.replace(/\/+$/, '');
  if (proof.kind === 'secret') registerSecret(proof.secret);
  return createMsalSource({
    subject: { tenantId, clientId, authority },
    auth: authOf(proof),
    scope,
    log,
    clock,
    network: createTokenNetwork({
      clock,
      log,
      dispatcher: options.dispatcher,
      timeoutMs: options.timeoutMs ?? 10_000,
      retry: options.retry ?? TOKEN_RETRY,
      random: options.random ?? Math.random,
    }),
  });
}

function authOf(proof: Exclude<Proof, { kind: 'bearer' }>): Parameters<typeof createMsalSource>[0]['auth'] {
  switch (proof.kind) {
    case 'secret':
      return { clientSecret: proof.secret };
    case 'certificate':
      return { clientCertificate: certificateProof(proof) };
    case 'thumbprint':
      return { clientCertificate: { thumbprintSha256: proof.thumbprintSha256, privateKey: proof.privateKeyPem } };
    default:
      return proof satisfies never;
  }
}
