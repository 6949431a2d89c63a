import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SourceUnavailable } from '../../../../src/domain/errors.js';
import type { LakefsMapping, LakefsSelection } from '../../../../src/domain/lakefs.js';
import { type GroupSource, type SelectionRules, selectGroups } from '../../../../src/targets/lakefs/selection.js';
import type { EntraGroup } from '../../../../src/targets/lakefs/wanted.js';

const idOf = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
const group = (number: number, displayName: string): EntraGroup => ({ id: idOf(number), displayName });
const entry = (number: number, rest: Partial<LakefsMapping> = {}): LakefsMapping => ({
  of: { group: idOf(number) },
  ...rest,
});

const RULES: SelectionRules = {
  source: 'filter',
  filter: 'LakeFS*',
  groupIds: [],
  mapping: [],
  defaultPolicies: ['B', 'A', 'A'],
  defaultAcl: undefined,
};

/** A tenant with these groups, of which the listed ones are assigned; what was asked is written down. */
function tenant(groups: readonly EntraGroup[], assigned: readonly number[] = []) {
  const asked: string[] = [];
  const source: GroupSource = {
    async groupsNamed(prefix) {
      asked.push(`named ${prefix}`);
      return groups.filter(({ displayName }) => displayName.toLowerCase().startsWith(prefix.toLowerCase()));
    },
    async groupsById(ids) {
      asked.push(`ids ${ids.length}`);
      return groups.filter(({ id }) => ids.includes(id));
    },
    async assignedGroups() {
      asked.push('assigned');
      return groups.filter(({ id }) => assigned.map(idOf).includes(id));
    },
  };
  return { source, asked };
}

function select(
  source: GroupSource,
  rules: Partial<SelectionRules> = {},
  owners: ReadonlyMap<string, string> = new Map(),
): Promise<LakefsSelection> {
  const { signal } = new AbortController();
  return selectGroups({ groups: source, rules: { ...RULES, ...rules }, owners, signal });
}

async function complete(...args: Parameters<typeof select>) {
  const selection = await select(...args);
  if (selection.certainty === 'unknown') throw new Error(selection.why);
  return selection;
}

describe('the groups that lakeFS should have', () => {
  it('are those of the filter, with the default policies and their own names', async () => {
    const { source } = tenant([group(1, 'LakeFS one'), group(2, 'lakefs two'), group(3, 'Else')]);

    const { wanted, conflicts } = await complete(source);

    expect(conflicts).toEqual([]);
    expect(wanted).toEqual([
      { groupId: idOf(1), displayName: 'LakeFS one', lakefsName: 'LakeFS one', policies: ['A', 'B'] },
    ]);
  });

  it('are more with the mapping file, whose entries win over the source, those for an id over those for names', async () => {
    const groups = [group(1, 'LakeFS one'), group(2, 'Data X'), group(3, 'Data Y'), group(4, 'Else')];
    const { source } = tenant(groups);
    const mapping: LakefsMapping[] = [
      entry(1, { policies: [] }),
      entry(3, { name: 'special-{id}', policies: ['S'], acl: 'Write' }),
      { of: { filter: 'Data*' }, name: 'team {displayName}', policies: ['T'] },
    ];

    const { wanted } = await complete(source, { mapping });

    expect(wanted.map(({ lakefsName, policies, acl }) => [lakefsName, policies, acl])).toEqual([
      ['LakeFS one', [], undefined],
      ['team Data X', ['T'], undefined],
      [`special-${idOf(3)}`, ['S'], 'Write'],
    ]);
  });

  it('are only those of the mapping file where that is the source, and each listing is read once', async () => {
    const { source, asked } = tenant([group(1, 'Data X'), group(2, 'LakeFS'), group(3, 'Other')]);
    const mapping: LakefsMapping[] = [{ of: { filter: 'Data *' } }, { of: { filter: 'Data X[ab]' } }, entry(3)];

    const { wanted } = await complete(source, { source: 'mapping-file', mapping });

    expect(wanted.map(({ displayName }) => displayName)).toEqual(['Data X', 'Other']);
    expect(asked).toEqual(['named Data ', 'ids 1']);
  });

  it('may be those of a list, and those that are assigned', async () => {
    const groups = [group(1, 'One'), group(2, 'Two')];
    const byIds = await complete(tenant(groups).source, { source: 'ids', groupIds: [idOf(2), idOf(9)] });
    const assigned = await complete(tenant(groups, [1]).source, { source: 'app-assignments' });

    expect(byIds.wanted.map(({ displayName }) => displayName)).toEqual(['Two']);
    expect(assigned.wanted.map(({ displayName }) => displayName)).toEqual(['One']);
  });

  it('are told apart from those that are named and that Entra does not have', async () => {
    const { source } = tenant([group(1, 'a'), group(2, 'b')]);

    const { wanted, absent } = await complete(source, {
      source: 'ids',
      groupIds: [idOf(1), idOf(8)],
      mapping: [entry(2), entry(9)],
    });

    expect(wanted.map(({ displayName }) => displayName)).toEqual(['a', 'b']);
    expect(absent).toEqual([idOf(8), idOf(9)]);
  });

  it('are unknown as a whole where one listing could not be read', async () => {
    const { source } = tenant([group(1, 'LakeFS one')]);
    const broken = { ...source, groupsById: () => Promise.reject(new SourceUnavailable('Graph is away')) };

    const selection = await select(broken, { mapping: [entry(1)], source: 'mapping-file' });

    expect(selection).toEqual({ certainty: 'unknown', why: 'Graph is away', mend: undefined });
  });

  it('let an error of another kind through, for it is a bug', async () => {
    const { source } = tenant([]);
    const broken = { ...source, groupsNamed: () => Promise.reject(new TypeError('a bug')) };

    await expect(select(broken)).rejects.toThrow('a bug');
  });
});

