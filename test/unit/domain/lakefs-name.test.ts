import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LAKEFS_BUILT_IN_GROUPS } from '../../../src/domain/lakefs.js';
import { fillName, nameProblem, namesGroups, templateProblem } from '../../../src/domain/lakefs-name.js';

const PARTS = { displayName: 'Data', id: '6f9c0000-0000-4000-8000-000000000001' };

describe('the name of a lakeFS group', () => {
  it.each([
    ['{displayName}', 'Data'],
    ['entra {displayName}', 'entra Data'],
    ['{id}', PARTS.id],
    ['{displayName}-{displayName}-{id}', `Data-Data-${PARTS.id}`],
    ['fixed', 'fixed'],
    ['{upn} {} {', '{upn} {} {'],
  ])('%s is filled in as %s', (template, name) => {
    expect(fillName(template, PARTS)).toBe(name);
  });

  it('holds the display name as it stands, whatever is in it', () => {
    fc.assert(
      fc.property(fc.string(), (displayName) => {
        expect(fillName('<{displayName}>', { ...PARTS, displayName })).toBe(`<${displayName}>`);
      }),
    );
  });

  it.each([
    ['', 'is empty'],
    ['   ', 'is empty'],
    [' x', 'begins or ends with a space'],
    ['x ', 'begins or ends with a space'],
    ['x'.repeat(257), 'is longer than 256 characters'],
    ['100%', 'holds a %'],
    ['a\u0000b', 'cannot be seen'],
    ['a\nb', 'cannot be seen'],
    ['\ud800', 'cannot be seen'],
    ['Data\u200b', 'cannot be seen'],
    ['a\u202eb', 'cannot be seen'],
    ['a\u2028b', 'cannot be seen'],
    ['a\u3164b', 'cannot be seen'],
    ['.', 'cannot stand in the path'],
    ['..', 'cannot stand in the path'],
    ['Admins', "is that of lakeFS's own group Admins"],
    ['Ａdmins', "is that of lakeFS's own group Admins"],
    ['Adm\u200dins', "is that of lakeFS's own group Admins"],
    ['vIEWERS', "is that of lakeFS's own group Viewers"],
  ])('%j is refused: it %s', (name, why) => {
    expect(nameProblem(name)).toContain(why);
  });

  it.each(['x', 'x'.repeat(256), 'Team / a|b@c d', '...', 'Admins2', 'Größe 😀', '❤️', 'می\u200cخواهم'])(
    '%j is taken',
    (name) => {
      expect(nameProblem(name)).toBeUndefined();
    },
  );

  it('is never that of a group that lakeFS makes itself, with policies or with ACLs', () => {
    expect(LAKEFS_BUILT_IN_GROUPS).toEqual([
      ...['Admins', 'SuperUsers', 'Developers', 'Viewers'],
      ...['Supers', 'Writers', 'Readers'],
    ]);
    expect(LAKEFS_BUILT_IN_GROUPS.every((name) => nameProblem(name) !== undefined)).toBe(true);
  });
});

describe('a template', () => {
  it('tells groups apart only with the display name or the id in it', () => {
    expect(['{displayName}', 'a{id}b', 'fixed', '{upn}', '{displayname}'].map(namesGroups)).toEqual([
      ...[true, true, false, false, false],
    ]);
  });

  it.each([
    ['{upn}', 'knows {displayName} and {id}, not {upn}'],
    ['{displayName} {}', 'knows {displayName} and {id}, not {}'],
    ['Admins', "is that of lakeFS's own group Admins"],
    ['50% {id}', 'holds a %'],
    ['', 'is empty'],
  ])('%j is wrong for every group: it %s', (template, why) => {
    expect(templateProblem(template)).toContain(why);
  });

  it.each(['{displayName}', '{id}', 'x {displayName}', 'fixed', '{'])('%j is not', (template) => {
    expect(templateProblem(template)).toBeUndefined();
  });
});
