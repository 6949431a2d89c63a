import { registerSecret } from '../../../telemetry/redact.js';
import type { ProxmoxClient } from '../client.js';
import type { TokenDeclaration } from './declaration.js';
import type { AclEntry } from './observed.js';
import { type StoredToken, storedToken } from './stored-token.js';
import { type TokenMark, tokenComment } from './token-mark.js';

/** A token by its owner and id. */
export type TokenId = Pick<TokenDeclaration, 'owner' | 'name'>;

/** Makes a token, and gives its secret, which Proxmox shows this once. `expire`: seconds since the epoch, 0: never. */
export async function makeToken(
  client: ProxmoxClient,
  token: TokenDeclaration,
  { mark, expire }: { mark: TokenMark; expire: number },
  signal: AbortSignal,
): Promise<StoredToken> {
  const body = { expire, privsep: token.privsep ? 1 : 0, comment: tokenComment(token.comment, mark) };
  const made = await client.write({ method: 'POST', ...tokenRoute(token), body }, signal, storedToken);
  registerSecret(made.value);
  // What is kept has the declared comment; the mark is for Proxmox alone.
  return { ...made, info: { ...made.info, comment: token.comment } };
}

export async function commentToken(
  client: ProxmoxClient,
  token: TokenId,
  comment: string,
  signal: AbortSignal,
): Promise<void> {
  await client.write({ method: 'PUT', ...tokenRoute(token), body: { comment } }, signal);
}

/** `urgent`: also right after a write that found the lock held. */
export async function deleteToken(
  client: ProxmoxClient,
  token: TokenId,
  signal: AbortSignal,
  urgent = false,
): Promise<void> {
  await client.write({ method: 'DELETE', ...tokenRoute(token), urgent }, signal);
}

export async function grant(client: ProxmoxClient, entry: AclEntry, signal: AbortSignal): Promise<void> {
  await client.write({ method: 'PUT', route: '/access/acl', body: aclBody(entry) }, signal);
}

export async function revoke(client: ProxmoxClient, entry: AclEntry, signal: AbortSignal): Promise<void> {
  await client.write({ method: 'PUT', route: '/access/acl', body: { ...aclBody(entry), delete: 1 } }, signal);
}

export function tokenRoute({ owner, name }: TokenId) {
  return { route: '/access/users/{userid}/token/{tokenid}', params: { userid: owner, tokenid: name } };
}

function aclBody({ path, type, ugid, roleid, propagate }: AclEntry) {
  const holder = { user: 'users', group: 'groups', token: 'tokens' }[type];
  return { path, roles: roleid, propagate: propagate ? 1 : 0, [holder]: ugid };
}
