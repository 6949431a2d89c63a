import { atLeast, type ProxmoxVersion } from '../version.js';

/** Which settings of an OpenID realm this Proxmox VE has. */
export interface RealmAbilities {
  queryUserinfo: boolean;
  groups: boolean;
  audiences: boolean;
}

/** libpve-access-control's changelog: 8.2.1 came with PVE 8.4, and 9.1.1 during 9.1. */
export function abilitiesOf(version: ProxmoxVersion): RealmAbilities {
  const withGroups = atLeast(version, '8.4');
  return { queryUserinfo: withGroups, groups: withGroups, audiences: atLeast(version, '9.1') };
}
