/** What the provider's own document is checked for. */
export const DOCUMENT_CHECKS = [
  'idp.issuer',
  'idp.endpoints',
  'idp.keys',
  'idp.flow',
  'idp.pkce',
  'idp.client-auth',
  'idp.scopes',
  'idp.username-claim',
  'idp.groups-claim',
] as const;

/** Everything that a realm is checked for, in the order in which it is told. Whoever reads `--json` goes by the names. */
export const REALM_CHECKS = [
  'idp.proxy',
  'idp.discovery',
  ...DOCUMENT_CHECKS,
  'idp.client-key',
  'idp.key-expiry',
  'idp.redirect-uris',
  'idp.sign-in-page',
  'realm.version',
  'realm.settings',
  'realm.username-claim',
  'realm.auth-url',
  'realm.groups',
  'realm.break-glass',
] as const;

export type RealmCheckName = (typeof REALM_CHECKS)[number];

/** One thing that was looked at: what was seen, without secrets, and what mends it. */
export interface RealmFinding {
  name: RealmCheckName;
  /**
   * `remark`: well, with something to know. `unreachable`: it gave no answer, so nothing is known to be wrong.
   * `skipped`: not looked at, since something else must be mended first or we may not.
   */
  state: 'fine' | 'remark' | 'wrong' | 'unreachable' | 'skipped';
  saw: string;
  mend?: string | undefined;
}

export function fine(name: RealmCheckName, saw: string): RealmFinding {
  return { name, state: 'fine', saw };
}

export function remark(name: RealmCheckName, saw: string, mend?: string): RealmFinding {
  return { name, state: 'remark', saw, mend };
}

export function wrong(name: RealmCheckName, saw: string, mend: string): RealmFinding {
  return { name, state: 'wrong', saw, mend };
}

export function unreachable(name: RealmCheckName, saw: string, mend: string): RealmFinding {
  return { name, state: 'unreachable', saw, mend };
}

/** `because` completes "not looked at: …". */
export function skipped(name: RealmCheckName, because: string, mend = 'mend that first'): RealmFinding {
  return { name, state: 'skipped', saw: because, mend };
}
