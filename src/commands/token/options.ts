import { type Command, Option } from 'commander';
import { useridProblem } from '../../targets/proxmox/transport/ticket-credential.js';
import { ExitCode } from '../exit-code.js';
import type { CommonOptions } from '../settings-of.js';

/** A file that holds `user@realm!id=secret` of an administrator, where no other is named. */
export const ADMIN_TOKEN_FILE = '/etc/entramox/credentials/pve-admin-token';

/** The same for Proxmox Backup Server. */
export const PBS_ADMIN_TOKEN_FILE = '/etc/entramox/credentials/pbs-admin-token';

/** How a command that sets Proxmox VE up proves who it is: by an API token, by a password, or as root on the node. */
export interface AdminOptions extends CommonOptions {
  /** A file with `user@realm!id=secret` of somebody who may change roles, users and rights. */
  adminTokenFile?: string | undefined;
  /** `root@pam`: logs in with a password. */
  adminUser?: string | undefined;
  /** A file with that password; without it, it is typed. */
  adminPasswordFile?: string | undefined;
  /** The node's own `pvesh`, as root. */
  pvesh?: boolean | undefined;
  /** The address of a Proxmox Backup Server, which is meant instead of Proxmox VE. */
  pbs?: string | undefined;
  /** The root certificate of that, or its own where it signed itself. */
  pbsCaFile?: string | undefined;
}

export interface TokenOptions extends AdminOptions {
  adopt?: boolean | undefined;
  prune?: boolean | undefined;
}

/** Gives a verb the options that say that a Proxmox Backup Server is meant. */
export function withPbsOptions(verb: Command): Command {
  return verb
    .option('--pbs <url>', 'of a Proxmox Backup Server instead, such as https://pbs1.example.com:8007')
    .option('--pbs-ca-file <file>', 'its root certificate, or its own where it signed itself');
}

/**
 * Gives a verb that is for Proxmox VE alone an answer to --pbs: `what` it is, in words. Without, it would be an option
 * that somebody has mistyped.
 */
export function withoutPbs(verb: Command, what: string): Command {
  return verb
    .addOption(new Option('--pbs <url>').hideHelp())
    .addOption(new Option('--pbs-ca-file <file>').hideHelp())
    .hook('preAction', (command) => {
      const { pbs, pbsCaFile } = command.opts<AdminOptions>();
      if (pbs !== undefined || pbsCaFile !== undefined) {
        command.error(`error: ${what} is there for Proxmox VE alone, not for a Proxmox Backup Server`, WRONG_USAGE);
      }
    });
}

/** How options contradict each other or what they are for, in words; undefined: they do not. */
export function adminProblem(options: AdminOptions): string | undefined {
  const { adminUser, adminPasswordFile, adminTokenFile, pvesh, pbs, pbsCaFile } = options;
  if (pbs !== undefined) {
    if (adminUser !== undefined || adminPasswordFile !== undefined || pvesh) {
      return 'a Proxmox Backup Server is reached with an API token alone: --admin-token-file';
    }
    return undefined;
  }
  if (pbsCaFile !== undefined) return '--pbs-ca-file needs --pbs; for Proxmox VE it is PVE_CA_FILE';
  const named = [adminTokenFile && '--admin-token-file', adminUser && '--admin-user', pvesh && '--pvesh'].filter(
    Boolean,
  );
  if (named.length > 1) return `${named.join(' and ')} cannot be used together: each is a way of its own`;
  if (adminPasswordFile !== undefined && adminUser === undefined) {
    return '--admin-password-file needs --admin-user: whose password is it?';
  }
  return adminUser === undefined ? undefined : useridProblem(adminUser);
}

const WRONG_USAGE = { exitCode: ExitCode.usage };

/** Gives a verb the options that say how it reaches Proxmox VE as an administrator; the same ones everywhere. */
export function withAdminOptions(verb: Command): Command {
  return verb
    .option('--admin-token-file <file>', `an API token of an administrator (default: ${ADMIN_TOKEN_FILE})`)
    .option('--admin-user <user@realm>', 'log in as this user with a password instead')
    .option('--admin-password-file <file>', 'the password of --admin-user (default: typed)')
    .option('--pvesh', 'as root on a node, without any credential: through its own pvesh')
    .hook('preAction', (command) => {
      const problem = adminProblem(command.opts<AdminOptions>());
      if (problem !== undefined) command.error(`error: ${problem}`, WRONG_USAGE);
    });
}
