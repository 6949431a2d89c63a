import type { Need, Rights } from '../rights.js';

const SEE: readonly Need[] = [
  { path: '/access/users', anyOf: ['Sys.Audit'] },
  { path: '/access/acl', anyOf: ['Sys.Audit'] },
];
const CHANGE: readonly Need[] = [
  { path: '/access/users', anyOf: ['Permissions.Modify'] },
  { path: '/access/acl', anyOf: ['Permissions.Modify'] },
];
const REALMS = '/access/domains';

/**
 * What the set-up commands need, asked for in the words of Proxmox Backup Server: other privileges on other paths do the
 * same there (proxmox-backup, src/api2/access).
 */
export function pbsRights(rights: Rights): Rights {
  return {
    missing: (needs, signal) => rights.missing([...new Set(needs.flatMap(inPbsWords))], signal),
    forget: () => rights.forget(),
  };
}

function inPbsWords({ path, anyOf }: Need): readonly Need[] {
  // To list them takes Realm.Allocate, to read one Sys.Audit.
  if (path === '/access/realm') return [{ path: REALMS, anyOf: anyOf.includes('Sys.Audit') ? ['Sys.Audit'] : anyOf }];
  return anyOf.includes('Sys.Audit') ? SEE : CHANGE;
}
