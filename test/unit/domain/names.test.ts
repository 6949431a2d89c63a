import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isMadeFromUserid, parseGuid } from '../../../src/domain/identity.js';
import { commentFor, ownerIn } from '../../../src/domain/proxmox-comment.js';
import { isStorableEmail, proxmoxNameOf } from '../../../src/domain/proxmox-name.js';
import { gecosOf, UNIX_NAME, unixNameOf } from '../../../src/domain/unix-name.js';
import { ALICE } from './builders.js';

const rule = { mode: 'useronly', separator: '_', lowercase: true, maxLength: 32 } as const;
const concat = { ...rule, mode: 'upn_concat' } as const;

describe('unixNameOf', () => {
  it.each([
    ['alice@example.com', rule, 'alice'],
    ['Alice.Smith@example.com', rule, 'alice_smith'],
    ['alice@example.com', concat, 'alice_example_com'],
    ['alice@example.com', { ...concat, separator: '-' }, 'alice-example_com'],
    ['averyveryverylongname.withmore@example.com', rule, 'averyveryverylongname_withmore'],
    ['alice@example.com', { ...concat, maxLength: 6 }, 'alice'],
  ] as const)('maps %s', (upn, how, name) => {
    expect(unixNameOf(upn, how)).toEqual({ ok: true, name });
  });

  it.each([
    "o'neil@example.com",
    'alice smith@example.com',
    'guest_other.com#EXT#@example.onmicrosoft.com',
    'müller@example.com',
    '-alice@example.com',
    'ALL@example.com',
    'root@example.com',
    '123@example.com',
    'a@example.com',
    'alice',
    '@example.com',
    'alice@',
    'alice\n@example.com',
    '../etc@example.com',
    '%wheel@example.com',
    '#1000@example.com',
  ])('refuses %j with a reason', (upn) => {
    const result = unixNameOf(upn, rule);

    expect(result).toMatchObject({ ok: false, why: expect.stringMatching(/./) });
  });

  it.each(['all', 'Root', 'NOBODY', 'default', 'Defaults'])('says that %s is reserved, whatever the case', (name) => {
    const result = unixNameOf(`${name}@example.com`, { ...rule, lowercase: false });

    expect(result).toEqual({ ok: false, why: `"${name}" is a reserved name` });
  });

  it.each([
    ['@example.com', '"@example.com" is not a user principal name'],
    ['alice@', '"alice@" is not a user principal name'],
    ['(alice@example.com', '"(alice@example.com" has characters that a Unix name cannot carry'],
    ['alice)@example.com', '"alice)@example.com" has characters that a Unix name cannot carry'],
    ['123@example.com', '"123" is not a safe Unix name'],
    [`${'a'.repeat(80)}@`, `"${'a'.repeat(80)}…" is not a user principal name`],
    [`${'a'.repeat(79)}@`, `"${'a'.repeat(79)}@" is not a user principal name`],
  ])('says of %s what is wrong', (upn, why) => {
    expect(unixNameOf(upn, rule)).toEqual({ ok: false, why });
  });

  it('leaves no separator at the end of a cut name', () => {
    expect(unixNameOf('alice-_.-bob@example.com', { ...rule, maxLength: 8 })).toEqual({ ok: true, name: 'alice' });
  });

  it.each(['a1', 'a-b', `a${'b'.repeat(31)}`])('takes %s for a safe name', (name) => {
    expect(name).toMatch(UNIX_NAME);
  });

  it.each(['a', 'ab!', 'xab_', '1a', 'Ab', `a${'b'.repeat(32)}`])('takes %s for an unsafe one', (name) => {
    expect(name).not.toMatch(UNIX_NAME);
  });

  it('cuts a name of 200 characters to a safe one', () => {
    expect(unixNameOf(`${'a'.repeat(200)}@example.com`, rule)).toEqual({ ok: true, name: 'a'.repeat(32) });
  });

  it('gives a safe name or a reason, whatever it is fed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 100 }), fc.constantFrom(rule, concat), (text, how) => {
        const result = unixNameOf(text, how);

        if (result.ok) expect(result.name).toMatch(UNIX_NAME);
        else expect(result.why.length).toBeGreaterThan(0);
      }),
    );
  });
});

