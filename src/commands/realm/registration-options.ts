import { type Command, InvalidArgumentError, Option } from 'commander';
import { IDENTITY_PROVIDERS, type IdentityProvider } from '../../targets/proxmox/realm/declaration.js';
import { type AdminOptions, withAdminOptions } from '../token/options.js';

export const SECRET_FILE = '/etc/entramox/credentials/realm-client-secret';

/** A role as it is told in the claim, and the group whose members have it: an object id of Entra, a name in Kanidm. */
export interface RoleOption {
  value: string;
  group: string;
}

/** Proxmox is looked at only before a secret that it may have is removed. */
export interface RegistrationOptions extends AdminOptions {
  idp?: IdentityProvider | undefined;
  /** A ready access token for Graph. */
  graphTokenFile?: string | undefined;
  displayName?: string | undefined;
  role?: RoleOption[] | undefined;
  group?: string[] | undefined;
  member?: RoleOption[] | undefined;
  secretFile?: string | undefined;
  newSecret?: boolean | undefined;
  removeOldSecrets?: boolean | undefined;
  /** Somebody has seen to it that Proxmox has the stored secret. */
  proxmoxHasIt?: boolean | undefined;
  adopt?: boolean | undefined;
  prune?: boolean | undefined;
  runKanidm?: boolean | undefined;
  kanidmAdministrator?: string | undefined;
  spn?: boolean | undefined;
  rs256?: boolean | undefined;
}

/** Gives a verb the options of `realm registration`. */
export function withRegistrationOptions(verb: Command): Command {
  const idp = new Option('--idp <provider>', 'who lets people log in (default: REALM_IDP)');
  const pair = (text: string, before: RoleOption[] | undefined): RoleOption[] => {
    const [, value, group] = /^([^=]+)=([^=]+)$/.exec(text) ?? [];
    if (value === undefined || group === undefined) throw new InvalidArgumentError('expected NAME=GROUP');
    return [...(before ?? []), { value, group }];
  };
  return withAdminOptions(verb)
    .addOption(idp.choices([...IDENTITY_PROVIDERS]))
    .option('--display-name <name>', 'of the application (default: Proxmox VE (REALM))')
    .option('--role <value=group>', 'a role, and whose: a group id of Entra, a group of Kanidm; repeat it', pair)
    .option('--secret-file <file>', `where the client secret is stored (default: ${SECRET_FILE})`)
    .option('--graph-token-file <file>', 'Entra: a ready access token of somebody who may register applications')
    .option('--group <id...>', 'Entra: groups whose members may log in (default: ENTRA_GROUP_IDS)')
    .option('--adopt', 'Entra: take the application of REALM_CLIENT_ID under management')
    .option('--prune', 'Entra: remove redirect URIs, and groups in the token, that are not declared')
    .option('--new-secret', 'Entra: add a client secret')
    .option('--remove-old-secrets', 'Entra: remove our secrets but for the stored one, once Proxmox has that')
    .option('--proxmox-has-it', 'Entra: do not look whether Proxmox has the stored one')
    .option('--member <person=group>', 'Kanidm: put somebody into a group; repeat it', pair)
    .option('--kanidm-administrator <name>', 'Kanidm: who logged in with "kanidm login" (default: idm_admin)')
    .option('--run-kanidm', 'Kanidm: run the commands, rather than print them as a script')
    .option('--spn', 'Kanidm: leave names as alice@idm.example.com, rather than alice')
    .option('--rs256', 'Kanidm: sign with RS256, where Proxmox does not take ES256');
}
