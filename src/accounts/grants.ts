import { existsSync } from 'node:fs';
import { syncDirectory } from './durable-file.js';
import { askLogind, endProcesses, lingerFlag } from './end-processes.js';
import { AgentError } from './errors.js';
import { groupsOf, isFullMember, readEtc } from './etc.js';
import { mustRun } from './exec.js';
import { beyondReach } from './privileged-groups.js';
import { hasAllLines } from './remains.js';
import { forgetSudoTimestamps, grantSudo, isSudoAllowed, revokeSudo } from './sudoers.js';
import { isLockedByUs, type Own, openOwn, type Workshop } from './workshop.js';

/**
 * Makes the account a member of exactly these of the groups that the policy allows; other groups stay untouched. Whoever
 * loses a group of `endSessionsOnLossOf` is logged out and may log in again, because the kernel leaves running processes
 * their groups; AgentError `failed` when something survives that, and then the next call tries again. Throws `refused`
 * for a group that the policy does not name or the host does not have, and for additions to a locked account.
 */
export async function setGroups(
  workshop: Workshop,
  oid: string,
  wanted: readonly string[],
): Promise<{ groups: string[]; notes: string[] }> {
  const { policy, run, paths } = workshop;
  const own = openOwn(workshop, oid);
  const { entry, etc } = own;
  const forbidden = wanted.filter((group) => !policy.allowedGroups.includes(group));
  if (forbidden.length > 0) {
    throw new AgentError('refused', `the policy does not allow the group ${forbidden.join(', ')}`, POLICY_REMEDY);
  }
  const missing = wanted.filter((group) => !etc.group.has(group));
  if (missing.length > 0) {
    throw new AgentError('refused', `this host has no group ${missing.join(', ')}`, `groupadd ${missing.join(' ')}`);
  }
  const now = groupsOf(etc, entry.name).filter((group) => policy.allowedGroups.includes(group));
  const added = wanted.filter((group) => !isFullMember(etc, entry.name, group));
  if (added.length > 0) refuseUnlessOpen(own, `the group ${added.join(', ')}`);
  const grave = now.filter((group) => !wanted.includes(group) && policy.endSessionsOnLossOf.includes(group));
  // Written down first: once the files do not show the group any more, nothing else would tell who still holds it.
  const lost = [...new Set([...(entry.lostGroups ?? []), ...grave])].filter((group) => !wanted.includes(group));
  if (grave.length > 0) workshop.ledger.put({ ...entry, lostGroups: lost });
  // Away first: a crash in between leaves too little, never too much.
  for (const group of now) if (!wanted.includes(group)) await mustRun(run, 'gpasswd', ['-d', entry.name, group]);
  for (const group of new Set(added)) await mustRun(run, 'gpasswd', ['-a', entry.name, group]);
  syncDirectory(paths.etc);
  const read = readEtc(paths.etc);
  const after = groupsOf(read, entry.name).filter((group) => policy.allowedGroups.includes(group));
  const isSplit = after.some((group) => !isFullMember(read, entry.name, group));
  if (isSplit || after.join() !== [...new Set(wanted)].sort().join()) {
    throw new AgentError('failed', `${entry.name} is in [${after.join(' ')}] instead of [${wanted.join(' ')}]`);
  }
  return { groups: after, notes: lost.length > 0 ? await enforceLoss(workshop, own, lost) : [] };
}

/** Ends whatever may still hold a group that was taken away, and returns what the operator should know. */
async function enforceLoss(workshop: Workshop, { entry }: Own, lost: readonly string[]): Promise<string[]> {
  const { name, oid } = entry;
  const { notes, problems } = await endProcesses(workshop, entry);
  if (problems.length > 0) {
    throw new AgentError('failed', `${name} lost ${lost.join(', ')}, but still has it: ${problems.join('; ')}`);
  }
  const { lostGroups: _, ...settled } = workshop.ledger.get(oid) ?? entry;
  workshop.ledger.put(settled);
  // Lingering services were theirs to have and start again, without the group.
  const trouble = existsSync(lingerFlag(workshop, name))
    ? await askLogind(workshop, ['enable-linger', name])
    : undefined;
  return [
    `${name} was logged out everywhere: it lost ${lost.join(', ')}`,
    ...notes,
    ...(trouble ? [trouble] : []),
    ...beyondReach(name, lost),
  ];
}

/** Grants or revokes the one sudo rule of the policy. Throws `refused` where the policy or a lock forbids it. */
export async function setSudo(
  workshop: Workshop,
  oid: string,
  granted: boolean,
): Promise<{ sudo: boolean; notes: string[] }> {
  const own = openOwn(workshop, oid);
  const { name, uid } = own.entry;
  if (!granted) {
    const revoked = revokeSudo(workshop, uid);
    forgetSudoTimestamps(workshop, own.entry);
    const notes = revoked && own.passwd && (await isSudoAllowed(workshop, name)) ? [otherRule(name)] : [];
    return { sudo: false, notes };
  }
  if (!workshop.policy.sudo.enabled) throw new AgentError('refused', 'the policy does not allow sudo', POLICY_REMEDY);
  refuseUnlessOpen(own, 'sudo');
  await grantSudo(workshop, name, uid);
  if (!(await isSudoAllowed(workshop, name))) {
    revokeSudo(workshop, uid);
    throw new AgentError(
      'failed',
      `sudo does not honour the rule of ${name}`,
      'check that /etc/sudoers includes /etc/sudoers.d, and run visudo -c',
    );
  }
  return { sudo: true, notes: [] };
}

const POLICY_REMEDY = 'change the policy file as root, or the role that asks for it';

function refuseUnlessOpen({ entry, etc, passwd }: Own, what: string): void {
  if (!passwd || entry.state !== 'made' || !hasAllLines(etc, entry, entry.adopted)) {
    throw new AgentError('refused', `${entry.name} is not complete and gets no ${what}`, 'create completes it');
  }
  if (isLockedByUs(entry, etc) || entry.lock) {
    throw new AgentError('refused', `${entry.name} is locked and gets no ${what}`, 'unlock it first');
  }
}

function otherRule(name: string): string {
  return `sudo still lists a rule for ${name} that entramox did not make`;
}
