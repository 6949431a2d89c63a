import { abilitiesOf } from './abilities.js';
import { claimOf } from './claim.js';
import { foreignFields, undeclaredOf } from './fields.js';
import type { KeyReader } from './key-readers.js';
import type { RealmPlanOptions } from './plan.js';
import { printable } from './printable.js';

/** What somebody should know who reads this plan, most important first. */
export function remarksOn(options: RealmPlanOptions): string[] {
  return [
    ...onTheChange(options),
    ...onTheKey(options),
    ...onNames(options),
    ...onGroups(options),
    ...onTheRest(options),
  ];
}

function onTheChange({ declared, observed: { realm, names }, allowNewIssuer }: RealmPlanOptions): string[] {
  const issuer = realm?.settings.get('issuer-url');
  if (allowNewIssuer && realm?.type === 'openid' && issuer !== undefined && issuer !== declared.issuerUrl) {
    return [
      `the realm ${declared.realm} gets another issuer: from then on whoever the new one calls by the name of a user is that user`,
    ];
  }
  const alike = [...names.keys()].find(
    (name) => name !== declared.realm && name.toLowerCase() === declared.realm.toLowerCase(),
  );
  if (realm || alike === undefined) return [];
  return [`there is a realm ${alike} already; for Proxmox ${declared.realm} is another one, with users of its own`];
}

function onTheKey({ declared, observed }: RealmPlanOptions): string[] {
  if (declared.clientKey === undefined) {
    return observed.realm?.clientKey
      ? ['no client secret is declared (REALM_CLIENT_SECRET), so the one in Proxmox was not compared and stays']
      : ['no client secret is declared (REALM_CLIENT_SECRET): the provider must take this client without one'];
  }
  if (observed.product) {
    return [
      `${observed.product} shows the client secret to nobody, so it is not compared: --send-client-key sends it again`,
    ];
  }
  const everybody = 'Proxmox shows the client secret to everybody with Sys.Audit or Realm.Allocate on /access/realm';
  const { keyReaders } = observed;
  if (!keyReaders) return [`${everybody}; who that is cannot be seen with these rights`];
  return [`${everybody}: root@pam${keyReaders.map((reader) => `, ${describeReader(reader)}`).join('')}`];
}

function describeReader({ type, ugid, role, path }: KeyReader): string {
  const name = printable(ugid);
  const who = { user: name, group: `the group ${name}`, token: `the token ${name}` }[type];
  return `${who} (${role} on ${path})`;
}

function onNames({ declared, upkeep }: RealmPlanOptions): string[] {
  if (!upkeep?.writesUpns) return [];
  const claim = claimOf(declared.usernameClaim);
  if (declared.idp !== 'entra') {
    const kanidm =
      declared.idp === 'kanidm' && claim === 'preferred_username'
        ? '; with prefer-short-username it never is ("entramox realm registration --spn"); where no user of this realm comes from Entra, let TARGETS leave Proxmox out'
        : '';
    return [
      `Entramox names users by their user principal name in Entra: ${claim} of this provider must be exactly that, letter for letter${kanidm}`,
    ];
  }
  if (claim === 'preferred_username') {
    return [
      'preferred_username is the user principal name of members; of guests it is their own address, so they log in with upn alone',
    ];
  }
  return claim === 'upn'
    ? ['upn is in the token only where the application has it as an optional claim; without it nobody can log in']
    : [];
}

function onGroups({ declared, observed, upkeep }: RealmPlanOptions): string[] {
  const { groups, realm, autocreate } = declared;
  const found: string[] = [];
  if (groups) {
    found.push(
      `the values of the claim ${groups.claim} become groups with -${realm} behind them, at a login and never before; where a token has no such claim nobody is taken out of any group`,
    );
    if (upkeep)
      found.push(
        'Entramox looks after the groups too, and takes away at its next pass what the claim gave beyond them',
      );
  }
  found.push(
    upkeep
      ? `groups and rights are not part of the realm: "entramox token self" makes the groups that Entramox looks after, with their rights`
      : 'groups and rights are not part of the realm: who logs in may do nothing until a group of theirs has a role (pveum acl modify)',
  );
  if (!autocreate && observed.realm?.settings.get('autocreate') === '1') {
    found.push(
      `autocreate goes off: from then on nobody logs in who is not in Proxmox yet${upkeep?.creates ? '; Entramox makes them' : ', and no one makes them'} (REALM_AUTOCREATE=true keeps it)`,
    );
  }
  if (autocreate && upkeep?.creates) {
    found.push(
      'with autocreate Proxmox makes users that nobody looks after, and brings back, enabled, whom somebody deleted',
    );
  }
  return found;
}

function onTheRest({ declared, observed }: RealmPlanOptions): string[] {
  const found: string[] = [];
  if (declared.prompt === 'none') {
    found.push('with prompt none nobody logs in who is not signed in at the provider already: it may not ask anything');
  }
  if (declared.queryUserinfo !== undefined && !abilitiesOf(observed.version).queryUserinfo) {
    found.push(
      `${observed.product ?? 'Proxmox VE'} ${observed.version.text} has no query-userinfo and always asks${observed.product ? '' : '; 8.4 is the first that can be told not to'}`,
    );
  }
  const undeclared =
    observed.realm?.type === 'openid' ? undeclaredOf(declared, observed.realm, abilitiesOf(observed.version)) : [];
  if (undeclared.length > 0) {
    const names = undeclared.map(
      ({ field, is }) => `${field} ${JSON.stringify(is.replaceAll(/[\p{Cc}\p{Cf}]/gu, '?'))}`,
    );
    found.push(`left as they are, since they are not declared: ${names.join(', ')}; --prune removes them`);
  }
  const foreign = observed.realm?.type === 'openid' ? foreignFields(observed.realm) : [];
  if (foreign.length > 0)
    found.push(`left as they are, since nothing is known of them: ${foreign.map(printable).join(', ')}`);
  if (observed.realm?.settings.get('default') === '1') {
    found.push(`${declared.realm} is what the login page proposes; that stays, and root@pam can still be chosen there`);
  }
  return found;
}
