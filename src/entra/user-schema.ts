import { z } from 'zod';
import { type ObjectId, parseGuid } from '../domain/identity.js';
import type { PresentReading, UnknownReading } from '../domain/reading.js';

/** The properties that a reading is made of; accountEnabled comes only when it is selected (Graph: user). */
export const USER_SELECT = 'id,userPrincipalName,accountEnabled,displayName,givenName,surname,mail';

/** An attribute that only decorates: anything but text counts as not given. */
const text = z
  .string()
  .nullish()
  .catch(undefined)
  .transform((value) => value ?? undefined);

/** A user as Graph lists it. Only the id is demanded here; what a decision rests on is looked at in `toReading`. */
export const userSchema = z.object({
  '@odata.type': z.string().nullish(),
  id: z.string().transform((id, context) => {
    const guid = parseGuid(id);
    if (guid) return guid;
    context.addIssue({ code: 'custom', message: 'is not an object id' });
    return z.NEVER;
  }),
  userPrincipalName: z.unknown().optional(),
  accountEnabled: z.unknown().optional(),
  displayName: text,
  givenName: text,
  surname: text,
  mail: text,
});

export type GraphUser = z.infer<typeof userSchema>;

/** Whether the object says of itself that it is something else than a user. */
export function isOtherType(type: string | null | undefined): boolean {
  return type !== null && type !== undefined && type.toLowerCase() !== '#microsoft.graph.user';
}

/**
 * The reading of a user that Graph showed. Null is not false: without the permission to read a type, Graph shows its
 * objects with null in every field but the id (Graph: group-list-members, limited information).
 */
export function toReading(user: GraphUser, groups: readonly string[]): PresentReading | UnknownReading {
  const { id: oid, userPrincipalName: upn, accountEnabled: enabled } = user;
  const unknown = (why: string): UnknownReading => ({ certainty: 'unknown', oid, why });
  if (isOtherType(user['@odata.type']))
    return unknown(`Graph shows ${oid} as ${user['@odata.type']}, which is no user`);
  if (typeof enabled !== 'boolean') {
    return unknown(`Graph shows no accountEnabled for ${oid}; the app needs User.Read.All to see it`);
  }
  if (typeof upn !== 'string' || upn.trim() === '') return unknown(`Graph shows no userPrincipalName for ${oid}`);
  const { displayName, givenName, surname, mail } = user;
  return { certainty: 'present', oid, attributes: { upn, displayName, givenName, surname, mail }, enabled, groups };
}

/** The path of a user by object id. */
export function userPath(oid: ObjectId): string {
  return `/users/${encodeURIComponent(oid)}`;
}
