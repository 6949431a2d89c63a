/** An Entra object id: a GUID in lower case. The only thing an identity is ever keyed by. */
export type ObjectId = string;

/** The object id of an Entra group: a GUID in lower case. */
export type GroupId = string;

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The GUID in lower case, or undefined where the text is anything else (a path, a name, a number). */
export function parseGuid(text: unknown): string | undefined {
  if (typeof text !== 'string' || text.length !== 36) return undefined;
  const lower = text.toLowerCase();
  return GUID.test(lower) ? lower : undefined;
}

/**
 * Whether an object id was made from a Proxmox userid (the realm as the source) instead of given by Entra: such an id is
 * a GUID of version 8 (RFC 9562), and Entra's are random, of version 4.
 */
export function isMadeFromUserid(oid: ObjectId): boolean {
  return oid.charAt(14) === '8';
}

/** What Entra tells of a person beside the object id. All of it may change at any time. */
export interface Attributes {
  upn: string;
  displayName?: string | undefined;
  givenName?: string | undefined;
  surname?: string | undefined;
  mail?: string | undefined;
}
