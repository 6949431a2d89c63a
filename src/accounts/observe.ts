import { adoptionObstacle } from './adopt.js';
import { diskTrouble } from './disk-trouble.js';
import { type Etc, groupsOf, readEtc } from './etc.js';
import { toolProblems } from './exec.js';
import { homeState } from './home.js';
import { listIfThere, statIfThere } from './if-there.js';
import type { Entry } from './ledger.js';
import { nameStanding } from './name-standing.js';
import type { AccountSight, ForeignAccount, NameQuestion, NameSight, ObserveResult } from './protocol.js';
import { hasAllLines } from './remains.js';
import { lockTroubles } from './stale-locks.js';
import { sudoersFile } from './sudo-rule.js';
import { uidStanding } from './uid-standing.js';
import { identityProblem, isLockedByUs, isShadowLocked, type Workshop } from './workshop.js';

/**
 * All accounts of ours, or those of `oids`, as the real files show them; the files are read once. An account whose
 * name or uid somebody else took over is left out and shows as `foreign` in `names`. Writes nothing.
 */
export function observe(
  workshop: Workshop,
  oids?: readonly string[],
  questions: readonly NameQuestion[] = [],
): ObserveResult {
  const { ledger, policy, paths } = workshop;
  const etc = readEtc(paths.etc);
  const rules = new Set(listIfThere(paths.sudoers));
  const homes = new Set(listIfThere(policy.homeBase));
  const groups = managedGroups(etc, policy.allowedGroups);
  const asked = oids ? oids.flatMap((oid) => ledger.get(oid) ?? []) : ledger.entries();
  const accounts = asked
    .filter((entry) => entry.state !== 'released')
    .filter((entry) => entry.state === 'deleted' || identityProblem(etc, entry) === undefined)
    .map((entry) => sightOf(entry, { etc, rules, homes, groups, homeBase: policy.homeBase }));
  const names = Object.fromEntries(questions.map((question) => [question.oid, answer(workshop, etc, question)]));
  const disk = [diskTrouble(paths.etc)].flatMap((trouble) => (trouble ? [`${trouble.what}: ${trouble.remedy}`] : []));
  const tools = toolProblems();
  return { accounts, names, troubles: [...tools, ...disk, ...lockTroubles(paths.etc, paths.proc)], tools };
}

/** A name that is free is of no use where the uid is not. */
function answer({ ledger, policy, paths }: Workshop, etc: Etc, question: NameQuestion): NameSight {
  const { oid, name } = question;
  const around = { ledger, policy, etc };
  const standing: NameSight = { name, ...nameStanding(around, question) };
  if (standing.state === 'free') {
    const choice = uidStanding(around, oid);
    if (choice.ok) return { ...standing, uid: choice.uid, ...(choice.other ? { otherUid: choice.other } : {}) };
    return { name, state: 'foreign', why: choice.why, remedy: choice.remedy };
  }
  const isNobodys = standing.state === 'foreign' && !standing.released && ledger.ownerOfName(name) === undefined;
  const line = isNobodys ? etc.passwd.get(name) : undefined;
  if (!line) return standing;
  const allGroups = groupsOf(etc, name);
  const obstacle = adoptionObstacle(around, question);
  const account: ForeignAccount = {
    name,
    uid: line.uid,
    gecos: line.gecos,
    home: line.home,
    shell: line.shell,
    groups: allGroups.filter((group) => policy.allowedGroups.includes(group)),
    allGroups,
    locked: isShadowLocked(etc.shadow.get(name)),
    sudo: statIfThere(sudoersFile(paths.sudoers, line.uid)) !== undefined,
    ...(obstacle === undefined ? {} : { obstacle }),
  };
  return { ...standing, account };
}

interface Surroundings {
  etc: Etc;
  rules: ReadonlySet<string>;
  homes: ReadonlySet<string>;
  groups: ReadonlyMap<string, string[]>;
  homeBase: string;
}

function sightOf(entry: Entry, { etc, rules, homes, groups, homeBase }: Surroundings): AccountSight {
  const { oid, name, uid, lock } = entry;
  const passwd = etc.passwd.get(name);
  const shared = { oid, name, uid, gecos: passwd?.gecos ?? '' };
  if (entry.state === 'deleted') {
    return { ...shared, gecos: '', state: 'deleted', locked: false, groups: [], sudo: false };
  }
  const hasHome =
    passwd?.home === `${homeBase}/${name}` ? homes.has(name) : homeState(passwd?.home ?? '', uid) !== 'missing';
  const whole = entry.state === 'made' && hasAllLines(etc, entry, entry.adopted) && hasHome;
  const locked = isLockedByUs(entry, etc);
  return {
    ...shared,
    state: whole ? 'whole' : 'partial',
    locked,
    ...(entry.adopted ? { adopted: true } : {}),
    ...(locked && lock?.since !== undefined ? { lockedSince: lock.since } : {}),
    ...(lock && !locked ? { halfLocked: true } : {}),
    // A group that a running process may still hold is not lost yet.
    groups: [...new Set([...(groups.get(name) ?? []), ...(entry.lostGroups ?? [])])],
    sudo: rules.has(`entramox-${uid}`),
  };
}

function managedGroups(etc: Etc, allowed: readonly string[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const group of [...allowed].sort()) {
    for (const member of new Set([...(etc.group.get(group)?.members ?? []), ...(etc.gshadow.get(group) ?? [])])) {
      const list = groups.get(member);
      if (list) list.push(group);
      else groups.set(member, [group]);
    }
  }
  return groups;
}
