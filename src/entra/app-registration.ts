import { createHash } from 'node:crypto';

/** A role of the application: its value is what the claim `roles` holds, and what PVE makes a group of. */
export interface WantedAppRole {
  value: string;
  /** Object ids of the Entra groups whose members have it. */
  groupIds: readonly string[];
}

/** How the application tells groups to Proxmox. */
export type GroupsClaim = 'none' | 'groups' | 'roles';

/** The application that people log in to Proxmox with, as it shall be. */
export interface WantedRegistration {
  realm: string;
  displayName: string;
  /** The client id where one is configured; then it is that application and no other. */
  clientId: string | undefined;
  /** Of the platform Web: the address of every node. */
  redirectUris: readonly string[];
  /** Of the ID token. */
  optionalClaims: readonly string[];
  groupsClaim: GroupsClaim;
  /** Only with the claim `roles`. */
  roles: readonly WantedAppRole[];
  /** Object ids of groups whose members may log in, where there are no roles. Nobody else may. */
  groupIds: readonly string[];
}

/** The role of an assignment that gives access and nothing more (Graph: appRoleAssignment). */
export const DEFAULT_ACCESS = '00000000-0000-0000-0000-000000000000';

/**
 * The id of a role: a GUID (RFC 9562, version 8) of realm and value, so that it is known before the application is, and
 * a second run finds its own.
 */
export function appRoleId(realm: string, value: string): string {
  const hash = createHash('sha256').update(`entramox app role\n${realm}\n${value}`, 'utf8').digest();
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x80;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  const hex = hash.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}

/** Who may log in, and as what. */
export function wantedAssignments({ realm, groupsClaim, roles, groupIds }: WantedRegistration) {
  if (groupsClaim === 'roles') {
    return roles.flatMap(({ value, groupIds: ids }) =>
      ids.map((principalId) => ({ principalId, appRoleId: appRoleId(realm, value), what: value })),
    );
  }
  return groupIds.map((principalId) => ({ principalId, appRoleId: DEFAULT_ACCESS, what: 'access' }));
}

/** Every mistake of a wish; Graph would tell them one at a time, and some only after half of it was done. */
export function problemsOfRegistration(wanted: WantedRegistration): string[] {
  const { displayName, redirectUris, roles, groupsClaim } = wanted;
  const values = roles.map(({ value }) => value);
  return [
    ...(/^\S(?:.{0,118}\S)?$/u.test(displayName) && !/\p{Cc}/u.test(displayName)
      ? []
      : ['the display name: expected one line of at most 120 characters']),
    ...(redirectUris.length === 0 ? ['no address of Proxmox is known: name every node in REALM_ORIGINS'] : []),
    ...values
      // What Entra takes for a value and PVE for the name of a group.
      .filter((value) => !/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,119}$/.test(value))
      .map((value) => `${JSON.stringify(value.slice(0, 80))}: expected a role of letters, digits, ".", "_" and "-"`),
    ...values
      .filter((value, index) => values.indexOf(value) !== index)
      .map((value) => `the role ${value} is there twice`),
    ...(groupsClaim === 'roles' && roles.length === 0
      ? ['the claim roles needs roles: --role VALUE=GROUP-ID, or ENTRA_ROLE_MAP']
      : []),
    ...(groupsClaim !== 'roles' && roles.length > 0
      ? ['roles are told by the claim roles alone: set REALM_GROUPS_CLAIM=roles']
      : []),
  ];
}
