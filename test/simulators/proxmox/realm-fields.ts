import type { Field, Fields } from './fields.js';
import type { Release } from './release.js';

const LIST = /^[^\p{Cc} <>#"]*$/u;
const flag = { type: 'boolean' } as const satisfies Field;

const REALM: Field = {
  type: 'text',
  required: true,
  maxLength: 32,
  problem: (value) => (/^[A-Za-z][A-Za-z0-9.\-_]+$/.test(value) ? undefined : `value does not look like a valid realm`),
};

/** What every release that is simulated has. */
const COMMON: Fields = {
  'issuer-url': { type: 'text', maxLength: 256 },
  'client-id': { type: 'text', maxLength: 256 },
  'client-key': { type: 'text', maxLength: 256 },
  autocreate: flag,
  prompt: { type: 'text', pattern: /^\S+$/ },
  scopes: { type: 'text' },
  'acr-values': { type: 'text', pattern: LIST },
  comment: { type: 'text', maxLength: 4096 },
  default: flag,
  tfa: { type: 'text', maxLength: 128 },
};

/** Settings of an OpenID realm, as this release has them; `PUT` takes them all but the username-claim. */
export function settingFields(release: Release): Fields {
  // The first release with it had a narrower rule, made laxer by libpve-access-control 8.2.2.
  const claim = release.version.startsWith('8.4.0') ? /^[A-Za-z][A-Za-z0-9_]*$/ : /^[A-Za-z0-9.\-_]+$/;
  return {
    ...COMMON,
    ...(release.atLeast('8.4')
      ? {
          'query-userinfo': flag,
          'groups-claim': { type: 'text', maxLength: 256, pattern: claim },
          'groups-autocreate': flag,
          'groups-overwrite': flag,
        }
      : {}),
    ...(release.atLeast('9.1') ? { audiences: { type: 'text', pattern: LIST } } : {}),
  };
}

export function creationFields(release: Release): Fields {
  return {
    realm: REALM,
    type: { type: 'text', required: true, pattern: /^(?:ad|ldap|openid|pam|pve)$/ },
    'username-claim': { type: 'text' },
    ...settingFields(release),
  };
}

export function changeFields(release: Release): Fields {
  return {
    realm: REALM,
    digest: { type: 'text', maxLength: 64 },
    delete: { type: 'text', maxLength: 4096 },
    ...settingFields(release),
  };
}

export const REALM_ALONE: Fields = { realm: { type: 'text', required: true, maxLength: 32 } };

/** Of an LDAP or AD realm; of any other it is checked and then refused. */
export const SYNC_FIELDS: Fields = {
  ...REALM_ALONE,
  'dry-run': flag,
  'enable-new': flag,
  full: flag,
  purge: flag,
  'remove-vanished': { type: 'text' },
  scope: { type: 'text', pattern: /^(?:users|groups|both)$/ },
};
