import type { RealmCheckName } from '../../targets/proxmox/realm/check/finding.js';
import type { Catalogue } from '../doctor/render.js';

const PROVIDER = 'identity provider';
const REGISTRATION = 'application there';
const PROXMOX = 'Proxmox VE';

/** Every check of `realm check`. The names are an interface: whoever reads `--json` goes by them. */
export const REALM_CATALOGUE: Catalogue<RealmCheckName> = {
  parts: [PROVIDER, REGISTRATION, PROXMOX],
  checks: {
    'idp.proxy': { part: PROVIDER, why: 'what is seen from here may not be what Proxmox sees' },
    'idp.discovery': { part: PROVIDER, why: 'Proxmox reads it at each login, and nobody logs in without it' },
    'idp.issuer': { part: PROVIDER, why: 'Proxmox refuses a document of another issuer, and then every login' },
    'idp.endpoints': { part: PROVIDER, why: 'codes and keys would travel where others can read or change them' },
    'idp.keys': { part: PROVIDER, why: 'an ID token that cannot be verified is refused' },
    'idp.flow': { part: PROVIDER, why: 'Proxmox knows the authorization code flow alone' },
    'idp.pkce': { part: PROVIDER, why: 'Proxmox proves by S256 that the code is its own' },
    'idp.client-auth': { part: PROVIDER, why: 'Proxmox proves itself by the client key alone' },
    'idp.scopes': { part: PROVIDER, why: 'a provider refuses a login that asks for a scope it does not know' },
    'idp.username-claim': { part: PROVIDER, why: 'without this claim in the token Proxmox refuses the login' },
    'idp.groups-claim': { part: PROVIDER, why: 'without this claim in the token nobody gets or loses a group' },
    'idp.client-key': { part: REGISTRATION, why: 'with a wrong key every login fails after the password' },
    'idp.key-expiry': { part: REGISTRATION, why: 'when the key ends nobody logs in any more' },
    'idp.redirect-uris': { part: REGISTRATION, why: 'a login at a node whose address is not registered is refused' },
    'idp.sign-in-page': { part: REGISTRATION, why: 'what the provider refuses here it refuses to everybody' },
    'realm.version': { part: PROXMOX, why: 'an older Proxmox refuses settings that it does not know' },
    'realm.settings': { part: PROXMOX, why: 'Proxmox goes by its own settings, not by what is declared' },
    'realm.username-claim': { part: PROXMOX, why: 'whoever logs in would be another user, or none' },
    'realm.auth-url': { part: PROXMOX, why: 'at a node that cannot begin a login nobody logs in' },
    'realm.groups': { part: PROXMOX, why: 'who logs in may do nothing unless a group of theirs has a role' },
    'realm.break-glass': { part: PROXMOX, why: 'while the provider is away, nobody else gets in' },
  },
};
