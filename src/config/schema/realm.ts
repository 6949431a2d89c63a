import { optional, secret } from '../setting.js';
import { exactHttpsUrl, originList, wordList } from '../types/realm.js';
import { boolean, choice, line, pattern } from '../types/scalars.js';
import { expiry } from '../types/time.js';

/** The OpenID realm of Proxmox VE, for `entramox realm`. */
export const realmSettings = {
  REALM_IDP: optional(choice('entra', 'kanidm', 'generic'), {
    about: 'Who "entramox realm" lets log in to Proxmox, where --idp does not say: entra, kanidm or generic.',
    example: 'entra',
  }),
  REALM_ISSUER_URL: optional(exactHttpsUrl('the issuer of the provider'), {
    about:
      'Issuer of the provider, byte for byte as its own document says. Entra: leave it out, it follows from ENTRA_TENANT_ID and ENTRA_CLOUD. Kanidm: its address alone is enough.',
    example: 'https://idm.example.com/oauth2/openid/proxmox',
  }),
  REALM_CLIENT_ID: optional(pattern(/^[\x21-\x7e]{1,256}$/, 'a client id without spaces'), {
    about: 'Application that people log in with. Entra: ENTRA_CLIENT_ID where it is left out; better one of its own.',
    example: '77777777-8888-4999-8aaa-bbbbbbbbbbbb',
  }),
  REALM_CLIENT_SECRET: secret(line('the secret of that application, on one line'), {
    about:
      'Its client secret. Proxmox shows it to everybody with Sys.Audit on /access/realm. Entra: ENTRA_CLIENT_SECRET where it is left out together with REALM_CLIENT_ID.',
    example: 'value-of-the-client-secret',
  }),
  REALM_CLIENT_SECRET_EXPIRES: optional(expiry(), {
    about:
      'When that client secret ends: nobody logs in with this realm any more from then on. Warned of 30, 7 and 1 days before.',
    example: '2027-11-22',
  }),
  REALM_USERNAME_CLAIM: optional(line('the name of one claim'), {
    about:
      'Claim that names the user in Proxmox; it can never be changed afterwards. Entra and Kanidm: preferred_username. Otherwise: subject.',
    example: 'upn',
  }),
  REALM_SCOPES: optional(wordList('scopes'), {
    about: 'Scopes that are asked for. Left out: email profile in a new realm, and as they are in another.',
    example: 'email profile',
  }),
  REALM_AUTOCREATE: optional(boolean(), {
    about:
      'Proxmox makes whoever logs in for the first time. Left out: false, since it also brings back, enabled, whom somebody deleted.',
    example: 'false',
  }),
  REALM_QUERY_USERINFO: optional(boolean(), {
    about:
      'Proxmox asks the userinfo endpoint at each login as well (8.4 and later). Left out: false in a new realm of Entra.',
    example: 'true',
  }),
  REALM_PROMPT: optional(pattern(/^[A-Za-z_]{1,64}$/, 'none, login, consent or select_account'), {
    about: 'What the provider shows at each login: none, login, consent, select_account.',
    example: 'select_account',
  }),
  REALM_ACR_VALUES: optional(wordList('authentication context class references'), {
    about: 'Authentication context classes that are asked for.',
    example: 'phr',
  }),
  REALM_GROUPS_CLAIM: optional(line('the name of one claim'), {
    about:
      'Claim whose values become Proxmox groups at a login, each with -<realm> behind it (8.4 and later). Not needed where Entramox looks after the groups.',
    example: 'roles',
  }),
  REALM_GROUPS_OVERWRITE: optional(boolean(), {
    about:
      'At a login, take the user out of every group that the claim does not name. Refused where Entramox looks after the groups.',
    example: 'false',
  }),
  REALM_GROUPS_AUTOCREATE: optional(boolean(), {
    about: 'At a login, make groups of the claim that do not exist; they have no rights.',
    example: 'false',
  }),
  REALM_AUDIENCES: optional(wordList('audiences'), {
    about: 'Audiences accepted in a token beside the client id (9.1 and later).',
    example: 'https://proxmox.example.com',
  }),
  REALM_COMMENT: optional(line('one line of text'), {
    about: 'What the login page shows for this realm. Left out: what is there stays.',
    example: 'Microsoft Entra ID',
  }),
  REALM_ORIGINS: optional(originList('addresses of Proxmox'), {
    about:
      'Addresses under which browsers reach Proxmox, every node and alias: each is a redirect URI that the provider must know.',
    example: 'https://pve1.example.com:8006,https://pve2.example.com:8006',
  }),
};
