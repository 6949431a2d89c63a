import { messageOf } from '../../../../domain/errors.js';
import type { SignInAddress } from './auth-url.js';
import { type HttpExchange, oneLine } from './exchange.js';
import { fine, type RealmFinding, remark, skipped, unreachable, wrong } from './finding.js';

/** The application of the realm as the provider's own directory has it. */
export interface SeenRegistration {
  /** Of the platform Web. */
  redirectUris: readonly string[];
  /** Epoch ms of every secret, with the first characters where the directory shows them. */
  secrets: readonly { endsAt: number; hint?: string | undefined }[];
}

/** `hidden`: why it cannot be seen, which is no fault; `absent`: that there is none. */
export type Registration = SeenRegistration | { hidden: string } | { absent: string };

/** Whether every address of a node is registered, by the word of the directory. */
export function checkRedirectUris(
  registration: Registration,
  { origins, declared }: { origins: readonly string[]; declared: readonly string[] },
  how: string,
): RealmFinding {
  const name = 'idp.redirect-uris';
  if ('hidden' in registration) return remark(name, registration.hidden, how);
  if ('absent' in registration) return wrong(name, registration.absent, 'entramox realm registration plan --idp entra');
  const known = new Set(registration.redirectUris.map(bare));
  const missing = origins.filter((origin) => !known.has(bare(origin)));
  if (missing.length > 0) {
    // What the registration does not know it would not add, and would take away where somebody else did.
    const unsaid = missing.filter((origin) => !declared.includes(origin));
    const first = unsaid.length > 0 ? `add ${unsaid.join(', ')} to REALM_ORIGINS, then ` : '';
    const mend = `${first}entramox realm registration apply --idp entra`;
    return wrong(name, `not registered: ${missing.join(', ')}`, mend);
  }
  const extra = registration.redirectUris.filter((uri) => !origins.map(bare).includes(bare(uri)));
  const saw = `registered: ${origins.join(', ')}`;
  if (extra.length === 0) return fine(name, saw);
  return remark(
    name,
    `${saw}; besides ${extra.map((uri) => oneLine(uri)).join(', ')}`,
    'remove what is no node of yours',
  );
}

/** Entra takes an address without a path for the same with a slash behind it (Microsoft, redirect URI restrictions). */
function bare(uri: string): string {
  return /^https:\/\/[^/]+\/$/.test(uri) ? uri.slice(0, -1) : uri;
}

const DAY_MS = 24 * 3_600_000;
const NEAR_DAYS = 30;
const SOON_DAYS = 7;

export interface KeyKnowledge {
  /** The first characters of the client key. */
  hint: string | undefined;
  /** Epoch ms by REALM_CLIENT_SECRET_EXPIRES. */
  noted: number | undefined;
  /** Epoch ms. */
  now: number;
}

/** When the client secret ends: by the word of the directory, else by what somebody noted in the configuration. */
export function checkKeyExpiry(registration: Registration, { hint, noted, now }: KeyKnowledge): RealmFinding {
  const name = 'idp.key-expiry';
  if ('absent' in registration)
    return skipped(name, registration.absent, 'entramox realm registration plan --idp entra');
  if ('hidden' in registration) {
    if (noted !== undefined) return judgeEnd(noted, 'by REALM_CLIENT_SECRET_EXPIRES the client secret', now);
    return remark(
      name,
      registration.hidden,
      'where the client secret ends, set REALM_CLIENT_SECRET_EXPIRES to that day',
    );
  }
  const { secrets } = registration;
  const own = secrets.filter((secret) => hint !== undefined && secret.hint === hint);
  if (hint !== undefined && own.length === 0 && secrets.length > 0 && secrets.every((secret) => secret.hint)) {
    return wrong(name, 'the client secret is none of those that the application has', NEW_SECRET);
  }
  // Where several could be meant, the first that ends.
  const ends = (own.length > 0 ? own : secrets).map(({ endsAt }) => endsAt);
  if (ends.length === 0) return wrong(name, 'the application has no client secret', NEW_SECRET);
  return judgeEnd(Math.min(...ends), 'the client secret', now);
}

const NEW_SECRET =
  'a new secret (entramox realm registration apply --idp entra --new-secret), then entramox realm apply';

function judgeEnd(end: number, what: string, now: number): RealmFinding {
  const name = 'idp.key-expiry';
  const day = new Date(end).toISOString().slice(0, 10);
  const days = Math.floor((end - now) / DAY_MS);
  if (end <= now) return wrong(name, `${what} has ended ${day}`, NEW_SECRET);
  const saw = `${what} ends ${day}, in ${days} d`;
  if (days < SOON_DAYS) return wrong(name, saw, NEW_SECRET);
  return days < NEAR_DAYS ? remark(name, saw, NEW_SECRET) : fine(name, saw);
}

/** What a provider says on its page where it does not know the address, and Entra's codes for it. */
const REFUSALS = /AADSTS(?:50011|700016|900971|90002)\b|redirect_uri[^<]{0,80}|invalid_redirect_uri|invalid_client/i;

/**
 * Opens the sign-in page with the address of each node, as a browser would, and goes no further. It is the provider's
 * own word on the redirect URI, also where its directory is not shown to us.
 */
export async function checkSignInPages(
  addresses: readonly SignInAddress[],
  exchange: HttpExchange,
  signal: AbortSignal,
): Promise<RealmFinding[]> {
  if (addresses.length === 0) return [skipped('idp.sign-in-page', 'no node begins a login, see realm.auth-url')];
  return Promise.all(addresses.map((address) => checkSignInPage(address, exchange, signal)));
}

async function checkSignInPage(
  { origin, url }: SignInAddress,
  exchange: HttpExchange,
  signal: AbortSignal,
): Promise<RealmFinding> {
  const name = 'idp.sign-in-page';
  const mend = `register ${origin} as a redirect URI, exactly so; entramox realm registration plan`;
  try {
    const { status, text, headers } = await exchange(url, { headers: { accept: 'text/html' } }, signal);
    if (status >= 500) return unreachable(name, `for ${origin}: status ${status}`, 'try again later');
    const sentBack = errorIn(headers.get('location'), url);
    const said = REFUSALS.exec(text)?.[0];
    // Entra shows its refusals with status 200.
    const isRefused = status >= 400 || (said !== undefined && /AADSTS/.test(said));
    if (isRefused)
      return wrong(name, `refused for ${origin}: status ${status}${said ? `, ${oneLine(said, 120)}` : ''}`, mend);
    if (sentBack !== undefined)
      return wrong(name, `refused for ${origin}: ${sentBack}`, 'look into the realm: entramox realm plan');
    return fine(name, `opens for ${origin}; some providers look at the address only after somebody has logged in`);
  } catch (error) {
    signal.throwIfAborted();
    return unreachable(name, `for ${origin}: ${messageOf(error)}`, 'try again later');
  }
}

/** The refusal that a provider sends the browser back with (RFC 6749, 4.1.2.1). */
function errorIn(location: string | null, from: string): string | undefined {
  if (location === null || !URL.canParse(location, from)) return undefined;
  const { searchParams } = new URL(location, from);
  const error = searchParams.get('error');
  // To whom nobody asked for is logged in, `login_required` is the right answer.
  if (error === null || /^(?:login|interaction|consent|account_selection)_required$/.test(error)) return undefined;
  return oneLine([error, searchParams.get('error_description')].filter(Boolean).join(': '), 200);
}
