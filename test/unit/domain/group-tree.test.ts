import { describe, expect, it } from 'vitest';
import {
  branchChanges,
  type GroupBranch,
  type GroupTree,
  groupsBelow,
  isNeverRead,
  isWhole,
  keepKnown,
} from '../../../src/domain/group-tree.js';

const facts = (id: string) => ({ id, displayName: id, kind: 'assigned' as const, hidden: false });
const read = (id: string, ...below: string[]): GroupBranch => ({
  id,
  facts: facts(id),
  below: { certainty: 'present', groups: below.map(facts) },
});
const unread = (id: string, lastKnown?: string[]): GroupBranch => ({
  id,
  facts: undefined,
  below: { certainty: 'unknown', why: 'time-out', lastKnown: lastKnown?.map(facts) },
});
const tree = (...branches: GroupBranch[]): GroupTree => new Map(branches.map((branch) => [branch.id, branch]));
const idsBelow = (branch: GroupBranch | undefined) => branch && groupsBelow(branch).map(({ id }) => id);

describe('what was known of a branch', () => {
  it('is kept while it cannot be read, for as long as that takes, with the name of its group', () => {
    const once = keepKnown(tree(read('a', 'x', 'y')), tree(unread('a')));
    const twice = keepKnown(once, tree(unread('a')));

    expect(idsBelow(twice.get('a'))).toEqual(['x', 'y']);
    expect(twice.get('a')?.facts?.displayName).toBe('a');
    expect(twice.get('a')?.below).toMatchObject({ certainty: 'unknown', why: 'time-out' });
  });

  it('gives way to what can be read, also where that is nothing', () => {
    const now = keepKnown(tree(read('a', 'x'), unread('b', ['y'])), tree(read('a'), read('b', 'z')));

    expect([idsBelow(now.get('a')), idsBelow(now.get('b'))]).toEqual([[], ['z']]);
  });

  it('is nothing where it was never read', () => {
    const first = keepKnown(undefined, tree(unread('a')));
    const second = keepKnown(first, tree(unread('a')));

    expect([first, second].map((now) => isNeverRead(now.get('a') as GroupBranch))).toEqual([true, true]);
    expect(idsBelow(second.get('a'))).toEqual([]);
  });

  it('is forgotten with a group that is not configured any more', () => {
    expect([...keepKnown(tree(read('a'), read('b')), tree(read('b'))).keys()]).toEqual(['b']);
  });

  it('is known although it was an empty branch', () => {
    const now = keepKnown(tree(read('a')), tree(unread('a')));

    expect(isNeverRead(now.get('a') as GroupBranch)).toBe(false);
  });
});

describe('a tree', () => {
  it('is whole when every branch could be read', () => {
    expect(isWhole(tree(read('a'), read('b')))).toBe(true);
    expect(isWhole(tree(read('a'), unread('b', ['x'])))).toBe(false);
  });

  it('differs from an earlier one by what came and what left, branch by branch', () => {
    const changes = branchChanges(tree(read('a', 'x', 'y'), read('b', 'x')), tree(read('a', 'y', 'z'), read('b', 'x')));

    expect(changes).toEqual([{ branch: 'a', came: ['z'], left: ['x'] }]);
  });

  it('differs by what only came, or only left', () => {
    expect(branchChanges(tree(read('a')), tree(read('a', 'x')))).toEqual([{ branch: 'a', came: ['x'], left: [] }]);
    expect(branchChanges(tree(read('a', 'x')), tree(read('a')))).toEqual([{ branch: 'a', came: [], left: ['x'] }]);
  });

  it.each([
    ['there was none before', undefined, tree(read('a', 'x'))],
    ['the branch is new', tree(), tree(read('a', 'x'))],
    ['the branch was never read', tree(unread('a')), tree(read('a', 'x'))],
    ['it cannot be read now', tree(read('a', 'x')), keepKnown(tree(read('a', 'x')), tree(unread('a')))],
  ])('does not differ where %s', (_what, before, now) => {
    expect(branchChanges(before, now)).toEqual([]);
  });

  it('differs from what was known before a branch could not be read for a while', () => {
    expect(branchChanges(tree(unread('a', ['x'])), tree(read('a')))).toEqual([{ branch: 'a', came: [], left: ['x'] }]);
  });
});
