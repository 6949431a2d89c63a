import { abilitiesOf } from './abilities.js';
import { claimOf } from './claim.js';
import type { RealmDeclaration } from './declaration.js';
import { isSameUsernameClaim } from './fields.js';
import type { ObservedRealms } from './observe.js';
import type { RealmPlanOptions } from './plan.js';
import { printable } from './printable.js';

/** Why a realm is not written, and what to do about it. */
export interface RealmRefusal {
  why: string;
  remedy: string;
}

/** Claims of Entra that hold the user principal name, which is what Entramox names users of Proxmox by. */
const UPN_CLAIMS = new Set(['preferred_username', 'upn']);

/** Everything that is in the way; empty: nothing is. */
export function refusalsOf(options: RealmPlanOptions): RealmRefusal[] {
  return [
    ...ofWhatIsThere(options),
    ...ofOtherPeople(options),
    ...ofTheKey(options),
    ...ofTheVersion(options),
    ...ofTheUpkeep(options),
  ];
}

function ofWhatIsThere({ declared, observed }: RealmPlanOptions): RealmRefusal[] {
  const { realm, usernameClaim } = declared;
  const seen = observed.realm;
  if (!seen) return [];
  if (seen.type !== 'openid') {
    const why = `the realm ${realm} is there and is of the type ${seen.type}, which cannot become openid`;
    return [{ why, remedy: 'choose another name in REALM' }];
  }
  const found: RealmRefusal[] = [];
  if (seen.digest === undefined) {
    const why = `Proxmox gives no digest with the realm ${realm}, so a change could undo somebody else's`;
    found.push({ why, remedy: 'look at what stands between here and Proxmox' });
  }
  const is = seen.settings.get('username-claim');
  if (!isSameUsernameClaim(declared, is)) {
    const why = `the username-claim of ${realm} is ${is === undefined ? 'subject (none is set)' : printable(is)} and shall be ${usernameClaim}; Proxmox cannot change it`;
    const remedy = `set REALM_USERNAME_CLAIM=${printable(is ?? 'subject')}, or, when nobody needs to log in for a moment: ${deletion(observed)} ${realm}, then "entramox realm apply"; the users stay, and whoever the new claim names otherwise becomes somebody else`;
    found.push({ why, remedy });
  }
  return found;
}

/** Whoever another provider calls by the name of a user is that user from then on, rights and tokens included. */
function ofOtherPeople({ declared, observed, allowNewIssuer }: RealmPlanOptions): RealmRefusal[] {
  const seen = observed.realm?.settings;
  if (observed.realm?.type !== 'openid' || !seen || allowNewIssuer) return [];
  const { realm, issuerUrl, clientId, idp, usernameClaim } = declared;
  const issuer = seen.get('issuer-url');
  if (issuer !== undefined && bare(issuer) !== bare(issuerUrl)) {
    const why = `the realm ${realm} belongs to the issuer ${printable(issuer)}, and ${issuerUrl} would take its place: whoever that one calls by the name of a user would be that user, and everybody else could not log in`;
    return [{ why, remedy: 'choose another name in REALM, or say --allow-new-issuer where both know the same people' }];
  }
  const client = seen.get('client-id');
  if (idp === 'entra' && claimOf(usernameClaim) === 'sub' && client !== undefined && client !== clientId) {
    const why = `users of the realm ${realm} are named by sub, and Entra gives everybody another sub in another application: nobody would be found`;
    return [{ why, remedy: `set REALM_CLIENT_ID=${printable(client)}, or say --allow-new-issuer` }];
  }
  return [];
}

