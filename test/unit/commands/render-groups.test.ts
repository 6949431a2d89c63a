import { describe, expect, it } from 'vitest';
import { groupRows, shownGroups, type Watched } from '../../../src/commands/render/groups.js';
import type { ShownSubscription } from '../../../src/listener/subscriptions/routes.js';
import type { GroupView } from '../../../src/operator/groups.js';

const ID = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa';

const group = (change: Partial<GroupView> = {}): GroupView => ({
  id: ID,
  displayName: 'staff',
  kind: 'assigned',
  hidden: false,
  members: 12,
  nested: { groups: 3, dynamic: 0 },
  ...change,
});
const subscription = (resource: string, state: 'live' | 'missing' = 'live') =>
  ({ resource, state }) as unknown as ShownSubscription;
const row = (view: GroupView, watched: Watched) => groupRows([{ ...view, watched }])[0]?.join(' | ');

describe('how a group is watched', () => {
  it.each([
    ['subscription', [subscription(`/groups/${ID}`), subscription('/users')], true, {}],
    ['collection', [subscription('/groups')], true, {}],
    ['catch-up', [subscription(`/groups/${ID}`, 'missing'), subscription('/users')], true, {}],
    ['catch-up', undefined, true, {}],
    ['sweep', undefined, false, {}],
    ['catch-up', [subscription(`/groups/${ID}`)], true, { kind: 'dynamic' as const }],
    ['sweep', [subscription('/groups')], false, { kind: 'dynamic' as const }],
  ])('is by %s with the subscriptions %o and catch-up %s of %o', (expected, subscriptions, hasCatchUp, change) => {
    const [shown] = shownGroups([group(change)], subscriptions, hasCatchUp);

    expect(shown?.watched).toBe(expected);
  });
});

describe('the line of a group', () => {
  it('has its name, its size, what is nested, and how its changes are heard of', () => {
    expect(row(group(), 'subscription')).toBe('staff | 12 members | 3 nested | watched by a subscription');
  });

  it('says that a dynamic group rests on catch-up and sweeps, and what a hidden one needs', () => {
    const line = row(group({ kind: 'dynamic', hidden: true, nested: { groups: 0, dynamic: 0 } }), 'catch-up');

    expect(line).toContain('nothing nested | catch-up and sweeps only (dynamic: Graph promises no notifications)');
    expect(line).toContain('needs Member.Read.Hidden');
  });

  it('counts dynamic groups among the nested ones', () => {
    expect(row(group({ nested: { groups: 3, dynamic: 2 } }), 'collection')).toContain('3 nested, 2 of them dynamic');
  });

  it('tells what was not read yet from what cannot be read', () => {
    const unread = 'status 403';

    expect(row({ id: ID }, 'sweep')).toBe(`${ID} |  | what is nested was not read yet | sweeps only`);
    expect(row({ id: ID, unread }, 'sweep')).toContain('what is nested cannot be read: status 403');
    expect(row(group({ unread }), 'sweep')).toContain('3 nested when it could be read last (status 403)');
  });

  it('stops after forty, and says how many more there are', () => {
    const rows = groupRows(Array.from({ length: 45 }, () => ({ ...group(), watched: 'sweep' as const })));

    expect(rows).toHaveLength(41);
    expect(rows.at(-1)?.[0]).toBe('and 5 more');
  });
});
