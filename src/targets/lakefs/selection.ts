import { SourceUnavailable } from '../../domain/errors.js';
import type { GroupId } from '../../domain/identity.js';
import type { LakefsMapping, LakefsPermission, LakefsSelection } from '../../domain/lakefs.js';
import { literalPrefix } from './fnmatch.js';
import { type Candidates, type EntraGroup, wantedOf } from './wanted.js';

/** Where groups of Entra are read. Everything is complete, or SourceUnavailable is thrown. */
export interface GroupSource {
  /** At least every group whose display name begins with this, upper and lower case aside; all where it is empty. */
  groupsNamed(prefix: string, signal: AbortSignal): Promise<readonly EntraGroup[]>;
  /** Those of the groups that exist. */
  groupsById(ids: readonly GroupId[], signal: AbortSignal): Promise<readonly EntraGroup[]>;
  /** Those that are assigned to our enterprise application. */
  assignedGroups(signal: AbortSignal): Promise<readonly EntraGroup[]>;
}

/** What is configured of it; the settings of lakeFS fit. */
export interface SelectionRules {
  source: 'filter' | 'ids' | 'app-assignments' | 'mapping-file';
  filter: string;
  groupIds: readonly GroupId[];
  mapping: readonly LakefsMapping[];
  defaultPolicies: readonly string[];
  defaultAcl: LakefsPermission | undefined;
}

/**
 * Which Entra groups lakeFS should have, under which names and with what. Complete, or unknown: where anything that it
 * rests on could not be read, no group may be taken for one that is no longer wanted.
 * `owners`: the Entra group that a lakeFS group of ours was made for, by its name.
 */
export async function selectGroups(options: {
  groups: GroupSource;
  rules: SelectionRules;
  owners: ReadonlyMap<string, GroupId>;
  signal: AbortSignal;
}): Promise<LakefsSelection> {
  const { groups, rules, owners, signal } = options;
  try {
    const { absent, ...found } = await readGroups(groups, rules, signal);
    return { certainty: 'complete', ...wantedOf({ ...found, rules, owners }), absent };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof SourceUnavailable)) throw error;
    const mend = (error as { mend?: unknown }).mend;
    return { certainty: 'unknown', why: error.message, mend: typeof mend === 'string' ? mend : undefined };
  }
}

/** Everything that the source and the mapping file may mean, each listing read once. */
async function readGroups(
  groups: GroupSource,
  { source, filter, groupIds, mapping }: SelectionRules,
  signal: AbortSignal,
): Promise<Pick<Candidates, 'read' | 'assigned'> & { absent: GroupId[] }> {
  const assigned = source === 'app-assignments' ? await groups.assignedGroups(signal) : [];
  const patterns = mapping.flatMap(({ of }) => ('filter' in of ? [of.filter] : []));
  const prefixes = (source === 'filter' ? [filter, ...patterns] : patterns).map(literalPrefix);
  const listed = [...assigned];
  for (const prefix of shortest(prefixes)) listed.push(...(await groups.groupsNamed(prefix, signal)));
  const known = new Set(listed.map(({ id }) => id));
  const ids = [
    ...(source === 'ids' ? groupIds : []),
    ...mapping.flatMap(({ of }) => ('group' in of ? [of.group] : [])),
  ];
  const missing = [...new Set(ids)].filter((id) => !known.has(id));
  const single = missing.length > 0 ? await groups.groupsById(missing, signal) : [];
  const there = new Set(single.map(({ id }) => id));
  return {
    read: [...listed, ...single],
    assigned: new Set(assigned.map(({ id }) => id)),
    absent: missing.filter((id) => !there.has(id)),
  };
}

/** Without those that begin like another one, whose answer holds theirs. */
function shortest(prefixes: readonly string[]): string[] {
  const distinct = [...new Set(prefixes)].sort((a, b) => a.length - b.length);
  return distinct.filter((prefix, index) => !distinct.slice(0, index).some((other) => prefix.startsWith(other)));
}
