import type { ListedUser } from './schema.js';

/** pmxcfs holds no file beyond this; user.cfg has all users, groups, roles, ACLs and tokens. */
export const USER_CONFIG_LIMIT_BYTES = 1_048_576;

/** What users and memberships take in user.cfg, in bytes; a lower bound, as ACLs, roles and tokens are not seen. */
export function estimateUserConfigBytes(
  users: Iterable<ListedUser>,
  groups: ReadonlyMap<string, readonly string[]>,
): number {
  let bytes = 0;
  for (const user of users) {
    const fields = [user.firstname, user.lastname, user.email, user.comment];
    const fixed = `user:${user.userid}:1:${user.expire}::::::\n`;
    bytes += fixed.length + fields.reduce((sum, field) => sum + storedLength(field), 0);
  }
  for (const [group, members] of groups) {
    bytes += `group:${group}:::\n`.length + members.reduce((sum, member) => sum + member.length + 1, 0);
  }
  return bytes;
}

/** PVE keeps texts percent-encoded: three bytes for `:`, `%`, control characters, and for each UTF-8 byte past ASCII. */
function storedLength(text: string): number {
  let length = 0;
  for (const byte of Buffer.from(text, 'utf8')) {
    const plain = byte >= 0x20 && byte < 0x7f && byte !== 0x3a && byte !== 0x25;
    length += plain ? 1 : 3;
  }
  return length;
}
