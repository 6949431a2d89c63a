import { describe, expect, it } from 'vitest';
import type { LakefsWanted } from '../../../src/domain/lakefs.js';
import { type LakefsGroupInput, type LakefsGroupPlan, planLakefsGroup } from '../../../src/domain/plan-lakefs-group.js';
import type { LakefsGroupEntry } from '../../../src/domain/plan-lakefs-record.js';
import type { LakefsGroupSight } from '../../../src/domain/plan-lakefs-sight.js';
import { ALICE, HOUR, NOW } from './builders.js';

const GROUP = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaa1';
const WANTED: LakefsWanted = { groupId: GROUP, displayName: 'Data', lakefsName: 'Data', policies: ['Read', 'Write'] };
const UNWANTED = { kind: 'unwanted' } as const;

function entry(change: Partial<LakefsGroupEntry> = {}): LakefsGroupEntry {
  const base = { groupId: GROUP, displayName: 'Data', name: 'Data', id: 'g-1', origin: 'made' as const };
  return { ...base, since: NOW - HOUR, policies: ['Read', 'Write'], members: {}, ...change };
}

function there(change: Partial<Extract<LakefsGroupSight, { certainty: 'present' }>> = {}): LakefsGroupSight {
  const policies = { certainty: 'present', policies: ['Read', 'Write'] } as const;
  return { certainty: 'present', id: 'g-1', name: 'Data', origin: 'made', policies, members: [], ...change };
}

function plan(change: Partial<LakefsGroupInput> = {}): LakefsGroupPlan {
  return planLakefsGroup({
    wish: { kind: 'wanted', wanted: WANTED },
    entry: entry(),
    sight: there(),
    mode: 'full',
    simplified: false,
    deleteAfterMs: 24 * HOUR,
    confirmMs: 5000,
    endsCountdowns: true,
    now: NOW,
    ...change,
  });
}

const brief = ({ steps }: LakefsGroupPlan) =>
  steps.map((step) => `${step.action}${'policy' in step ? ` ${step.policy}` : ''}`);

describe('a group that is wanted', () => {
  it('is made with its policies, which are remembered before they are attached', () => {
    const made = plan({ entry: undefined, sight: { certainty: 'absent' } });

    expect(brief(made)).toEqual(['create-group', 'attach-policy Read', 'attach-policy Write']);
    expect(made.entry).toMatchObject({ name: 'Data', origin: 'made', policies: ['Read', 'Write'], members: {} });
    expect(made.entry?.id).toBeUndefined();
  });

  it('needs nothing when it is as it should be', () => {
    expect(plan()).toMatchObject({ steps: [], entry: entry() });
  });

  it('gets back what was detached, and loses what is not declared any more and was ours', () => {
    const policies = { certainty: 'present', policies: ['Read', 'Old', 'Others'] } as const;
    const changed = plan({ entry: entry({ policies: ['Old', 'Read'] }), sight: there({ policies }) });

    expect(brief(changed)).toEqual(['detach-policy Old', 'attach-policy Write']);
    expect(changed.entry?.policies).toEqual(['Old', 'Read', 'Write']);
  });

  it('that somebody else made keeps what we did not attach, even where it is declared', () => {
    const found = plan({
      mode: 'policies-only',
      entry: undefined,
      sight: there({ origin: 'found', policies: { certainty: 'present', policies: ['Read'] } }),
    });

    expect(brief(found)).toEqual(['attach-policy Write']);
    expect(found.entry).toMatchObject({ origin: 'found', policies: ['Write'] });
  });

  it('is waited for where others make groups', () => {
    const waiting = plan({ mode: 'policies-only', entry: undefined, sight: { certainty: 'absent' } });

    expect(waiting).toMatchObject({
      steps: [],
      entry: undefined,
      conflict: { what: expect.stringContaining('no group') },
    });
  });

  it('has its policies left alone where members alone are ours', () => {
    expect(plan({ mode: 'members-only', sight: there({ policies: { certainty: 'unasked' } }) }).steps).toEqual([]);
  });

  it('is left alone where its policies cannot be read, and that is told', () => {
    const sight = there({ policies: { certainty: 'unknown', why: 'page 2 failed' } });

    expect(plan({ sight })).toMatchObject({ steps: [], unknown: 'page 2 failed' });
  });

  it('begins anew where another group has taken its place under our mark', () => {
    const again = plan({ entry: entry({ members: { [ALICE]: 'alice' } }), sight: there({ id: 'g-2' }) });

    expect(again.entry).toMatchObject({ id: 'g-2', members: {} });
  });

  it('takes over a group whose creation was not noted any more', () => {
    const crashed = plan({ entry: entry({ id: undefined, members: { [ALICE]: 'alice' } }) });

    expect(crashed.entry).toMatchObject({ id: 'g-1', members: { [ALICE]: 'alice' } });
  });

  it('is a conflict while something foreign has its name, and tells since when', () => {
    const sight: LakefsGroupSight = { certainty: 'foreign', what: 'somebody made it', remedy: 'rename it' };
    const first = plan({ sight });

    const later = plan({ sight, entry: first.entry, now: NOW + HOUR });

    expect(later).toMatchObject({ steps: [], conflict: { what: 'somebody made it' } });
    expect(later.entry?.conflict?.since).toBe(NOW);
    expect(plan({ entry: first.entry }).entry?.conflict).toBeUndefined();
  });

  it('ends its countdown when it is back', () => {
    const back = plan({ entry: entry({ missingSince: NOW - 2, graceSince: NOW - 1, deleteAt: NOW + 1 }) });

    expect(back.entry).toEqual(entry());
  });

  it('does so too where something else about it is in conflict', () => {
    const conflict = { groupId: GROUP, displayName: 'Data', why: 'two are called Data', remedy: 'rename one' };
    const blocked = plan({
      wish: { kind: 'blocked', conflict },
      entry: entry({ graceSince: NOW - 1, deleteAt: NOW - 1 }),
    });

    expect(blocked).toMatchObject({ steps: [], conflict: { what: 'two are called Data' } });
    expect(blocked.entry?.deleteAt).toBeUndefined();
  });
});

