import { type ValueType, valueType } from '../value-type.js';
import { pattern } from './scalars.js';

/** Proxmox VE's rule for realms and token ids: pve-access-control, `pve-realm` and `pve-tokenid`. */
const REALM = '[A-Za-z][A-Za-z0-9._-]+';
const TOKEN = new RegExp(`^([^\\s:/]{1,64})@(${REALM})!(${REALM})=([A-Za-z0-9-]{8,128})$`);
const GROUP_OR_ROLE = /^[A-Za-z0-9._-]{1,200}$/;
const ACL_PATH = /^\/(?:(?:access|mapping|nodes|pool|sdn|storage|vms)(?:\/[A-Za-z0-9._:-]+){0,4})?$/;

/** A realm that may be managed; `pam` and `pve` hold the administrators of Proxmox itself and are refused. */
export function realm(): ValueType<string> {
  const expected =
    'the name of the OpenID realm in Proxmox: 2 to 32 letters, digits, dots, dashes and underscores, first a letter';
  return valueType(expected, (text, wrong) => {
    if (text.length > 32 || !new RegExp(`^${REALM}$`).test(text)) return wrong();
    return /^(pam|pve)$/i.test(text) ? wrong(`${expected}; not pam or pve, which hold Proxmox's own users`) : text;
  });
}

/** An API token as `user@realm!id=secret`; a pasted `PVEAPIToken=` before it is dropped. */
export function apiToken(): ValueType<string> {
  return valueType('an API token of Proxmox VE as user@realm!id=secret', (text, wrong) => {
    const token = text.replace(/^PVEAPIToken[= ]/, '');
    return TOKEN.test(token) ? token : wrong();
  });
}

/** The part of an API token that nobody may see; undefined where the text is no token. */
export function apiTokenSecret(token: string): string | undefined {
  return TOKEN.exec(token)?.[4];
}

export function role(): ValueType<string> {
  return pattern(GROUP_OR_ROLE, 'the name of a role in Proxmox VE (letters, digits, . _ -)');
}

export function isRoleOrGroup(text: string): boolean {
  return GROUP_OR_ROLE.test(text);
}

/** A path of Proxmox VE's fixed tree (pve-access-control, check_path), without looking whether it exists. */
export function isAclPath(text: string): boolean {
  return ACL_PATH.test(text);
}
