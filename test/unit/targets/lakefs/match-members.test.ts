import { describe, expect, it } from 'vitest';
import type { MemberStrategy } from '../../../../src/domain/lakefs.js';
import { groupMarkedIn, markOfGroup } from '../../../../src/targets/lakefs/marks.js';
import { indexUsers, matchUser, newUserId } from '../../../../src/targets/lakefs/match-members.js';
import { findGroup } from '../../../../src/targets/lakefs/observe.js';
import { ALICE, LAB } from '../../domain/builders.js';

const WAAD: MemberStrategy = { field: 'id', template: 'waad|{oid}', text: 'id-template:waad|{oid}' };
const BY_UPN: MemberStrategy = { field: 'id', template: '{upn}', text: 'id:{upn}' };
const BY_MAIL: MemberStrategy = { field: 'email', template: '{mail}', text: 'email' };
const BY_NAME: MemberStrategy = { field: 'friendly-name', template: '{upn}', text: 'friendly-name' };
const alice = { oid: ALICE, upn: 'alice@example.com', mail: 'Alice.Smith@example.com' };

const user = (id: string, email?: string, friendlyName?: string) => ({ id, email, friendlyName });

describe('the lakeFS user of a person', () => {
  const users = [
    user(`waad|${ALICE}`),
    user('u-1', 'alice.smith@EXAMPLE.com'),
    user('u-2', undefined, 'alice@example.com'),
  ];

  it('is the one that the first strategy finds which finds anybody', () => {
    const index = indexUsers(users);

    expect(matchUser(index, [WAAD, BY_MAIL], alice)).toEqual({ kind: 'one', user: `waad|${ALICE}` });
    expect(matchUser(index, [BY_UPN, BY_MAIL, WAAD], alice)).toEqual({ kind: 'one', user: 'u-1' });
    expect(matchUser(index, [BY_NAME], alice)).toEqual({ kind: 'one', user: 'u-2' });
    expect(matchUser(index, [BY_UPN], alice)).toEqual({ kind: 'none' });
  });

  it('is nobody where one strategy finds several, and later ones are not asked', () => {
    const twice = indexUsers([...users, user('u-3', 'alice.smith@example.com')]);

    expect(matchUser(twice, [BY_MAIL, WAAD], alice)).toEqual({
      kind: 'several',
      users: ['u-1', 'u-3'],
      strategy: 'email',
    });
  });

  it('is never found by what the person lacks, or by an empty field', () => {
    const index = indexUsers([user('u-1', ''), user('', '')]);

    expect(matchUser(index, [BY_MAIL], { ...alice, mail: undefined })).toEqual({ kind: 'none' });
    expect(matchUser(index, [BY_MAIL], { ...alice, mail: '' })).toEqual({ kind: 'none' });
  });

  it('keeps the case of ids', () => {
    expect(matchUser(indexUsers([user('Alice@example.com')]), [BY_UPN], alice)).toEqual({ kind: 'none' });
  });

  it('that is made has the id by which it is found, or the address that is invited', () => {
    expect(newUserId([BY_MAIL, WAAD], alice, 'create')).toBe(`waad|${ALICE}`);
    expect(newUserId([BY_MAIL], alice, 'create')).toBe('alice@example.com');
    expect(newUserId([WAAD], alice, 'invite')).toBe('alice.smith@example.com');
    expect(newUserId([WAAD], { ...alice, mail: undefined }, 'invite')).toBeUndefined();
  });
});

describe('the lakeFS group of an Entra group', () => {
  const group = (id: string, name: string, description = '') => ({ id, name, description });
  const find = (groups: ReturnType<typeof group>[], change: Partial<Parameters<typeof findGroup>[1]> = {}) =>
    findGroup(groups, { groupId: LAB, name: 'Data', entry: undefined, takes: undefined, ...change });

  it('is the one with its mark, whatever its name and id', () => {
    const groups = [group('g-1', 'Data'), group('g-2', 'Old name', markOfGroup(LAB))];

    expect(find(groups)).toMatchObject({ certainty: 'present', id: 'g-2', name: 'Old name', origin: 'made' });
  });

  it("is nobody's where several carry the mark, another one's mark is on it, or none is", () => {
    const mark = markOfGroup(LAB);

    expect(find([group('g-1', 'Data', mark), group('g-2', 'Data 2', mark)])).toMatchObject({ certainty: 'foreign' });
    expect(find([group('g-1', 'Data', markOfGroup(ALICE))])).toMatchObject({ what: expect.stringContaining(ALICE) });
    expect(find([group('Data', 'Data')])).toMatchObject({ certainty: 'foreign' });
    expect(find([group('g-1', 'data')])).toEqual({ certainty: 'absent' });
  });

  it("is one without a mark only where that was given to us, and never another one's", () => {
    expect(find([group('g-1', 'Data')], { takes: 'adopted' })).toMatchObject({ id: 'g-1', origin: 'adopted' });
    expect(find([group('g-1', 'Data', markOfGroup(ALICE))], { takes: 'adopted' })).toMatchObject({
      certainty: 'foreign',
    });
  });

  it('is never one that lakeFS made itself, by name, id or mark', () => {
    const marked = group('Admins', 'Admins', markOfGroup(LAB));

    expect(find([marked], { name: 'admins', takes: 'adopted' })).toMatchObject({ certainty: 'foreign' });
    expect(find([marked])).toEqual({ certainty: 'absent' });
  });

  it('is marked by one object id, and by none where there are two', () => {
    expect(groupMarkedIn(`made by hand entra:${LAB.toUpperCase()}`)).toBe(LAB);
    expect(groupMarkedIn(`entra:${LAB} entra:${ALICE}`)).toBeUndefined();
    expect(groupMarkedIn(`xentra:${LAB}`)).toBeUndefined();
    expect(groupMarkedIn('entra:nobody')).toBeUndefined();
  });
});
