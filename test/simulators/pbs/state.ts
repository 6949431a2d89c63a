/** `auth-id` of a user or of one of its tokens: what both are told apart by is the `!`. */
export type AuthId = string;

export interface Account {
  comment?: string | undefined;
  /** Missing: enabled. */
  enable?: false | undefined;
  /** Seconds since the epoch; missing or 0: never. */
  expire?: number | undefined;
}

export interface Token extends Account {
  secret: string;
}

export interface Entry {
  path: string;
  authId: AuthId;
  role: string;
  propagate: boolean;
}

export type Realm = Record<string, string | boolean>;

/** user.cfg, acl.cfg and domains.cfg, and the secrets beside them. */
export interface State {
  users: Map<string, Account>;
  tokens: Map<AuthId, Token>;
  acl: Entry[];
  /** OpenID realms alone; pam and pbs are always there. */
  realms: Map<string, Realm>;
  /** Counts the writes of domains.cfg, for its digest. */
  realmWrites: number;
  writes: number;
}

export function createState(): State {
  return {
    users: new Map([['root@pam', { comment: 'Superuser' }]]),
    tokens: new Map(),
    acl: [],
    realms: new Map(),
    realmWrites: 0,
    writes: 0,
  };
}

export function ownerOf(authId: AuthId): string {
  return authId.split('!')[0] ?? authId;
}
