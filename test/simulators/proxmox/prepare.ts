import type { Control } from './control.js';

/** What a node is prepared for. */
export interface Preparation {
  realm: string;
  /** Names of the managed groups without the `-<realm>` that Proxmox VE itself appends. */
  groups: readonly string[];
  /** By group name: the role that the group has, on `/` unless a path is given. */
  roles?: Readonly<Record<string, string | { role: string; path?: string }>>;
}

export interface Prepared {
  /** `entramox@pve!sync=…` */
  token: string;
  tokenId: string;
  userid: string;
  /** The managed groups with the realm in their names, in the order given. */
  groupIds: string[];
}

const USERID = 'entramox@pve';
const TOKENID = 'sync';

/**
 * Gives a service user and its token the least that keeping the realm's users true takes: User.Modify on each
 * managed group, Realm.AllocateUser on the realm, and Sys.Audit on /access/groups and below, so that listings show
 * everybody and every group, as the real set-up grants it. The token is privilege-separated, so each right stands twice: for the user and for the token.
 */
export function prepareFor(control: Control, { realm, groups, roles = {} }: Preparation): Prepared {
  const tokenId = `${USERID}!${TOKENID}`;
  const groupIds = groups.map((name) => `${name}-${realm}`);
  if (!control.realms().includes(realm)) control.addRealm(realm);
  if (control.user(USERID) === undefined) control.addUser({ userid: USERID, comment: 'Entramox service user' });
  const token = control.createToken(USERID, TOKENID, { privsep: true });
  for (const groupid of groupIds) if (control.group(groupid) === undefined) control.addGroup(groupid);
  control.addRole('EntramoxUsers', ['User.Modify']);
  control.addRole('EntramoxRealm', ['Realm.AllocateUser']);
  control.addRole('EntramoxAudit', ['Sys.Audit']);
  for (const [type, ugid] of [['user', USERID] as const, ['token', tokenId] as const]) {
    control.setAcl({ path: '/access/groups', type, ugid, roleid: 'EntramoxAudit' });
    control.setAcl({ path: `/access/realm/${realm}`, type, ugid, roleid: 'EntramoxRealm' });
    for (const groupid of groupIds) {
      control.setAcl({ path: `/access/groups/${groupid}`, type, ugid, roleid: 'EntramoxUsers' });
    }
  }
  for (const [name, grant] of Object.entries(roles)) {
    if (!groups.includes(name)) throw new Error(`a role for ${name}, which is none of the managed groups`);
    const { role, path = '/' } = typeof grant === 'string' ? { role: grant } : grant;
    control.setAcl({ path, type: 'group', ugid: `${name}-${realm}`, roleid: role });
  }
  return { token, tokenId, userid: USERID, groupIds };
}