describe('a permission instead of policies', () => {
  const acl = { ...WANTED, acl: 'Write' as const };
  const having = (permission: 'Read' | 'Admin' | undefined) =>
    plan({
      wish: { kind: 'wanted', wanted: acl },
      sight: there({ policies: { certainty: 'simplified', permission } }),
    });

  it('is given, raised, or lowered, which takes something away', () => {
    expect(having(undefined).steps).toMatchObject([{ action: 'set-permission', effect: 'grant', permission: 'Write' }]);
    expect(having('Read').steps).toMatchObject([{ effect: 'grant' }]);
    expect(having('Admin').steps).toMatchObject([{ effect: 'revoke', before: 'Admin' }]);
  });

  it('is set on a group that was just made, and left as it is where none is declared', () => {
    const made = plan({
      ...{ entry: undefined, simplified: true, sight: { certainty: 'absent' } },
      wish: { kind: 'wanted', wanted: acl },
    });

    expect(brief(made)).toEqual(['create-group', 'set-permission']);
    expect(plan({ sight: there({ policies: { certainty: 'simplified', permission: 'Admin' } }) }).steps).toEqual([]);
  });
});

describe('a group that is not wanted any more', () => {
  it('begins its countdown only at the second sign, far enough from the first', () => {
    const first = plan({ wish: UNWANTED });
    const early = plan({ wish: UNWANTED, entry: first.entry, now: NOW + 4999 });
    const second = plan({ wish: UNWANTED, entry: first.entry, now: NOW + 5000 });

    expect(first.entry).toEqual(entry({ missingSince: NOW }));
    expect(early.entry?.graceSince).toBeUndefined();
    expect(second.entry).toMatchObject({ graceSince: NOW + 5000, deleteAt: NOW + 5000 + 24 * HOUR });
    expect([first, early, second].flatMap(({ steps }) => steps)).toEqual([]);
  });

  it('is not deleted sooner because the clock was set back', () => {
    const ahead = plan({ wish: UNWANTED, entry: entry({ missingSince: NOW + HOUR }) });

    expect(ahead.entry).toMatchObject({ missingSince: NOW });
    expect(ahead.entry?.graceSince).toBeUndefined();
  });

  it('is deleted when its time is over, empty, and not before', () => {
    const ending = entry({ missingSince: 1, graceSince: 2, deleteAt: NOW });

    expect(brief(plan({ wish: UNWANTED, entry: ending }))).toEqual(['delete-group']);
    expect(plan({ wish: UNWANTED, entry: ending, now: NOW - 1 }).steps).toEqual([]);
    expect(plan({ wish: UNWANTED, entry: ending, endsCountdowns: false }).steps).toEqual([]);
    expect(plan({ wish: UNWANTED, entry: { ...ending, deleteAt: undefined } }).steps).toEqual([]);
  });

  it('is not deleted while anybody is in it, or nobody can tell', () => {
    const ending = entry({ graceSince: 2, deleteAt: NOW, members: { [ALICE]: 'alice' } });

    expect(plan({ wish: UNWANTED, entry: ending, sight: there({ members: ['alice'] }) })).toMatchObject({ steps: [] });
    expect(plan({ wish: UNWANTED, entry: ending, sight: there({ members: ['guest'] }) }).conflict?.what).toContain(
      '1 of',
    );
    expect(plan({ wish: UNWANTED, entry: ending, sight: there({ members: undefined }) }).unknown).toBeDefined();
  });

  it('that is not of our making is never deleted: what we attached goes, then it is forgotten', () => {
    const ending = entry({ origin: 'adopted', policies: ['Read'], graceSince: 2, deleteAt: NOW });
    const gone = { certainty: 'present', policies: ['Others'] } as const;

    expect(brief(plan({ wish: UNWANTED, entry: ending, sight: there({ origin: 'adopted' }) }))).toEqual([
      'detach-policy Read',
    ]);
    expect(plan({ wish: UNWANTED, entry: ending, sight: there({ policies: gone }) })).toMatchObject({
      steps: [],
      entry: undefined,
    });
  });

  it('is forgotten where lakeFS does not have it either, and never was anything of ours where it was not known', () => {
    expect(plan({ wish: UNWANTED, sight: { certainty: 'absent' } })).toEqual({ steps: [], entry: undefined });
    expect(plan({ wish: UNWANTED, entry: undefined })).toEqual({ steps: [], entry: undefined });
  });
});
