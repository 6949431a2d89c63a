import { type Command, Option } from 'commander';
import { IDENTITY_PROVIDERS, type IdentityProvider } from '../../targets/proxmox/realm/declaration.js';
import { type AdminOptions, withAdminOptions, withPbsOptions } from '../token/options.js';

export interface RealmOptions extends AdminOptions {
  /** Who lets people log in; without it REALM_IDP says. */
  idp?: IdentityProvider | undefined;
}

export interface RealmWriteOptions extends RealmOptions {
  /** Lets Proxmox take people out of groups that Entramox looks after. */
  allowGroupsOverwrite?: boolean | undefined;
  /** Lets the realm go over to another provider. */
  allowNewIssuer?: boolean | undefined;
  /** Takes away what is set in the realm and not declared. */
  prune?: boolean | undefined;
  /** Sends the client secret where nobody can see whether it differs. */
  sendClientKey?: boolean | undefined;
}

/** Gives a verb the options that every `realm` verb has. */
export function withRealmOptions(verb: Command): Command {
  const idp = new Option('--idp <provider>', 'who lets people log in (default: REALM_IDP)');
  return withAdminOptions(verb).addOption(idp.choices([...IDENTITY_PROVIDERS]));
}

/** The same for the verbs that plan a change of the realm. */
export function withRealmWriteOptions(verb: Command): Command {
  return withPbsOptions(withRealmOptions(verb))
    .option('--allow-groups-overwrite', 'REALM_GROUPS_OVERWRITE although Entramox looks after the groups of this realm')
    .option('--allow-new-issuer', 'hand a realm that is there over to another provider, users included')
    .option('--prune', 'remove what is set in the realm and not declared')
    .option('--send-client-key', 'with --pbs: the client secret too, which cannot be compared there');
}
