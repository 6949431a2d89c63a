import type { GroupId } from './identity.js';
import type { Policy, RoleMapping, RoleShorthand } from './policy.js';

/** What an identity in scope is to have beside its bare account. All lists sorted, without repeats. */
export interface Entitlement {
  sudo: boolean;
  linuxGroups: readonly string[];
  /** Full PVE group names, the base group included. */
  pveGroups: readonly string[];
}

/** One line of the ACL table that set-up grants to our PVE groups. */
export interface GroupGrant {
  pveGroup: string;
  pveRole: string;
  path: string;
}

/** The PVE group that every managed user is in: it confines what our token may touch. */
export function baseGroup(realm: string): string {
  return `entramox-${realm}`;
}

/** The PVE group of a role mapping, with the `-<realm>` suffix that PVE's own group mapping would use. */
export function pveGroupOf(mapping: Pick<RoleMapping, 'pveRole' | 'pveGroup' | 'path'>, realm: string): string {
  if (mapping.pveGroup) return `${mapping.pveGroup}-${realm}`;
  const place = (mapping.path ?? '/').split('/').filter(Boolean).join('.');
  return `${mapping.pveRole}${place ? `.${place}` : ''}-${realm}`;
}

/** Every group grant that set-up has to have made, sorted by group. */
export function groupGrants(policy: Policy): GroupGrant[] {
  const mappings: (RoleMapping | RoleShorthand | undefined)[] = [...policy.roleMap, policy.allUsers, policy.superAdmin];
  const grants = mappings.flatMap((mapping): GroupGrant[] => {
    if (!mapping?.pveRole) return [];
    const path = 'path' in mapping ? mapping.path : undefined;
    return [{ pveGroup: pveGroupOf(mapping, policy.realm), pveRole: mapping.pveRole, path: path ?? '/' }];
  });
  const unique = new Map(grants.map((grant) => [`${grant.pveGroup} ${grant.path} ${grant.pveRole}`, grant]));
  return [...unique.values()].sort((a, b) => (a.pveGroup < b.pveGroup ? -1 : 1));
}

/** The PVE groups that we manage; the first is the base group. */
export function managedPveGroups(policy: Policy): string[] {
  const roles = groupGrants(policy).map((grant) => grant.pveGroup);
  return [baseGroup(policy.realm), ...new Set(roles)];
}

/**
 * What these memberships add up to. A super-admin gets sudo and the super-admin role; the all-users role is
 * given only where no other role applies (the predecessor's precedence).
 */
export function entitlementOf(groups: readonly GroupId[], policy: Policy): Entitlement {
  const memberOf = new Set(groups);
  const mapped = policy.roleMap.filter((mapping) => memberOf.has(mapping.group));
  const superAdmin = policy.superAdmin && memberOf.has(policy.superAdmin.group) ? policy.superAdmin : undefined;
  const roles = [...mapped, ...(superAdmin ? [superAdmin] : [])].filter((role) => role.pveRole);
  const everybody = policy.allUsers && memberOf.has(policy.allUsers.group) ? policy.allUsers : undefined;
  if (roles.length === 0 && everybody?.pveRole) roles.push(everybody);
  return {
    sudo: policy.grantSudo && (superAdmin !== undefined || mapped.some((mapping) => mapping.sudo)),
    linuxGroups: sorted([...policy.extraGroups, ...mapped.flatMap((mapping) => mapping.linuxGroups)]),
    pveGroups: sorted([baseGroup(policy.realm), ...roles.map((role) => pveGroupOf(role, policy.realm))]),
  };
}

/** Sorted, each once. */
export function sorted(names: readonly string[]): string[] {
  return [...new Set(names)].sort();
}