describe('proxmoxNameOf', () => {
  it.each([
    'a,b@example.com',
    'a;b@example.com',
    'a:b@example.com',
    'a/b@example.com',
    'a b@example.com',
    'ä@example.com',
  ])('refuses %j, which Proxmox would corrupt', (upn) => {
    expect(proxmoxNameOf(upn, 'entra')).toMatchObject({ ok: false });
  });

  it('says what is wrong, without repeating a whole flood', () => {
    const flood = ','.repeat(100);
    const long = `${'a'.repeat(100)}@example.com`;

    expect(proxmoxNameOf(flood, 'entra')).toEqual({
      ok: false,
      why: `Proxmox cannot hold the user name "${flood.slice(0, 80)}"`,
    });
    expect(proxmoxNameOf(long, 'entra')).toEqual({
      ok: false,
      why: `"${long.slice(0, 80)}" is longer than the 64 characters Proxmox holds`,
    });
  });

  it('refuses what is longer than 64 characters with the realm', () => {
    expect(proxmoxNameOf(`${'a'.repeat(46)}@example.com`, 'entra')).toMatchObject({ ok: true });
    expect(proxmoxNameOf(`${'a'.repeat(47)}@example.com`, 'entra')).toMatchObject({ ok: false });
  });

  it('keeps the case and the quote of a user principal name', () => {
    expect(proxmoxNameOf("O'Neil@example.com", 'entra')).toEqual({ ok: true, userid: "O'Neil@example.com@entra" });
  });
});

describe('isStorableEmail', () => {
  it.each(['a@b', 'ab.cd_e+f~g-h@exam-ple.co.uk', 'alice.b@example.com', `${'a'.repeat(242)}@example.com`])(
    'takes %s',
    (email) => {
      expect(isStorableEmail(email)).toBe(true);
    },
  );

  it.each([
    '',
    'alice',
    '@example.com',
    'alice@',
    '"quoted"@example.com',
    ' alice@example.com',
    'alice@example.com ',
    'al..ice@example.com',
    'alice@example..com',
    'alice@exam_ple.com',
    'älice@example.com',
    `${'a'.repeat(243)}@example.com`,
  ])('refuses %j, as Proxmox would', (email) => {
    expect(isStorableEmail(email)).toBe(false);
  });
});

describe('the ownership mark', () => {
  it('is found again in every comment of ours', () => {
    const comment = commentFor(ALICE, { presence: 'grace', deleteAt: 0 }, 'entra:nonsense');

    expect(ownerIn(comment)).toBe(ALICE);
  });

  it('is not found in anybody else’s comment', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(ownerIn(text.replaceAll('entra:', ''))).toBeUndefined();
      }),
    );
  });
});

describe('gecosOf', () => {
  it.each([
    ['Alice Example', 'Alice Example'],
    [' Alice,:\n:Example ', 'Alice Example'],
    ['Al\ud800ice', 'Al\ufffdice'],
    [`${'a'.repeat(99)} ${'b'.repeat(9)}`, 'a'.repeat(99)],
    ['😀'.repeat(101), '😀'.repeat(100)],
  ])('makes %j fit', (displayName, gecos) => {
    expect(gecosOf(displayName)).toBe(gecos);
  });

  it('never holds what /etc/passwd cannot', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(gecosOf(text)).not.toMatch(/[:\p{Cc}]/u);
      }),
    );
  });
});

describe('isMadeFromUserid', () => {
  it('tells an id of our making from one of Entra', () => {
    expect(isMadeFromUserid('8a8a8a8a-8a8a-8a8a-8a8a-8a8a8a8a8a8a')).toBe(true);
    expect(isMadeFromUserid('8a8a8a8a-8a8a-4a8a-8a8a-8a8a8a8a8a8a')).toBe(false);
  });
});

describe('parseGuid', () => {
  it.each([
    '',
    'root',
    '../../etc/passwd',
    `${ALICE}/`,
    ` ${ALICE}`,
    '11111111111141118111111111111111',
    'g'.repeat(36),
    null,
    7,
    {},
  ])('refuses %j', (value) => {
    expect(parseGuid(value)).toBeUndefined();
  });

  it('gives a GUID in lower case', () => {
    expect(parseGuid('ABCDEF01-2345-6789-ABCD-EF0123456789')).toBe('abcdef01-2345-6789-abcd-ef0123456789');
  });
});
