/**
 * What Proxmox VE stores as it is given. Its own rules (pve-access-control 9.1, PVE::Auth::OpenId and Plugin) are wider
 * in places: domains.cfg has one setting a line, so whatever could end a line or be trimmed from it is refused here.
 * Each gives why a value cannot be, or undefined.
 */

const LONGEST = 256;
const LONGEST_COMMENT = 4096;
const REALM = /^[A-Za-z][A-Za-z0-9._-]+$/;
/** Graphic characters of ASCII, and spaces within. */
const TRIMMED_LINE = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;
const WORD = /^[\x21-\x7e]+$/;

export function realmProblem(name: string): string | undefined {
  if (name.length > 32 || !REALM.test(name)) {
    return 'expected 2 to 32 letters, digits, dots, dashes and underscores, a letter first';
  }
  return /^(?:pam|pve)$/i.test(name) ? `${name} holds Proxmox's own users: choose another name` : undefined;
}

export function clientIdProblem(id: string): string | undefined {
  if (id.length > LONGEST) return `longer than the ${LONGEST} characters that Proxmox takes`;
  return WORD.test(id) ? undefined : 'expected a client id without spaces, in ASCII';
}

/** Never repeats the key. */
export function clientKeyProblem(key: string): string | undefined {
  if (key.length > LONGEST) return `longer than the ${LONGEST} characters that Proxmox takes`;
  return TRIMMED_LINE.test(key) ? undefined : 'expected a secret on one line, in ASCII, without spaces around it';
}

export function issuerProblem(issuer: string): string | undefined {
  if (issuer.length > LONGEST) return `longer than the ${LONGEST} characters that Proxmox takes`;
  const url = URL.canParse(issuer) ? new URL(issuer) : undefined;
  const isPlain = url?.protocol === 'https:' && !url.username && !url.password && !/[?#]/.test(issuer);
  return isPlain && WORD.test(issuer) ? undefined : 'expected https://…, without query, fragment and credentials';
}

export function usernameClaimProblem(claim: string): string | undefined {
  return /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x7e]{1,256}$/.test(claim) ? undefined : 'expected the name of one claim';
}

/** RFC 6749, 3.3, without what Proxmox parts a list at. */
export function scopeProblem(scope: string): string | undefined {
  return /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]{1,256}$/.test(scope)
    ? undefined
    : `${JSON.stringify(scope.slice(0, 80))} is no scope`;
}

export function promptProblem(prompt: string): string | undefined {
  return /^[A-Za-z_]{1,64}$/.test(prompt) ? undefined : 'expected none, login, consent or select_account';
}

/** An entry of acr-values or audiences: PVE refuses spaces, angle brackets, # and quotes, and parts at , and ; */
export function listProblem(value: string): string | undefined {
  return /^[\x21\x24-\x2b\x2d-\x3a\x3d\x3f-\x7e]{1,256}$/.test(value)
    ? undefined
    : `${JSON.stringify(value.slice(0, 80))} cannot be stored in Proxmox`;
}

/** Since libpve-access-control 8.2.2; a URL or a name with a space is refused. */
export function groupsClaimProblem(claim: string): string | undefined {
  return /^[A-Za-z0-9._-]{1,256}$/.test(claim)
    ? undefined
    : 'Proxmox takes letters, digits, ".", "_" and "-" alone for the name of this claim';
}

export function textProblem(text: string): string | undefined {
  if (text.length > LONGEST_COMMENT) return `longer than ${LONGEST_COMMENT} characters`;
  return /[\p{Cc}\u2028\u2029]/u.test(text) || text.trim() !== text || text === ''
    ? 'expected one line, without spaces around it'
    : undefined;
}

/** What a browser calls `location.origin`: no path. */
export function originProblem(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isOrigin = url?.protocol === 'https:' && !url.username && !url.password && url.pathname === '/';
  return isOrigin && WORD.test(text) && !/[?#]/.test(text)
    ? undefined
    : `${JSON.stringify(text.slice(0, 80))} is not the address of a node as browsers have it: https://pve1.example.com:8006, without a path`;
}
