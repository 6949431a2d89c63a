/**
 * What became of privileges that a later version of Proxmox VE no longer knows. VM.Monitor went with 9.0
 * (libpve-access-control 9.0.2).
 */
const SUCCESSORS: Readonly<Record<string, string>> = { 'VM.Monitor': 'VM.GuestAgent.Audit and Sys.Audit' };

/** The other way round, for a declaration that was written for a later version. */
function predecessorOf(privilege: string, known: ReadonlySet<string>): string | undefined {
  return privilege.startsWith('VM.GuestAgent.') && known.has('VM.Monitor') ? 'VM.Monitor' : undefined;
}

/** A privilege that this version does not know, and what to write for it where there is something. */
export interface UnknownPrivilege {
  privilege: string;
  instead: string | undefined;
}

/** Those of `privileges` that are not `known`, with their successor, or the one that differs in its letters' case. */
export function findUnknownPrivileges(privileges: readonly string[], known: ReadonlySet<string>): UnknownPrivilege[] {
  return privileges
    .filter((privilege) => !known.has(privilege))
    .map((privilege) => {
      const similar = [...known].find((other) => other.toLowerCase() === privilege.toLowerCase());
      return { privilege, instead: similar ?? SUCCESSORS[privilege] ?? predecessorOf(privilege, known) };
    });
}

/** Whether a role holds exactly these privileges. */
export function isSameRole(held: ReadonlySet<string>, privileges: readonly string[]): boolean {
  return held.size === privileges.length && privileges.every((privilege) => held.has(privilege));
}
