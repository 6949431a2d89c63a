import type { GroupId } from './identity.js';

/** What Entra says of a group itself. */
export interface GroupFacts {
  id: GroupId;
  displayName: string | undefined;
  /** `dynamic`: a rule of Entra decides on its members; undefined where Graph does not say. */
  kind: 'assigned' | 'dynamic' | undefined;
  /** Its members show only to whoever has Member.Read.Hidden. */
  hidden: boolean;
}

/** Every group below a configured one, at any depth, or that this cannot be told. */
export type NestedReading =
  | { certainty: 'present'; groups: readonly GroupFacts[] }
  | {
      certainty: 'unknown';
      why: string;
      /** What the last certain reading said; undefined where there never was one. */
      lastKnown?: readonly GroupFacts[] | undefined;
    };

/** A configured group with what is nested below it. */
export interface GroupBranch {
  id: GroupId;
  /** undefined: Graph never showed the group. */
  facts: GroupFacts | undefined;
  below: NestedReading;
}

/** The configured groups, each with its branch. */
export type GroupTree = ReadonlyMap<GroupId, GroupBranch>;

/** The groups below, as they are or were known last. Empty where nothing was ever known. */
export function groupsBelow({ below }: GroupBranch): readonly GroupFacts[] {
  return below.certainty === 'present' ? below.groups : (below.lastKnown ?? []);
}

/** Whether every branch could be read. */
export function isWhole(tree: GroupTree): boolean {
  return [...tree.values()].every(({ below }) => below.certainty === 'present');
}

/** What was just read, where an unreadable branch keeps what was known of it: unreadable is not empty. */
export function keepKnown(before: GroupTree | undefined, now: GroupTree): GroupTree {
  return new Map(
    [...now].map(([id, branch]) => {
      const earlier = before?.get(id);
      const facts = branch.facts ?? earlier?.facts;
      if (branch.below.certainty === 'present' || !earlier || isNeverRead(earlier)) return [id, { ...branch, facts }];
      return [id, { id, facts, below: { ...branch.below, lastKnown: groupsBelow(earlier) } }];
    }),
  );
}

/** Groups that came into a branch or left it, by configured group. A branch without two readings has no difference. */
export interface BranchChange {
  branch: GroupId;
  came: readonly GroupId[];
  left: readonly GroupId[];
}

/** What is different between two readings; a branch that is unknown now is not different. */
export function branchChanges(before: GroupTree | undefined, now: GroupTree): BranchChange[] {
  return [...now.values()].flatMap((branch) => {
    const earlier = before?.get(branch.id);
    if (!earlier || isNeverRead(earlier)) return [];
    const then = new Set(groupsBelow(earlier).map(({ id }) => id));
    const present = new Set(groupsBelow(branch).map(({ id }) => id));
    const came = [...present].filter((id) => !then.has(id));
    const left = [...then].filter((id) => !present.has(id));
    return came.length + left.length > 0 ? [{ branch: branch.id, came, left }] : [];
  });
}

/** Whether nothing was ever known of what is below. */
export function isNeverRead({ below }: GroupBranch): boolean {
  return below.certainty === 'unknown' && below.lastKnown === undefined;
}
