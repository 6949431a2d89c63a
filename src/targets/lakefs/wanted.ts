import type { GroupId } from '../../domain/identity.js';
import type { LakefsConflict, LakefsMapping, LakefsWanted } from '../../domain/lakefs.js';
import { fillName, likenessOf, nameProblem } from '../../domain/lakefs-name.js';
import { matcherOf } from './fnmatch.js';
import type { SelectionRules } from './selection.js';

export interface EntraGroup {
  id: GroupId;
  displayName: string;
}

/** What was read of Entra, and what it is held against. */
export interface Candidates {
  /** All groups that may be meant, and perhaps more. */
  read: readonly EntraGroup[];
  /** Those that are assigned to our application, where that is the source. */
  assigned: ReadonlySet<GroupId>;
  rules: SelectionRules;
  /** The Entra group that a lakeFS group of ours was made for, by its name. */
  owners: ReadonlyMap<string, GroupId>;
}

type Judged = { wanted: LakefsWanted } | { conflict: LakefsConflict };

/**
 * Each group with its name and policies. An entry for a group's id wins over those for names, and any entry over the
 * source; two entries for names that both match are a conflict. Of several groups that would have one lakeFS name, or
 * names that look alike, only the one that has it already keeps it: whoever may make groups must neither get at another
 * group's policies nor pass for it.
 */
export function wantedOf({ read, assigned, rules, owners }: Candidates): {
  wanted: LakefsWanted[];
  conflicts: LakefsConflict[];
} {
  const entriesFor = entryFinder(rules.mapping);
  const isSelected = selector(rules, assigned);
  const former = new Map([...owners].map(([name, id]) => [id, name]));
  const judged = [...new Map(read.map((group) => [group.id, group])).values()]
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .flatMap((group): Judged[] => {
      const entries = entriesFor(group);
      return entries.length > 0 || isSelected(group) ? [judge(group, entries, rules, former.get(group.id))] : [];
    });
  const named = judged.flatMap((each) => ('wanted' in each ? [each.wanted] : []));
  const conflicts = judged.flatMap((each) => ('conflict' in each ? [each.conflict] : []));
  const clashes = sameNames(named, owners);
  const clashing = new Set(clashes.map(({ groupId }) => groupId));
  return { wanted: named.filter(({ groupId }) => !clashing.has(groupId)), conflicts: [...conflicts, ...clashes] };
}

/** Whether the source means a group. */
function selector(rules: SelectionRules, assigned: ReadonlySet<GroupId>): (group: EntraGroup) => boolean {
  const ids = new Set(rules.groupIds);
  const matches = matcherOf(rules.filter);
  switch (rules.source) {
    case 'filter':
      return ({ displayName }) => matches(displayName);
    case 'ids':
      return ({ id }) => ids.has(id);
    case 'app-assignments':
      return ({ id }) => assigned.has(id);
    case 'mapping-file':
      return () => false;
    default:
      return rules.source satisfies never;
  }
}

/** The entries that are about a group: the one for its id, else all whose pattern its name matches. */
function entryFinder(mapping: readonly LakefsMapping[]): (group: EntraGroup) => LakefsMapping[] {
  const byId = new Map(mapping.flatMap((entry) => ('group' in entry.of ? [[entry.of.group, entry] as const] : [])));
  const patterns = mapping.flatMap((entry) =>
    'filter' in entry.of ? [{ entry, matches: matcherOf(entry.of.filter) }] : [],
  );
  return ({ id, displayName }) => {
    const own = byId.get(id);
    return own ? [own] : patterns.filter(({ matches }) => matches(displayName)).map(({ entry }) => entry);
  };
}

/** `former`: the name of the lakeFS group that it has already, and keeps whatever it is called in Entra by now. */
function judge(
  { id, displayName }: EntraGroup,
  entries: readonly LakefsMapping[],
  rules: SelectionRules,
  former: string | undefined,
): Judged {
  const conflict = (why: string, remedy: string): Judged => ({
    conflict: { groupId: id, displayName, why, remedy },
  });
  if (entries.length > 1) {
    const filters = entries.map(({ of }) => ('filter' in of ? JSON.stringify(of.filter) : '')).join(' and ');
    return conflict(
      `the group ${JSON.stringify(displayName)} (${id}) matches several entries of the mapping file: ${filters}`,
      'give it an entry for its object id, or make the patterns narrower',
    );
  }
  const entry = entries[0];
  const filled = fillName(entry?.name ?? '{displayName}', { displayName, id });
  const problem = nameProblem(filled);
  // Whoever may rename a group must not be able to keep its policies as they are by a name that cannot be had.
  const lakefsName = problem === undefined ? filled : former;
  if (lakefsName === undefined) {
    return conflict(
      `the lakeFS name ${JSON.stringify(filled)} of the group ${JSON.stringify(displayName)} (${id}) ${problem}`,
      'give it another name in LAKEFS_MAPPING_FILE, or rename the group in Entra',
    );
  }
  const policies = [...new Set(entry?.policies ?? rules.defaultPolicies)].sort();
  const acl = entry?.acl ?? rules.defaultAcl;
  return { wanted: { groupId: id, displayName, lakefsName, policies, ...(acl && { acl }) } };
}

function sameNames(wanted: readonly LakefsWanted[], owners: ReadonlyMap<string, GroupId>): LakefsConflict[] {
  const alike = new Map<string, LakefsWanted[]>();
  for (const each of wanted) {
    const key = likenessOf(each.lakefsName);
    alike.set(key, [...(alike.get(key) ?? []), each]);
  }
  const managed = new Set(owners.values());
  // Whoever has the name; else the one that has a lakeFS group under a former name, which is not at stake here.
  const keepers = (all: readonly LakefsWanted[]): ReadonlySet<GroupId> => {
    const having = all.filter(({ lakefsName, groupId }) => owners.get(lakefsName) === groupId);
    const ours = having.length > 0 ? having : all.filter(({ groupId }) => managed.has(groupId));
    return new Set(having.length > 0 || ours.length === 1 ? ours.map(({ groupId }) => groupId) : []);
  };
  return wanted.flatMap(({ groupId, displayName, lakefsName }) => {
    const all = alike.get(likenessOf(lakefsName)) ?? [];
    if (all.length < 2 || keepers(all).has(groupId)) return [];
    return [
      {
        groupId,
        displayName,
        why: clashOf(all),
        remedy: 'give one of them another name in LAKEFS_MAPPING_FILE, rename it in Entra, or leave it out',
      },
    ];
  });
}

/** So many groups are named. */
const NAMED = 5;

function clashOf(all: readonly LakefsWanted[]): string {
  const names = [...new Set(all.map(({ lakefsName }) => JSON.stringify(lakefsName)))];
  const ids = all.map(({ groupId }) => groupId);
  const more = ids.length > NAMED ? ` and ${ids.length - NAMED} more` : '';
  const groups = `the groups ${ids.slice(0, NAMED).join(' and ')}${more}`;
  const [name] = names;
  if (names.length === 1) return `${groups} would all be ${name} in lakeFS`;
  return `${groups} would have names in lakeFS that look alike: ${names.slice(0, NAMED).join(' and ')}`;
}
