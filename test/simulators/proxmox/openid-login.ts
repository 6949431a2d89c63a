import { ApiError } from './errors.js';
import { userIdProblem } from './identity.js';
import { isEnabled } from './login.js';
import type { Claims } from './openid-provider.js';
import type { RealmRecord } from './records.js';
import type { State } from './state.js';

/**
 * Who somebody with these claims is on this node. Makes the user where the realm says so, and puts it into groups.
 * @throws ApiError 401 for a missing claim, and for a user that is not there or may not log in
 */
export function settleLogin(state: State, record: RealmRecord, claims: Claims, nowSeconds: number): string {
  const userid = `${nameIn(record, claims)}@${record.realm}`;
  if (userIdProblem(userid) !== undefined) throw refusedLogin();
  if (record.settings.autocreate && !state.users.has(userid)) {
    const text = (claim: string) => (typeof claims[claim] === 'string' ? String(claims[claim]) : undefined);
    const person = { email: text('email'), firstname: text('given_name'), lastname: text('family_name') };
    state.putUser({ userid, enable: true, expire: 0, tokens: new Map(), ...person });
  }
  const user = state.users.get(userid);
  if (user === undefined || !isEnabled(user, nowSeconds)) throw refusedLogin();
  joinGroups(state, record, userid, claims);
  return userid;
}

/** The one answer to every login that fails. */
export function refusedLogin(): ApiError {
  return new ApiError(401, 'authentication failure');
}

function nameIn({ settings }: RealmRecord, claims: Claims): string {
  const wanted = String(settings['username-claim'] ?? 'sub');
  const alias = { subject: 'sub', username: 'preferred_username' }[wanted];
  const name = claims[wanted] ?? (alias === undefined ? undefined : claims[alias]);
  if (typeof name !== 'string') throw refusedLogin();
  return name;
}

/** Nothing is changed where the claim is missing or no list, and nobody is told but the syslog. */
function joinGroups(state: State, { realm, settings }: RealmRecord, userid: string, claims: Claims): void {
  const claim = settings['groups-claim'];
  const values = claim === undefined ? undefined : claims[String(claim)];
  if (!Array.isArray(values)) return;
  const groups = values.map(String).filter((value) => /^[A-Za-z0-9.\-_]+$/.test(value));
  if (settings['groups-overwrite']) for (const groupid of state.groupsOf(userid)) state.leave(userid, groupid);
  for (const groupid of groups.map((value) => `${value}-${realm}`)) {
    if (!state.groups.has(groupid) && settings['groups-autocreate']) state.putGroup(groupid, undefined);
    if (state.groups.has(groupid)) state.join(userid, groupid);
  }
}
