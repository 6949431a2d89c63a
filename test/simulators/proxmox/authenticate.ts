import type { IncomingHttpHeaders } from 'node:http';
import { ApiError, unauthenticated } from './errors.js';
import { type Caller, splitTokenId } from './identity.js';
import { isEnabled, isExpired } from './login.js';
import type { State } from './state.js';
import type { Tickets } from './tickets.js';

interface Evidence {
  method: string;
  headers: IncomingHttpHeaders;
}

/**
 * Who sends this request, decided anew for each one, so that a disabled user is out at once.
 * @throws ApiError 401
 */
export function authenticate(
  { method, headers }: Evidence,
  options: { state: State; tickets: Tickets; nowSeconds: number },
): Caller {
  const token = presentedToken(headers);
  if (token !== undefined) return byToken(token, options.state, options.nowSeconds);
  const ticket = cookie(headers.cookie, 'PVEAuthCookie');
  if (ticket === undefined) throw unauthenticated('No ticket');
  const userid = options.tickets.verify(ticket);
  const user = userid === undefined ? undefined : options.state.users.get(userid);
  if (user === undefined || !isEnabled(user, options.nowSeconds)) throw unauthenticated('Authentication failed!');
  const csrf = headers.csrfpreventiontoken;
  if (method !== 'GET' && !options.tickets.verifyCsrf(user.userid, typeof csrf === 'string' ? csrf : '')) {
    throw new ApiError(401, 'Permission denied - invalid csrf token', { bodiless: true });
  }
  return { kind: 'ticket', authid: user.userid, userid: user.userid };
}

/** `user@realm!id=secret` of the Authorization header, if the request carries one of that kind. */
export function presentedToken(headers: IncomingHttpHeaders): string | undefined {
  return /^PVEAPIToken[= ](.*)$/.exec(headers.authorization ?? '')?.[1];
}

function byToken(presented: string, state: State, nowSeconds: number): Caller {
  const equals = presented.lastIndexOf('=');
  const authid = presented.slice(0, Math.max(equals, 0));
  const parts = splitTokenId(authid);
  const user = parts && state.users.get(parts.userid);
  const token = parts && user?.tokens.get(parts.tokenid);
  const isGood =
    user !== undefined &&
    token !== undefined &&
    isEnabled(user, nowSeconds) &&
    !isExpired(token, nowSeconds) &&
    token.secret === presented.slice(equals + 1);
  if (!isGood) throw unauthenticated('Authentication failed!');
  return { kind: 'token', authid, userid: user.userid };
}

function cookie(header: string | undefined, name: string): string | undefined {
  for (const part of (header ?? '').split(';')) {
    const [key, ...rest] = part.trim().split('=');
    if (key === name) return decoded(rest.join('='));
  }
  return undefined;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}
