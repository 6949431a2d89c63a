import { randomUUID } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync } from 'node:fs';
import { userInfo } from 'node:os';
import type { Settings } from '../../config/settings.js';
import { messageOf, Rejected } from '../../domain/errors.js';
import { type Audit, openAudit } from '../../telemetry/audit.js';
import type { RecordBootstrap } from '../../telemetry/bootstrap-audit.js';
import type { Log } from '../../telemetry/log.js';
import { systemClock } from '../../telemetry/system-clock.js';
import { bootstrapPaths } from './bootstrap-paths.js';
import { claimedUser } from './claimed-user.js';
import { takeKernelLock } from './kernel-lock.js';

export interface BootstrapOptions {
  settings: Pick<Settings, 'paths'>;
  /** As the operator typed it, for the record: `token rotate`. */
  verb: string;
  log: Log;
  /** The address of a Proxmox Backup Server, where that is what is written to. */
  pbs?: string | undefined;
}

/**
 * Lets one set-up command at a time write, and hands it what keeps its records: an audit log of its own with a chain of
 * its own, since the reconciler, another process and another user, holds the end of the main one. Both are checked by
 * `entramox audit verify`. Throws where another such command is running, or where no record can be kept.
 */
export async function withBootstrapAudit<T>(
  { settings, verb, log, pbs }: BootstrapOptions,
  work: (record: RecordBootstrap) => Promise<T>,
): Promise<T> {
  const paths = bootstrapPaths(settings.paths);
  ownDirectory(paths.stateDir, 0o755);
  ownDirectory(paths.logDir, 0o750);
  const lock = await takeKernelLock(paths.lock, 'command that sets Proxmox up ("entramox token" or "entramox realm")');
  try {
    const audit = openAudit(paths.audit, systemClock.now, {
      headPath: paths.auditHead,
      onHead: (head) => log('core.audit.head', { ...head, file: paths.audit }),
      complain: (error) => log('core.audit.unwritten', { error, file: paths.audit }),
    });
    try {
      return await work(recorder(audit, verb, pbs !== undefined));
    } finally {
      audit.close();
    }
  } finally {
    lock.release();
  }
}

function recorder(audit: Audit, verb: string, isPbs: boolean): RecordBootstrap {
  const correlation = randomUUID();
  const uid = process.getuid?.();
  const operator = { uid, name: nameOfUser(), proof: 'kernel' as const, claimed: claimedUser() };
  return (record) => {
    const target = isPbs && record.target === 'proxmox' ? 'pbs' : record.target;
    audit.append({ kind: 'step', by: verb, operator, ...record, target, correlation });
    audit.flush();
  };
}

function nameOfUser(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    // A container may run as a uid that no account has; the uid is in the record.
    return undefined;
  }
}

/** Nobody else may be able to put a link where we write as root. Throws Rejected. */
function ownDirectory(path: string, mode: number): void {
  try {
    // Whatever the umask: the reconciler, another user, reads what is no secret there.
    if (mkdirSync(path, { recursive: true }) !== undefined) chmodSync(path, mode);
    const seen = lstatSync(path);
    const isOurs = seen.isDirectory() && [0, process.getuid?.()].includes(seen.uid) && (seen.mode & 0o022) === 0;
    if (isOurs) return;
  } catch (error) {
    throw new Rejected(`${path}, where the records of this command go, cannot be used: ${messageOf(error)}; be root`);
  }
  throw new Rejected(
    `${path}, where the records of this command go, is not this user's alone: chown root ${path} && chmod go-w ${path}`,
  );
}
