import type { AclEntry, GroupRecord, TokenRecord, UserRecord } from './records.js';

/** pmxcfs keeps no file larger than this. */
export const USER_CFG_CAP_BYTES = 1_048_576;

/** Empty lines between the five parts of the file. */
export const SEPARATOR_BYTES = 5;

/** Bytes of a text as user.cfg stores it: control characters, `:`, `%` and every non-ASCII byte become `%XX`. */
export function encodedBytes(text: string | undefined): number {
  let bytes = 0;
  for (const character of text ?? '') {
    const code = character.codePointAt(0) ?? 0;
    if (code > 0x7e) bytes += 3 * Buffer.byteLength(character);
    else bytes += code < 0x20 || character === ':' || character === '%' ? 3 : 1;
  }
  return bytes;
}

/** A user's own line and one line for each of its tokens. */
export function userBytes(user: UserRecord): number {
  const fixed = `user:${user.userid}:1:${user.expire}::::${user.email ?? ''}::${user.keys ?? ''}\n`;
  let bytes = Buffer.byteLength(fixed) + encodedBytes(user.firstname) + encodedBytes(user.lastname);
  bytes += encodedBytes(user.comment);
  for (const token of user.tokens.values()) bytes += tokenBytes(user.userid, token);
  return bytes;
}

function tokenBytes(userid: string, token: TokenRecord): number {
  return Buffer.byteLength(`token:${userid}!${token.tokenid}:${token.expire}:1::\n`) + encodedBytes(token.comment);
}

/** A group's line without its members. */
export function groupBytes(group: Pick<GroupRecord, 'groupid' | 'comment'>): number {
  return Buffer.byteLength(`group:${group.groupid}:::\n`) + encodedBytes(group.comment);
}

/** What one member adds to a group's line that has `others` members already. */
export function memberBytes(userid: string, others: number): number {
  return Buffer.byteLength(userid) + (others > 0 ? 1 : 0);
}

export function roleBytes(roleid: string, privileges: readonly string[]): number {
  return Buffer.byteLength(`role:${roleid}:${privileges.join(',')}:\n`);
}

/** All ACL lines: holders with the same path, propagation and list of roles share one. */
export function aclBytes(entries: readonly AclEntry[]): number {
  const rolesByHolder = new Map<string, { head: string; holder: string; roles: string[] }>();
  for (const entry of entries) {
    const head = `acl:${entry.propagate ? 1 : 0}:${entry.path}`;
    const holder = entry.type === 'group' ? `@${entry.ugid}` : entry.ugid;
    const key = `${head} ${holder}`;
    const known = rolesByHolder.get(key) ?? { head, holder, roles: [] };
    known.roles.push(entry.roleid);
    rolesByHolder.set(key, known);
  }
  const lines = new Map<string, string[]>();
  for (const { head, holder, roles } of rolesByHolder.values()) {
    const key = `${head}::${roles.sort().join(',')}:\n`;
    lines.set(key, [...(lines.get(key) ?? []), holder]);
  }
  let bytes = 0;
  for (const [line, holders] of lines) bytes += Buffer.byteLength(line) + Buffer.byteLength(holders.join(','));
  return bytes;
}
