import { claimOf } from '../claim.js';
import type { RealmDeclaration } from '../declaration.js';
import type { DiscoveryDocument } from './document.js';
import { fine, type RealmFinding, remark, wrong } from './finding.js';

/** What the provider says it can do, held against what a login of Proxmox takes. No I/O. */
export function checkAbilities(realm: RealmDeclaration, document: DiscoveryDocument): RealmFinding[] {
  return [
    checkFlow(document),
    checkPkce(realm, document),
    checkClientAuth(document),
    checkScopes(realm, document),
    checkUsernameClaim(realm, document),
    checkGroupsClaim(realm, document),
  ];
}

function checkFlow({
  response_types_supported: types,
  grant_types_supported: grants,
}: DiscoveryDocument): RealmFinding {
  const name = 'idp.flow';
  const mend = 'allow the authorization code flow for this client; Proxmox knows no other';
  if (types && !types.includes('code')) return wrong(name, `response types: ${types.join(', ')}, without code`, mend);
  // Absent: authorization_code and implicit (OpenID Connect Discovery 1.0, 3).
  if (grants && !grants.includes('authorization_code')) {
    return wrong(name, `grant types: ${grants.join(', ')}, without authorization_code`, mend);
  }
  return types ? fine(name, 'code') : remark(name, 'the document lists no response types');
}

function checkPkce(
  { idp }: RealmDeclaration,
  { code_challenge_methods_supported: methods }: DiscoveryDocument,
): RealmFinding {
  const name = 'idp.pkce';
  if (methods?.includes('S256')) return fine(name, 'S256');
  if (methods) {
    return wrong(
      name,
      `methods: ${methods.join(', ')}, without S256, which Proxmox uses`,
      'allow S256 for this client',
    );
  }
  const usual = idp === 'entra' ? '; Entra takes S256 without saying so' : '';
  return remark(name, `the document lists no methods${usual}`);
}

function checkClientAuth({ token_endpoint_auth_methods_supported: methods }: DiscoveryDocument): RealmFinding {
  const name = 'idp.client-auth';
  // Absent: client_secret_basic (OpenID Connect Discovery 1.0, 3).
  if (!methods || methods.includes('client_secret_basic')) return fine(name, 'client_secret_basic');
  const seen = `methods: ${methods.join(', ')}`;
  const mend = 'allow client_secret_basic for this client';
  if (methods.includes('client_secret_post')) {
    return remark(name, `${seen}; Proxmox sends the key by HTTP basic, as far as is known`, mend);
  }
  return wrong(name, `${seen}; Proxmox has nothing but a client key`, mend);
}

function checkScopes({ scopes }: RealmDeclaration, { scopes_supported: known }: DiscoveryDocument): RealmFinding {
  const name = 'idp.scopes';
  if (!known) return remark(name, 'the document lists no scopes');
  const missing = ['openid', ...scopes].filter((scope) => !known.includes(scope));
  if (missing.length === 0) return fine(name, scopes.join(' '));
  return wrong(
    name,
    `the provider does not know ${missing.join(', ')} (it has ${known.join(', ')})`,
    'correct REALM_SCOPES, or let the client have them at the provider',
  );
}

/** Claims that Entra gives without listing them, and what that takes (Microsoft, optional claims reference). */
const ENTRA_UNLISTED: Readonly<Record<string, string>> = {
  upn: 'it is there only as an optional claim of the ID token',
  groups: 'it is there only where the application gives groups',
  roles: 'it is there only for whoever has a role of the application',
};

function checkUsernameClaim(realm: RealmDeclaration, document: DiscoveryDocument): RealmFinding {
  const claim = claimOf(realm.usernameClaim);
  const finding = checkClaim('idp.username-claim', claim, realm, document);
  if (finding.state !== 'fine' || claim !== 'email') return finding;
  return remark(
    'idp.username-claim',
    'email is listed; it may be missing, unverified or given to somebody else later',
    'let REALM_USERNAME_CLAIM be preferred_username or sub, before the realm is made',
  );
}

function checkGroupsClaim(realm: RealmDeclaration, document: DiscoveryDocument): RealmFinding {
  if (!realm.groups) return fine('idp.groups-claim', 'none is wanted: groups are not taken from logins');
  return checkClaim('idp.groups-claim', realm.groups.claim, realm, document);
}

function checkClaim(
  name: 'idp.username-claim' | 'idp.groups-claim',
  claim: string,
  { idp }: RealmDeclaration,
  { claims_supported: known }: DiscoveryDocument,
): RealmFinding {
  // The one claim that every ID token has (OpenID Connect Core 1.0, 2).
  if (claim === 'sub' || known?.includes(claim)) return fine(name, claim);
  if (!known) return remark(name, `the document lists no claims, so ${claim} can be proved by a login alone`);
  if (idp === 'entra') {
    const why = ENTRA_UNLISTED[claim] ?? 'Entra does not list every claim';
    return remark(name, `${claim} is not listed: ${why}`, 'entramox realm registration plan');
  }
  const setting = name === 'idp.groups-claim' ? 'REALM_GROUPS_CLAIM' : 'REALM_USERNAME_CLAIM';
  return wrong(
    name,
    `the provider lists its claims, and ${claim} is none of them: ${known.join(', ')}`,
    `correct ${setting}, or let the provider give ${claim} in the ID token`,
  );
}
