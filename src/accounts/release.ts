import { AgentError } from './errors.js';
import { groupsOf, readEtc } from './etc.js';
import { statIfThere } from './if-there.js';
import type { Entry, Ledger } from './ledger.js';
import { sudoersFile } from './sudo-rule.js';
import { isLockedByUs, type Paths } from './workshop.js';

/** What root is shown before an account is given back. */
export interface Farewell {
  /** Undefined where it was given back before. */
  entry: Entry | undefined;
  lines: string[];
}

/**
 * Looks at an account that root wants back, without changing anything. What it has it keeps; from then on nothing of it
 * is ours to change. Throws AgentError for an identity without an account here, and in the middle of a deletion.
 */
export function examineForRelease(
  { ledger, paths, now }: { ledger: Ledger; paths: Pick<Paths, 'etc' | 'sudoers'>; now: number },
  oid: string,
): Farewell {
  const known = ledger.get(oid);
  if (!known) throw new AgentError('refused', `no account of ours belongs to ${oid}`);
  if (known.state === 'released') return { entry: undefined, lines: [`${known.name} was given back before`] };
  if (known.state === 'deleted') throw new AgentError('refused', `the account ${known.name} was deleted`);
  if (known.state !== 'made') {
    const why = known.state === 'creating' ? 'only half made' : 'being deleted';
    throw new AgentError('refused', `${known.name} is ${why}`, 'wait until the next reconcile has finished it');
  }
  const { archive: _, ...kept } = known;
  return { entry: { ...kept, state: 'released', releasedAt: now }, lines: describe(known, paths) };
}

function describe(entry: Entry, paths: Pick<Paths, 'etc' | 'sudoers'>): string[] {
  const { name, uid } = entry;
  const etc = readEtc(paths.etc);
  const line = etc.passwd.get(name);
  const rule = sudoersFile(paths.sudoers, uid);
  return [
    `account  ${name}, uid ${uid}${line ? '' : ' (gone from /etc/passwd)'}`,
    `home     ${line?.home ?? 'none'}`,
    `groups   ${groupsOf(etc, name).join(' ') || 'none'}: it stays in them`,
    statIfThere(rule)
      ? `sudo     ${rule} stays as it is; nobody renders or revokes it any more, to end it: rm ${rule}`
      : 'sudo     no rule of ours',
    ...(isLockedByUs(entry, etc) || entry.lock
      ? [`lock     our lock stays on it; to open it by hand: usermod -U -e '' ${name}`]
      : []),
    `becomes  nobody's: it is not locked, changed or deleted any more, whatever happens in Entra; name and uid stay kept for ${entry.oid}`,
  ];
}
