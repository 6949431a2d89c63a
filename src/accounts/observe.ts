import { type Etc, readEtc } from './etc.js';
import { toolProblems } from './exec.js';
import { homeState } from './home.js';
import { listIfThere } from './if-there.js';
import type { Entry } from './ledger.js';
import { nameStanding } from './name-standing.js';
import type { AccountSight, NameQuestion, ObserveResult } from './protocol.js';
import { hasAllLines } from './remains.js';
import { staleLocks } from './stale-locks.js';
import { identityProblem, isLockedByUs, type Workshop } from './workshop.js';

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
    .filter((entry) => entry.state === 'deleted' || identityProblem(etc, entry) === undefined)
    .map((entry) => sightOf(entry, { etc, rules, homes, groups, homeBase: policy.homeBase }));
  const names = Object.fromEntries(
    questions.map((question) => {
      const { remedy: _, ...standing } = nameStanding({ ledger, policy, etc }, question);
      return [question.oid, { name: question.name, ...standing }];
    }),
  );
  return { accounts, names, troubles: [...toolProblems(), ...staleLocks(paths.etc, paths.proc)] };
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
    ...(locked && lock?.since !== undefined ? { lockedSince: lock.since } : {}),
    ...(lock && !locked ? { halfLocked: true } : {}),
    groups: groups.get(name) ?? [],
    sudo: rules.has(`entramox-${uid}`),
  };
}

function managedGroups(etc: Etc, allowed: readonly string[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const group of [...allowed].sort()) {
    for (const member of new Set(etc.group.get(group)?.members)) {
      const list = groups.get(member);
      if (list) list.push(group);
      else groups.set(member, [group]);
    }
  }
  return groups;
}