/** PVE sends the key to whatever the realm names: another provider would be told it, and another client has another one. */
function ofTheKey({ declared, observed, allowNewIssuer }: RealmPlanOptions): RealmRefusal[] {
  const { realm } = observed;
  const mayHaveKey = realm?.keyIsHidden === true && !allowNewIssuer;
  const hasKey = realm?.clientKey !== undefined || mayHaveKey;
  if (realm?.type !== 'openid' || !hasKey || declared.clientKey) return [];
  const wanted = { 'issuer-url': bare(declared.issuerUrl), 'client-id': declared.clientId };
  const changed = Object.entries(wanted).flatMap(([field, shall]) => {
    const is = realm.settings.get(field);
    return is === undefined || bare(is) === shall ? [] : [field];
  });
  if (changed.length === 0) return [];
  const why = `the client secret that Proxmox has is of the client before, ${changed.join(' and ')} shall change, and no other secret is declared`;
  const remedy = `name the new one in REALM_CLIENT_SECRET_FILE; where the new client has none: ${change(observed)} ${declared.realm} --delete client-key${mayHaveKey ? ', then --allow-new-issuer' : ''}`;
  return [{ why, remedy }];
}

/** A slash at the end is compared by PVE, and means the same provider. */
function bare(issuer: string): string {
  return issuer.replace(/\/+$/, '');
}

function ofTheVersion({ declared, observed }: RealmPlanOptions): RealmRefusal[] {
  const abilities = abilitiesOf(observed.version);
  const { text } = observed.version;
  const found: RealmRefusal[] = [];
  if (declared.groups && !abilities.groups) {
    const why = observed.product
      ? `${observed.product} has no groups`
      : `Proxmox VE ${text} has no groups-claim; 8.4 is the first that has`;
    found.push({ why, remedy: 'leave REALM_GROUPS_CLAIM out, or bring Proxmox up to date' });
  }
  if (declared.audiences.length > 0 && !abilities.audiences) {
    const why = observed.product
      ? `audiences of ${observed.product} are not known to work here`
      : `Proxmox VE ${text} has no audiences; 9.1 is the first that has`;
    found.push({ why, remedy: 'leave REALM_AUDIENCES out, or bring Proxmox up to date' });
  }
  return found;
}

function ofTheUpkeep({ declared, observed, upkeep, allowGroupsOverwrite }: RealmPlanOptions): RealmRefusal[] {
  if (!upkeep) return [];
  const found: RealmRefusal[] = [];
  if (declared.groups?.overwrite && !allowGroupsOverwrite) {
    const why =
      'with groups-overwrite Proxmox takes everybody who logs in out of the groups that Entramox looks after, and out of the one that lets Entramox write them at all';
    found.push({ why, remedy: 'leave REALM_GROUPS_OVERWRITE out, or say --allow-groups-overwrite' });
  } else if (overwritesUnsaid(declared, observed) && !allowGroupsOverwrite) {
    const why = `groups-overwrite is on in the realm ${declared.realm}: Proxmox takes everybody who logs in out of the groups that Entramox looks after, and out of the one that lets Entramox write them at all`;
    found.push({ why, remedy: 'REALM_GROUPS_OVERWRITE=false turns it off; --allow-groups-overwrite leaves it' });
  }
  const claim = claimOf(declared.usernameClaim);
  if (declared.idp === 'entra' && upkeep.writesUpns && !UPN_CLAIMS.has(claim)) {
    const why = `Entramox names users by their user principal name, and ${claim} is another: whoever logs in would not be found, or be made a second time`;
    found.push({ why, remedy: 'set REALM_USERNAME_CLAIM to preferred_username, or to upn where the token has it' });
  }
  return found;
}

function overwritesUnsaid({ unsaid }: RealmDeclaration, { realm }: ObservedRealms): boolean {
  return unsaid.has('groups-overwrite') && realm?.settings.get('groups-overwrite') === '1';
}

/** What an administrator does it with there: a Proxmox Backup Server has no `pveum`. */
function deletion({ product }: ObservedRealms): string {
  return product ? 'proxmox-backup-manager openid delete' : 'pveum realm delete';
}

function change({ product }: ObservedRealms): string {
  return product ? 'proxmox-backup-manager openid update' : 'pveum realm modify';
}
