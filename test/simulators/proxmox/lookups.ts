import { fault } from './errors.js';
import { userIdProblem } from './identity.js';
import type { TokenRecord, UserRecord } from './records.js';
import type { State } from './state.js';

/** @throws ApiError 500 `no such user ('x')` */
export function existingUser(state: State, userid: string): UserRecord {
  const user = state.users.get(userid);
  if (user === undefined) throw fault(`no such user ('${userid}')`);
  return user;
}

/** A user id that the permission stage takes apart, long before the parameters are checked. */
export function requireUserId(sent: unknown): string {
  const userid = typeof sent === 'string' || typeof sent === 'number' ? String(sent) : '';
  const problem = userIdProblem(userid);
  if (problem !== undefined) throw fault(problem);
  return userid;
}

/** What the API shows of a token; its secret is shown once, by the call that makes it. */
export function tokenInfo(token: TokenRecord): Record<string, unknown> {
  return { expire: token.expire, privsep: token.privsep ? 1 : 0, comment: token.comment };
}

/** @throws ApiError 500 */
export function existingToken(state: State, userid: string, tokenid: string): TokenRecord {
  const token = state.users.get(userid)?.tokens.get(tokenid);
  if (token === undefined) throw fault(`no such token '${tokenid}' for user '${userid}'`);
  return token;
}

/** Puts a token in its user's record, in place of one with the same id. */
export function putToken(state: State, user: UserRecord, token: TokenRecord): void {
  state.putUser({ ...user, tokens: new Map(user.tokens).set(token.tokenid, token) });
}
