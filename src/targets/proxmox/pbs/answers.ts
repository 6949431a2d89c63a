import { z } from 'zod';

const comment = z.string().nullish();
const expire = z.number().int().nonnegative().nullish();
const token = z.object({ tokenid: z.string(), comment, expire });
const roles = z.array(z.object({ roleid: z.string(), privs: z.array(z.string()) }));
const users = z.array(
  z.object({
    userid: z.string(),
    comment,
    expire,
    enable: z.boolean().nullish(),
    tokens: z.array(token).nullish(),
  }),
);
const acl = z.array(
  z.object({
    path: z.string(),
    ugid: z.string(),
    ugid_type: z.enum(['user', 'group']),
    roleid: z.string(),
    propagate: z.boolean(),
  }),
);
/** `value` where a token is made, `secret` where it is made anew (and, in newer releases, in both). */
const made = z.object({ tokenid: z.string().nullish(), value: z.string().nullish(), secret: z.string().nullish() });

export function rolesOf(data: unknown): unknown {
  return roles.parse(data).map(({ roleid, privs }) => ({ roleid, privs: privs.join(',') }));
}

/** The privileges of one role, as PVE gives those of one. */
export function privilegesOf(data: unknown, which: string): unknown {
  const found = roles.parse(data).find(({ roleid }) => roleid === which);
  return Object.fromEntries((found?.privs ?? []).map((privilege) => [privilege, 1]));
}

/** A user that is enabled is shown without `enable`. */
export function usersOf(data: unknown): unknown {
  return users.parse(data).map(({ tokens, enable, ...user }) => ({
    ...user,
    enable: enable === false ? 0 : 1,
    groups: '',
    tokens: (tokens ?? []).map(({ tokenid, ...rest }) => ({ ...rest, tokenid: nameIn(tokenid), privsep: 1 })),
  }));
}

export function tokenOf(data: unknown): unknown {
  const { tokenid: _, ...rest } = token.parse(data);
  return { ...rest, privsep: 1 };
}

/** A token stands among the users, and only its name shows that it is one. */
export function aclOf(data: unknown): unknown {
  return acl.parse(data).map(({ ugid_type: type, propagate, ...entry }) => ({
    ...entry,
    propagate: propagate ? 1 : 0,
    type: type === 'user' && entry.ugid.includes('!') ? 'token' : type,
  }));
}

export function permissionsOf(data: unknown): unknown {
  return z.record(z.string(), z.record(z.string(), z.boolean())).parse(data);
}

/** What PVE answers when it makes a token. Throws where there is no secret in the answer. */
export function tokenSecretOf(
  data: unknown,
  fullId: string,
  body: Readonly<Record<string, unknown>>,
): { 'full-tokenid': string; info: object; value: string } {
  const { tokenid, value, secret } = made.parse(data);
  const found = value ?? secret;
  if (!found || (tokenid && tokenid !== fullId)) throw new Error('no secret of the token that was asked for');
  return { 'full-tokenid': fullId, info: { comment: body.comment, expire: body.expire, privsep: 1 }, value: found };
}

/** The settings of an OpenID realm; the client key is never among them. */
export function realmOf(data: unknown, digest: string | undefined): unknown {
  return { ...z.record(z.string(), z.unknown()).parse(data), type: 'openid', ...(digest ? { digest } : {}) };
}

function nameIn(tokenid: string): string {
  return tokenid.slice(tokenid.indexOf('!') + 1);
}
