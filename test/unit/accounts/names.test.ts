import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gecosProblem, isReserved, nameProblem } from '../../../src/accounts/names.js';

describe('names of accounts', () => {
  it.each(['al', 'alice', 'alice_smith', 'a1-b2', `a${'b'.repeat(31)}`])('takes %s', (name) => {
    expect(nameProblem(name)).toBeUndefined();
  });

  it.each([
    '',
    'a',
    'ALL',
    'Alice',
    '1st',
    '-rf',
    '_x',
    'al.ice',
    'end_',
    'end-',
    '#1000',
    '%adm',
    'a/b',
    'a b',
    'a\n',
    `a${'b'.repeat(32)}`,
  ])('refuses %j', (name) => {
    expect(nameProblem(name)).toContain('is no Unix name we make');
  });

  it('takes nothing that sudoers, a path or a command line would read differently', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), (name) => {
        const isPlain = /^[a-z0-9_-]+$/.test(name) && !name.startsWith('-') && !/^\d/.test(name);
        return nameProblem(name) !== undefined || isPlain;
      }),
    );
  });

  it('reserves the names of the system, those of the policy, and the groups that the policy names', () => {
    const policy = { reservedNames: ['boss'], allowedGroups: ['domain-admins'] };
    const reserved = ['root', 'www-data', 'sudo', 'systemd-oom', 'boss', 'domain-admins', 'alice'].map((name) =>
      isReserved(name, policy),
    );

    expect(reserved).toEqual([true, true, true, true, true, true, false]);
  });
});

describe('full names', () => {
  it.each(['', 'Anna Äpfel', '山田 太郎', 'O’Neil, Jr. "Bo"', '😀'])('takes %j', (gecos) => {
    expect(gecosProblem(gecos)).toBeUndefined();
  });

  it.each(['a:b', 'a\nb', 'a\0b', '\u007f', '\ud83d', 'x'.repeat(1001), 'Bob,pri=-20', 'UMASK=0'])(
    'refuses %j',
    (gecos) => {
      expect(gecosProblem(gecos)).toBeTypeOf('string');
    },
  );
});
