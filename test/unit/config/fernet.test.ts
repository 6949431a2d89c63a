import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decryptFernet,
  encryptFernet,
  type FernetKey,
  newFernetKey,
  parseFernetKey,
} from '../../../src/config/fernet.js';

/** The key of the specification's acceptance vectors (github.com/fernet/spec: generate.json, verify.json, invalid.json). */
const SPEC_KEY = 'cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=';
const SPEC_TOKEN =
  'gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==';

function keyOf(text: string): FernetKey {
  const key = parseFernetKey(text);
  if (!key) throw new Error('no key');
  return key;
}

describe('the vectors of the Fernet specification', () => {
  it('are generated to the letter', () => {
    const iv = Buffer.from(Array.from({ length: 16 }, (_, n) => n));

    const token = encryptFernet('hello', keyOf(SPEC_KEY), { iv, now: Date.parse('1985-10-26T01:20:00-07:00') });

    expect(token).toBe(SPEC_TOKEN);
  });

  it('are verified', () => {
    const decrypted = decryptFernet(SPEC_TOKEN, keyOf(SPEC_KEY));

    expect(decrypted).toEqual({ ok: true, text: 'hello', madeAt: new Date('1985-10-26T01:20:00-07:00') });
  });

  it.each([
    [
      'incorrect mac',
      'signature',
      'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykQUFBQUFBQUFBQQ==',
    ],
    ['too short', 'truncated', 'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPA=='],
    [
      'invalid base64',
      'garbled',
      '%%%%%%%%%%%%%AECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==',
    ],
    [
      'payload size not multiple of block size',
      'truncated',
      'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPOm73QeoCk9uGib28Xe5vz6oxq5nmxbx_v7mrfyudzUm',
    ],
    [
      'payload padding error',
      'padding',
      'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0ODz4LEpdELGQAad7aNEHbf-JkLPIpuiYRLQ3RtXatOYREu2FWke6CnJNYIbkuKNqOhw==',
    ],
    [
      'incorrect IV (causes padding error)',
      'padding',
      'gAAAAAAdwJ6xBQECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAkLhFLHpGtDBRLRTZeUfWgHSv49TF2AUEZ1TIvcZjK1zQ==',
    ],
    ['trailing characters after b64 padding', 'garbled', `${SPEC_TOKEN}trailingdata`],
    [
      'invalid characters in b64',
      'garbled',
      '*gAAAAAAdwJ6wAAECAwQFBgcI!CQoLDA0ODy021?cpGVWKZ_eEwC@GM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==',
    ],
    [
      'invalid non-urlsafe characters in b64',
      'garbled',
      'gAAAAAAdwJ6wAAEC/AwQFBgcICQoLDA0ODy+021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==',
    ],
  ])('that are invalid are refused: %s', (_, why, token) => {
    const decrypted = decryptFernet(token, keyOf(SPEC_KEY));

    expect(decrypted).toEqual({ ok: false, why });
  });

  it.each([
    [
      'far-future TS',
      'gAAAAAAdwStRAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAnja1xKYyhd-Y6mSkTOyTGJmw2Xc2a6kBd-iX9b_qXQcw==',
    ],
    [
      'expired TTL',
      'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==',
    ],
  ])('that are refused for their time alone are taken, as a configuration has no age: %s', (_, token) => {
    const decrypted = decryptFernet(token, keyOf(SPEC_KEY));

    expect(decrypted).toMatchObject({ ok: true, text: '' });
  });
});

describe('a Fernet token', () => {
  it('gives back any text, with the key alone that made it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const key = keyOf(newFernetKey());

        const token = encryptFernet(text, key);

        expect(decryptFernet(token, key)).toMatchObject({ ok: true, text });
        expect(decryptFernet(token, keyOf(newFernetKey()))).toEqual({ ok: false, why: 'signature' });
      }),
      { numRuns: 200 },
    );
  });

  it('is refused with any character changed or with any part of it cut off', () => {
    const key = keyOf(newFernetKey());
    const token = encryptFernet('a secret of some length, over two blocks', key).replace(/=+$/, '');

    fc.assert(
      fc.property(fc.nat(token.length - 1), fc.constantFrom(...'ABab01-_'), (at, char) => {
        const changed = `${token.slice(0, at)}${char}${token.slice(at + 1)}`;
        const cut = token.slice(0, at);

        if (changed !== token) expect(decryptFernet(changed, key).ok).toBe(false);
        expect(decryptFernet(cut, key).ok).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  it('may have lost the = at its end', () => {
    expect(decryptFernet(SPEC_TOKEN.replace(/=+$/, ''), keyOf(SPEC_KEY))).toMatchObject({ ok: true, text: 'hello' });
  });
});

describe('a Fernet key', () => {
  it.each([
    ['nothing', ''],
    ['a word', 'password'],
    ['half a key', SPEC_KEY.slice(0, 22)],
    ['a key and a half', `${SPEC_KEY.slice(0, 43)}${SPEC_KEY}`],
    ['ordinary base64', SPEC_KEY.replaceAll('_', '/').replaceAll('-', '+')],
    ['a token', SPEC_TOKEN],
  ])('is not %s', (_, text) => {
    expect(parseFernetKey(text)).toBeUndefined();
  });

  it('is new each time', () => {
    const keys = new Set(Array.from({ length: 20 }, newFernetKey));

    expect(keys.size).toBe(20);
    for (const key of keys) expect(key).toMatch(/^[\w-]{43}=$/);
  });
});
