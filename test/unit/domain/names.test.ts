import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseGuid } from '../../../src/domain/identity.js';
import { commentFor, ownerIn } from '../../../src/domain/proxmox-comment.js';
import { proxmoxNameOf } from '../../../src/domain/proxmox-name.js';
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

  it('cuts a name of 200 characters to a safe one', () => {
    expect(unixNameOf(`${'a'.repeat(200)}@example.com`, rule)).toEqual({ ok: true, name: 'a'.repeat(32) });
  });

  it('gives a safe name or a reason, whatever it is fed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), fc.constantFrom(rule, concat), (text, how) => {
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

  it('refuses what is longer than 64 characters with the realm', () => {
    expect(proxmoxNameOf(`${'a'.repeat(46)}@example.com`, 'entra')).toMatchObject({ ok: true });
    expect(proxmoxNameOf(`${'a'.repeat(47)}@example.com`, 'entra')).toMatchObject({ ok: false });
  });

  it('keeps the case and the quote of a user principal name', () => {
    expect(proxmoxNameOf("O'Neil@example.com", 'entra')).toEqual({ ok: true, userid: "O'Neil@example.com@entra" });
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
  it('never holds what /etc/passwd cannot', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(gecosOf(text)).not.toMatch(/[:\p{Cc}]/u);
      }),
    );
  });
});

describe('parseGuid', () => {
  it.each(['', 'root', '../../etc/passwd', `${ALICE}/`, ` ${ALICE}`, '11111111111141118111111111111111', null, 7, {}])(
    'refuses %j',
    (value) => {
      expect(parseGuid(value)).toBeUndefined();
    },
  );

  it('gives a GUID in lower case', () => {
    expect(parseGuid('ABCDEF01-2345-6789-ABCD-EF0123456789')).toBe('abcdef01-2345-6789-abcd-ef0123456789');
  });
});
