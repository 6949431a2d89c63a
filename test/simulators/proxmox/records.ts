/** One API token of a user. */
export interface TokenRecord {
  readonly tokenid: string;
  /** Seconds since the epoch, 0 = never. */
  readonly expire: number;
  readonly privsep: boolean;
  readonly comment?: string;
  readonly secret: string;
}

/** One user line of user.cfg, with its tokens; an absent text was never set, an empty one was set to nothing. */
export interface UserRecord {
  readonly userid: string;
  readonly enable: boolean;
  /** Seconds since the epoch, 0 = never. */
  readonly expire: number;
  readonly firstname?: string;
  readonly lastname?: string;
  readonly email?: string;
  readonly comment?: string;
  readonly keys?: string;
  readonly tokens: ReadonlyMap<string, TokenRecord>;
  /** Only users of the realm `pve` log in with it; it lives outside user.cfg. */
  readonly password?: string;
}

/** One group line; members may be users that do not exist. */
export interface GroupRecord {
  readonly groupid: string;
  readonly comment?: string;
  readonly members: ReadonlySet<string>;
}

export interface AclEntry {
  readonly path: string;
  readonly type: 'user' | 'group' | 'token';
  /** User, group or full token id. */
  readonly ugid: string;
  readonly roleid: string;
  readonly propagate: boolean;
}

/** An authentication realm; `settings` are the rest of its section in domains.cfg. */
export interface RealmRecord {
  readonly realm: string;
  readonly type: 'pam' | 'pve' | 'openid' | 'ldap' | 'ad';
  readonly comment?: string;
  readonly settings: Readonly<Record<string, string | number>>;
}
