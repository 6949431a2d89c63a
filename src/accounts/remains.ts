import { syncDirectory } from './durable-file.js';
import { AgentError } from './errors.js';
import { type Etc, groupsOf, readEtc } from './etc.js';
import { mustRun } from './exec.js';
import type { Entry } from './ledger.js';
import type { Workshop } from './workshop.js';

/** Whether the account is in all four files; an adopted one may have another primary group. */
export function hasAllLines(etc: Etc, { name, uid }: Pick<Entry, 'name' | 'uid'>, adopted: boolean): boolean {
  if (etc.passwd.get(name)?.uid !== uid || !etc.shadow.has(name)) return false;
  return adopted || (etc.group.get(name)?.gid === uid && etc.gshadow.has(name));
}

/** Whether any of the four files still knows the name, as a member of a group too. */
export function hasAnyLine(etc: Etc, own: Pick<Entry, 'name' | 'uid'>): boolean {
  const { name } = own;
  return etc.passwd.has(name) || etc.shadow.has(name) || groupsOf(etc, name).length > 0 || hasGroupLine(etc, own);
}

/** A group that only shares the name with an adopted account is somebody else's. */
function hasGroupLine(etc: Etc, { name, uid }: Pick<Entry, 'name' | 'uid'>): boolean {
  const line = etc.group.get(name);
  return line ? line.gid === uid : etc.gshadow.has(name);
}

/** Why the group of an entry is not ours; undefined where name and gid meet or neither is there. */
export function groupProblem(etc: Etc, { name, uid }: Pick<Entry, 'name' | 'uid'>): string | undefined {
  const line = etc.group.get(name);
  if (line && line.gid !== uid) return `the group ${name} has gid ${line.gid}, our account has ${uid}`;
  const holder = etc.groupOfGid.get(uid);
  if (holder !== undefined && holder !== name)
    return `gid ${uid} of our account ${name} belongs to the group ${holder}`;
  return undefined;
}

/**
 * Takes every line of an account of ours out of the account files, whichever are left after a crash; the home stays.
 * A name that is gone from passwd but still a member of groups cannot be removed by any tool, so it is made whole
 * for a moment, expired and without a password, and then deleted.
 */
export async function sweepAway({ run, paths }: Workshop, entry: Pick<Entry, 'name' | 'uid'>): Promise<void> {
  const { name, uid } = entry;
  let etc = readEtc(paths.etc);
  if (!hasAnyLine(etc, entry)) return;
  if (!etc.passwd.has(name)) {
    if (!etc.group.has(name)) await mustRun(run, 'groupadd', ['-g', String(uid), name]);
    const numbers = ['-u', String(uid), '-g', String(readEtc(paths.etc).group.get(name)?.gid)];
    await mustRun(run, 'useradd', ['-M', '-N', ...numbers, '-e', '1', ...NO_SUBIDS, name]);
  }
  await mustRun(run, 'userdel', [name], { codes: [0, 6] });
  etc = readEtc(paths.etc);
  // userdel leaves the line in gshadow when group has none; groupdel takes both, so group gets one first.
  if (etc.gshadow.has(name) && !etc.group.has(name)) await mustRun(run, 'groupadd', ['-g', String(uid), name]);
  if (hasGroupLine(readEtc(paths.etc), entry)) await mustRun(run, 'groupdel', [name], { codes: [0, 6] });
  syncDirectory(paths.etc);
  if (hasAnyLine(readEtc(paths.etc), entry)) {
    throw new AgentError('failed', `${name} is still in the account files after userdel`, 'look with pwck and grpck');
  }
}

/** Subordinate ids run out after about 9,000 accounts and then keep useradd from working at all. */
export const NO_SUBIDS = ['-K', 'SUB_UID_COUNT=0', '-K', 'SUB_GID_COUNT=0'];