describe('a conflict', () => {
  it('is a name that lakeFS cannot have, or that is its own', async () => {
    const { source } = tenant([group(1, '100%'), group(2, 'admins'), group(3, ' x'), group(4, '..'), group(5, 'fine')]);

    const { wanted, conflicts } = await complete(source, { filter: '*' });

    expect(wanted.map(({ displayName }) => displayName)).toEqual(['fine']);
    expect(conflicts.map(({ displayName }) => displayName)).toEqual(['100%', 'admins', ' x', '..']);
    expect(conflicts[1]?.why).toContain("is that of lakeFS's own group Admins");
    expect(conflicts.every(({ remedy }) => remedy.length > 0)).toBe(true);
  });

  it('is a group that two patterns of the mapping file match', async () => {
    const { source } = tenant([group(1, 'Data X')]);
    const mapping: LakefsMapping[] = [{ of: { filter: 'Data*' } }, { of: { filter: '*X' } }];

    const { wanted, conflicts } = await complete(source, { mapping });

    expect(wanted).toEqual([]);
    expect(conflicts[0]?.why).toContain('"Data*" and "*X"');
  });

  it('is one name for two groups: neither gets it while nobody has it', async () => {
    const { source } = tenant([group(1, 'LakeFS X'), group(2, 'LakeFS X')]);

    const { wanted, conflicts } = await complete(source);

    expect(wanted).toEqual([]);
    expect(conflicts.map(({ groupId }) => groupId)).toEqual([idOf(1), idOf(2)]);
  });

  it.each(['Lakefsprojectx', 'LakeFSPROJECTX', 'ＬakeFSProjectX', 'LakeFSProject\u200dX'])(
    'is a name that looks like the one of another group: %s',
    async (likeness) => {
      const { source } = tenant([group(1, 'LakeFSProjectX'), group(2, likeness)]);

      const fresh = await complete(source, { filter: '*' });
      const later = await complete(source, { filter: '*' }, new Map([['LakeFSProjectX', idOf(1)]]));
      const both = new Map([
        ['LakeFSProjectX', idOf(1)],
        [likeness, idOf(2)],
      ]);

      expect(fresh.wanted).toEqual([]);
      expect(fresh.conflicts[0]?.why).toContain('look alike');
      expect(later.wanted.map(({ groupId }) => groupId)).toEqual([idOf(1)]);
      expect((await complete(source, { filter: '*' }, both)).conflicts).toEqual([]);
    },
  );

  it('never holds up a group that was renamed, whoever makes another of its new name', async () => {
    const { source } = tenant([group(1, 'LakeFSNew'), group(2, 'LakeFSNew')]);

    const { wanted, conflicts } = await complete(source, {}, new Map([['LakeFSOld', idOf(1)]]));

    expect(wanted.map(({ groupId }) => groupId)).toEqual([idOf(1)]);
    expect(conflicts.map(({ groupId }) => groupId)).toEqual([idOf(2)]);
  });

  it.each(['Admins', '100%', ' x'])('never holds up a group of ours that was renamed to %j', async (name) => {
    const { source } = tenant([group(1, name)]);

    const { wanted, conflicts } = await complete(source, { filter: '*' }, new Map([['LakeFSOld', idOf(1)]]));

    expect(wanted).toMatchObject([{ groupId: idOf(1), displayName: name, lakefsName: 'LakeFSOld' }]);
    expect(conflicts).toEqual([]);
  });

  it('leaves a name with the group that has it, whoever makes another of that name', async () => {
    const { source } = tenant([group(1, 'LakeFS X'), group(2, 'LakeFS X')]);

    const { wanted, conflicts } = await complete(source, {}, new Map([['LakeFS X', idOf(2)]]));

    expect(wanted.map(({ groupId }) => groupId)).toEqual([idOf(2)]);
    expect(conflicts.map(({ groupId }) => groupId)).toEqual([idOf(1)]);
  });

  it('keeps every group out of what is wanted, and no two wanted groups have one name', async () => {
    const names = fc.constantFrom('LakeFS a', 'LakeFS b', 'Admins', 'x%', 'LakeFS {id}', 'Data');
    const templates = fc.constantFrom(undefined, '{displayName}', 'one', '{id}', 'Admins');

    await fc.assert(
      fc.asyncProperty(
        fc.array(names, { maxLength: 6 }),
        fc.uniqueArray(fc.tuple(fc.integer({ min: 0, max: 5 }), templates), { selector: ([number]) => number }),
        async (displayNames, mapped) => {
          const groups = displayNames.map((displayName, index) => group(index, displayName));
          const mapping = mapped.map(([number, name]) => entry(number, { name }));

          const { wanted, conflicts } = await complete(tenant(groups).source, { mapping });

          const unique = new Set(wanted.map(({ lakefsName }) => lakefsName));
          expect(unique.size).toBe(wanted.length);
          expect(wanted.some(({ lakefsName }) => lakefsName === 'Admins' || lakefsName.includes('%'))).toBe(false);
          const apart = new Set(conflicts.map(({ groupId }) => groupId));
          expect(wanted.some(({ groupId }) => apart.has(groupId))).toBe(false);
        },
      ),
    );
  });
});
