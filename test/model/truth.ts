import { BASE_GROUP, CONFIGURED, type GroupName, PVE_GROUPS, REALM } from './settings.js';

/** One person as Entra really has them. */
export interface Person {
  oid: string;
  upn: string;
  standing: 'there' | 'soft-deleted' | 'gone';
  enabled: boolean;
  groups: Set<GroupName>;
}

/** The directory as it really is, kept beside the simulator by whoever changes it. */
export interface Truth {
  people: Map<string, Person>;
  /** Whether `team` is in `everybody`. */
  nested: boolean;
  /** Whom the configuration names by object id. */
  listed: string | undefined;
}

/** What somebody is to have. */
export interface Due {
  sudo: boolean;
  linuxGroups: string[];
  /** With the realm, sorted. */
  pveGroups: string[];
}

export function configuredGroupsOf(truth: Truth, person: Person): Set<GroupName> {
  const groups = new Set([...person.groups].filter((group) => CONFIGURED.includes(group)));
  if (truth.nested && person.groups.has('team')) groups.add('everybody');
  return groups;
}

export function isInScope(truth: Truth, person: Person): boolean {
  return person.standing === 'there' && (configuredGroupsOf(truth, person).size > 0 || truth.listed === person.oid);
}

export function isActive(truth: Truth, person: Person): boolean {
  return isInScope(truth, person) && person.enabled;
}

export function dueTo(truth: Truth, person: Person): Due {
  const groups = configuredGroupsOf(truth, person);
  const roles = [...(groups.has('admins') ? ['Administrator'] : []), ...(groups.has('lab') ? ['PVEVMUser.vms'] : [])];
  if (roles.length === 0 && groups.has('everybody')) roles.push('PVEAuditor');
  return {
    sudo: groups.has('admins'),
    linuxGroups: groups.has('lab') ? ['lab', 'users'] : ['users'],
    pveGroups: [BASE_GROUP, ...roles].map(withRealm).sort(),
  };
}

export function withRealm(group: string): string {
  return `${group}-${REALM}`;
}

export const MANAGED: ReadonlySet<string> = new Set(PVE_GROUPS.map(withRealm));

/** The Unix name that this user principal name stands for; undefined: none that anybody may have. */
export function unixNameOf(upn: string): string | undefined {
  const local = upn.slice(0, upn.lastIndexOf('@'));
  if (!/^[A-Za-z0-9._-]+$/.test(local)) return undefined;
  const name = local
    .toLowerCase()
    .replaceAll('.', '_')
    .slice(0, 32)
    .replace(/[_-]+$/, '');
  return /^[a-z][a-z0-9_-]*[a-z0-9]$/.test(name) && !['all', 'root', 'nobody'].includes(name) ? name : undefined;
}

/** The Proxmox user that this user principal name stands for; undefined: Proxmox cannot hold it. */
export function userIdOf(upn: string): string | undefined {
  const userid = `${upn}@${REALM}`;
  return /^[\x21-\x7e]+$/.test(userid) && !/[,;:/]/.test(userid) && userid.length <= 64 ? userid : undefined;
}

/** The object id that a Proxmox comment names as the owner. */
export function markIn(comment: string): string | undefined {
  return /\bentra:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b/.exec(comment)?.[1];
}
