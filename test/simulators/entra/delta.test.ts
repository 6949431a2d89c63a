import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Bed, startBed } from './harness.js';

interface Page {
  '@odata.nextLink'?: string;
  '@odata.deltaLink'?: string;
  value: Record<string, unknown>[];
}

interface Round {
  rows: Record<string, unknown>[];
  pages: number;
  deltaLink: string;
}

describe('delta of the Entra simulator', () => {
  let bed: Bed;

  beforeEach(async () => {
    bed = await startBed({ deltaPageSize: 3 });
  });

  afterEach(async () => {
    await bed.close();
  });

  async function follow(start: string, headers?: Record<string, string>): Promise<Round> {
    const rows: Record<string, unknown>[] = [];
    let link: string | undefined = start;
    for (let pages = 1; pages <= 20; pages += 1) {
      const page: Page = (await bed.call('GET', link, undefined, headers)).body as Page;
      expect([page['@odata.nextLink'], page['@odata.deltaLink']].filter(Boolean)).toHaveLength(1);
      rows.push(...page.value);
      if (page['@odata.deltaLink']) return { rows, pages, deltaLink: page['@odata.deltaLink'] };
      link = page['@odata.nextLink'] ?? '';
    }
    throw new Error('the delta never ended');
  }

  function addUsers(count: number): string[] {
    return Array.from({ length: count }, (_, index) =>
      bed.sim.directory.addUser({ userPrincipalName: `user${index}@example.com` }),
    );
  }

  it('lists everything over pages and then only what changed', async () => {
    const oids = addUsers(7);

    const all = await follow('/users/delta?$select=id,accountEnabled');
    const nothing = await follow(all.deltaLink);
    bed.sim.directory.updateUser(oids[2] ?? '', { accountEnabled: false });
    const one = await follow(nothing.deltaLink);

    expect(all.pages).toBe(3);
    expect(all.rows.map(({ id }) => id).sort()).toEqual([...oids].sort());
    expect(nothing.rows).toEqual([]);
    expect(one.rows).toEqual([{ id: oids[2], accountEnabled: false }]);
  });

  it('tells soft deletion, restoration and deletion for good apart', async () => {
    const [soft = '', hard = '', back = ''] = addUsers(3);
    const { deltaLink } = await follow('/users/delta?$select=id');

    bed.sim.directory.softDeleteUser(soft);
    bed.sim.directory.hardDeleteUser(hard);
    bed.sim.directory.softDeleteUser(back);
    bed.sim.directory.restoreUser(back);
    const { rows } = await follow(deltaLink);

    expect(new Map(rows.map((row) => [row.id, row['@removed']]))).toEqual(
      new Map<unknown, unknown>([
        [soft, { reason: 'changed' }],
        [hard, { reason: 'deleted' }],
        [back, undefined],
      ]),
    );
  });

  it('spreads the members of one group over rows and pages', async () => {
    const group = bed.sim.directory.addGroup({ displayName: 'big' });
    const oids = addUsers(8);
    for (const oid of oids) bed.sim.directory.addMember(group, oid);

    const { rows } = await follow('/groups/delta?$select=displayName,members');

    const members = rows.flatMap((row) => row['members@delta'] as { id: string }[]);
    expect(rows).toHaveLength(3);
    expect(rows.every(({ id }) => id === group)).toBe(true);
    expect(members.map(({ id }) => id).sort()).toEqual([...oids].sort());
  });

  it('shows who joined and who left, with the reason as an object', async () => {
    const group = bed.sim.directory.addGroup({ displayName: 'linux' });
    const [leaver = '', joiner = ''] = addUsers(2);
    bed.sim.directory.addMember(group, leaver);
    const { deltaLink } = await follow('/groups/delta?$select=id,members');

    bed.sim.directory.removeMember(group, leaver);
    bed.sim.directory.addMember(group, joiner);
    const { rows } = await follow(deltaLink);

    expect(rows).toEqual([
      {
        id: group,
        'members@delta': [
          { '@odata.type': '#microsoft.graph.user', id: leaver, '@removed': { reason: 'deleted' } },
          { '@odata.type': '#microsoft.graph.user', id: joiner },
        ],
      },
    ]);
  });

  it('does not show a soft-deleted member as removed until it is deleted for good', async () => {
    const group = bed.sim.directory.addGroup({ displayName: 'linux' });
    const [oid = ''] = addUsers(1);
    bed.sim.directory.addMember(group, oid);
    const { deltaLink } = await follow('/groups/delta?$select=id,members');

    bed.sim.directory.softDeleteUser(oid);
    const soft = await follow(deltaLink);
    bed.sim.directory.hardDeleteUser(oid);
    const hard = await follow(soft.deltaLink);

    expect(soft.rows).toEqual([]);
    expect(hard.rows[0]?.['members@delta']).toMatchObject([{ id: oid, '@removed': { reason: 'deleted' } }]);
  });

  it('starts from now with $deltatoken=latest', async () => {
    const [oid = ''] = addUsers(2);

    const { rows, deltaLink } = await follow('/users/delta?$deltatoken=latest&$select=id');
    bed.sim.directory.updateUser(oid, { displayName: 'Alice' });
    const next = await follow(deltaLink);

    expect(rows).toEqual([]);
    expect(next.rows).toEqual([{ id: oid }]);
  });

  it('keeps to the ids of the filter', async () => {
    const [first = '', , third = ''] = addUsers(3);
    const filter = encodeURIComponent(`id eq '${first}' or id eq '${third}'`);

    const { rows } = await follow(`/users/delta?$select=id&$filter=${filter}`);

    expect(rows.map(({ id }) => id).sort()).toEqual([first, third].sort());
  });

  it.each([
    ['$top', '$top=10'],
    ['$expand', '$expand=manager'],
    ['a filter on anything but ids', `$filter=${encodeURIComponent("displayName eq 'x'")}`],
    [
      '51 ids',
      `$filter=${encodeURIComponent(Array(51).fill("id eq '00000000-0000-0000-0000-000000000000'").join(' or '))}`,
    ],
    ['a token it never gave', '$deltatoken=nonsense'],
  ])('refuses %s', async (_, query) => {
    const reply = await bed.call('GET', `/users/delta?${query}`);

    expect(reply.status).toBe(400);
  });

  it('answers 410 with a place to start over once a token is older than seven days', async () => {
    addUsers(1);
    const { deltaLink } = await follow('/users/delta?$select=id');

    bed.sim.advance(8 * 24 * 3600_000);
    const gone = await bed.call('GET', deltaLink);
    const again = await follow(gone.headers.location ?? '');

    expect(gone.status).toBe(410);
    expect(again.rows).toHaveLength(1);
  });

  it('answers 400 syncStateNotFound when told to', async () => {
    const { deltaLink } = await follow('/users/delta?$select=id');
    bed.sim.faults.expireTokens('sync-state-not-found');

    const lost = await bed.call('GET', deltaLink);
    const found = await bed.call('GET', deltaLink);

    expect(lost.status).toBe(400);
    expect(lost.body).toMatchObject({ error: { code: 'syncStateNotFound' } });
    expect(found.status).toBe(200);
  });
});
