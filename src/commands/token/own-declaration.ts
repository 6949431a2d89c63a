import type { Settings } from '../../config/settings.js';
import { Rejected } from '../../domain/errors.js';
import type { TokenDeclaration } from '../../targets/proxmox/tokens/declaration.js';
import { declareCredential } from '../../targets/proxmox/tokens/declared-sinks/credential.js';
import { absolutePath } from '../../targets/proxmox/tokens/declared-sinks/values.js';
import { ownerId, tokenName } from '../../targets/proxmox/tokens/declared-values.js';
import { OWN_TOKEN, OWN_USER, type Wanted, wantedOf } from '../../targets/proxmox/tokens/self/wanted.js';
import { policyOf } from '../parts/policy.js';

/**
 * Where the units take the API token from (LoadCredential), and so where it is put unless PVE_API_TOKEN_FILE or an
 * option says otherwise.
 */
export const OWN_TOKEN_FILE = '/etc/entramox/credentials/pve-api-token';

/** How Entramox's own token is called and kept, where it is not as usual. */
export interface OwnTokenOptions {
  /** `entramox@pve` */
  user?: string | undefined;
  /** `entramox` */
  tokenId?: string | undefined;
  /** The file of the secret. */
  out?: string | undefined;
}

/** The declaration of Entramox's own token, for verbs that look after tokens; undefined: Proxmox is not in use here. */
export function ownDeclaration(settings: Settings): TokenDeclaration | undefined {
  return settings.proxmox.realm === undefined ? undefined : wantedBy(settings).declaration;
}

/** What is wrong with these options, in words. */
export function ownTokenProblems({ user, tokenId, out }: OwnTokenOptions): string[] {
  const given = [
    ['--user', user, ownerId],
    ['--token-id', tokenId, tokenName],
    ['--out', out, absolutePath],
  ] as const;
  return given.flatMap(([option, value, rule]) => {
    const read = value === undefined ? undefined : rule.safeParse(value);
    return read?.error ? [`${option}: ${read.error.issues.map(({ message }) => message).join('; ')}`] : [];
  });
}

/** What Proxmox has to hold for this configuration. Throws Rejected without REALM. */
export function wantedBy(settings: Settings, { user, tokenId, out }: OwnTokenOptions = {}): Wanted {
  if (settings.proxmox.realm === undefined) {
    throw new Rejected('REALM is not set: the name of the realm in Proxmox, whose users Entramox shall look after');
  }
  return wantedOf({
    policy: policyOf(settings),
    stopsConsoles: settings.proxmox.stopTasks,
    owner: user ?? OWN_USER,
    name: tokenId ?? OWN_TOKEN,
    sink: declareCredential(out ?? placeOf(settings.proxmox.apiTokenFile)),
    expire: 0,
  });
}

/** Where the service reads its token: what a rotation writes elsewhere would leave it with one that ends. */
function placeOf(apiTokenFile: string | undefined): string {
  return absolutePath.safeParse(apiTokenFile).data ?? OWN_TOKEN_FILE;
}
