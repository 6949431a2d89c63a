import { syncDirectory } from './durable-file.js';
import { AgentError } from './errors.js';
import { readEtc } from './etc.js';
import { mustRun } from './exec.js';
import { setRandomPassword } from './password.js';
import { isExpiredByUs, openOwn, type Workshop } from './workshop.js';

/**
 * Undoes our own lock and nothing else: the former expiry and, where it was usable before, the password. Sudo,
 * groups and linger do not come back by themselves. An account that we did not lock is left as it is.
 */
export async function unlockAccount(workshop: Workshop, oid: string): Promise<{ name: string; changed: boolean }> {
  const { entry, passwd, shadow } = openOwn(workshop, oid);
  const { run, ledger, paths } = workshop;
  const { lock, archive: _, ...open } = entry;
  if (!lock) return { name: entry.name, changed: false };
  if (!passwd || !shadow) {
    throw new AgentError('refused', `${entry.name} is only partly there`, 'create completes it and opens it');
  }
  const openPassword = !lock.passwordWasLocked && shadow.password.startsWith('!');
  const args = [
    ...(openPassword && shadow.password !== '!' ? ['-U'] : []),
    ...(isExpiredByUs(shadow) && lock.previousExpiry !== shadow.expiry ? ['-e', lock.previousExpiry] : []),
  ];
  if (args.length > 0) await mustRun(run, 'usermod', [...args, entry.name]);
  // usermod cannot open a lone `!`: there never was a password behind it.
  if (openPassword && shadow.password === '!') await setRandomPassword(run, entry.name);
  syncDirectory(paths.etc);

  const after = readEtc(paths.etc).shadow.get(entry.name);
  const isOpen = after && (after.expiry === lock.previousExpiry || !isExpiredByUs(after));
  if (!isOpen || (openPassword && after.password.startsWith('!'))) {
    throw new AgentError('failed', `${entry.name} still shows the lock in /etc/shadow after usermod`);
  }
  ledger.put({ ...open, state: entry.state === 'deleting' ? 'made' : entry.state });
  return { name: entry.name, changed: true };
}
