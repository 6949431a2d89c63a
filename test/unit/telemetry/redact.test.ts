import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redactDeep, redactText, registerPassingSecret, registerSecret } from '../../../src/telemetry/redact.js';

/** What never happens to stand in a text by itself. */
function freshSecret(suffix = ''): string {
  return `s3cr3t-${randomBytes(12).toString('hex')}${suffix}`;
}

const anySuffix = fc.constantFrom(
  '',
  '+/=',
  ' & more?',
  '"quoted"',
  'back\\slash',
  '\n-----END-----',
  '%41',
  'äöü',
  '$&$1',
);

describe('redaction', () => {
  it('lets a registered secret through nowhere in plain data, as value, in a text, or as a key', () => {
    fc.assert(
      fc.property(fc.anything({ maxDepth: 3 }), fc.string(), fc.string(), anySuffix, (noise, head, tail, suffix) => {
        const secret = freshSecret(suffix);
        registerSecret(secret);
        const hidden = {
          noise,
          deep: [{ list: [`${head}${secret}${tail}`], [secret]: 1 }],
          error: new Error(`failed with ${secret}`),
        };

        const shown = JSON.stringify(redactDeep(hidden));

        expect(shown).not.toContain(JSON.stringify(secret).slice(1, -1));
        expect(redactText(`${head}${secret}${tail}`)).not.toContain(secret);
      }),
      { numRuns: 100 },
    );
  });

  it('knows a secret in the spellings of a URL, a form and a JSON text', () => {
    fc.assert(
      fc.property(anySuffix, (suffix) => {
        const secret = freshSecret(suffix);
        registerSecret(secret);
        const spellings = [
          encodeURIComponent(secret),
          new URLSearchParams({ client_secret: secret }).toString(),
          JSON.stringify({ value: secret }),
        ];

        const core = secret.slice(0, 20);

        for (const spelling of spellings) expect(redactText(`body: ${spelling}`)).not.toContain(core);
      }),
      { numRuns: 40 },
    );
  });

  it('masks a secret that contains another one whole', () => {
    const short = freshSecret();
    const long = `${short}-and-the-rest-of-it`;
    registerSecret(short);
    registerSecret(long);

    expect(redactText(`the token is ${long}.`)).toBe('the token is [redacted].');
  });

  it('masks bearers, API tokens of Proxmox and JWTs that nobody registered', () => {
    const jwt = `${'eyJ0eXAiOiJKV1Qi'}.${'eyJhdWQiOiJ4Ijp'}.${'c2lnbmF0dXJl'}`;

    expect(redactText('Authorization: Bearer abc.def-ghi')).not.toContain('abc');
    expect(redactText('PVEAPIToken=u@pve!t=0123-4567')).not.toContain('0123');
    expect(redactText('PBSAPIToken=u@pbs!t:0123-4567')).not.toContain('0123');
    expect(redactText(`got ${jwt} back`)).toBe('got [redacted] back');
  });

  it('masks what looks like a secret although nobody registered it, as one that stands in the wrong setting', () => {
    const entra = `Abc8Q~${'xY3_.-~'.repeat(5).slice(0, 34)}`;
    const fernet = `gAAAAAB${'aB3-_'.repeat(20)}==`;
    const pem = `-----BEGIN ${'PRIVATE KEY'}-----\nMIIEvQIBADANBg\n-----END ${'PRIVATE KEY'}-----`;

    expect(redactText(`ENTRA_CLIENT_ID: ${entra} (line 3)`)).toBe('ENTRA_CLIENT_ID: [redacted] (line 3)');
    expect(redactText(`was: ${fernet}.`)).toBe('was: [redacted].');
    expect(redactText('svc@pve!sync=01234567-89ab-cdef-0123-456789abcdef')).toBe('svc@pve!sync=[redacted]');
    expect(redactText('svc@pbs!sync:01234567-89ab-cdef-0123-456789abcdef')).toBe('svc@pbs!sync:[redacted]');
    expect(redactText(`key ${pem} end`)).toBe('key [redacted] end');
    expect(redactText(`cut ${pem.slice(0, 40)}`)).toBe('cut [redacted]');
  });

  it('leaves object ids, thumbprints, hashes and ordinary words alone', () => {
    const text = `user:22222222-3333-4444-5555-666666666666 ${'0123456789abcdef'.repeat(4)} svc@pve!sync plan 0123456789ab`;

    expect(redactText(text)).toBe(text);
  });

  it('masks by the name of the key, in whatever form the value comes', () => {
    const shown = redactDeep({
      clientSecret: 'a',
      Password: ['b', 'c'],
      accessToken: { value: 'd' },
      clientState: 'e',
      cookie: 'f',
    });

    expect(shown).toEqual({
      clientSecret: '[redacted]',
      Password: '[redacted]',
      accessToken: '[redacted]',
      clientState: '[redacted]',
      cookie: '[redacted]',
    });
  });

  it('leaves counts, flags and token ids as they are', () => {
    const facts = { tokens: 3, hasSecret: true, tokenId: 'entramox', secret: undefined, password: null };

    expect(redactDeep(facts)).toEqual(facts);
  });

  it('ignores secrets that are too short to be told from ordinary text', () => {
    registerSecret('abc');
    registerSecret('');
    registerSecret(undefined);

    expect(redactText('abc abc')).toBe('abc abc');
  });

  it('gives something that can be written down, whatever it is fed', () => {
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    const odd = {
      cycle,
      big: 12n,
      when: new Date(0),
      bytes: Buffer.from('secret bytes'),
      broken: new Date(Number.NaN),
    };

    const shown = redactDeep(odd) as Record<string, unknown>;

    expect(() => JSON.stringify(shown)).not.toThrow();
    expect(shown).toMatchObject({ big: '12', when: '1970-01-01T00:00:00.000Z', bytes: '[12 bytes]', broken: null });
  });

  it('remembers the newest of the secrets that are replaced again and again, and not all of them for ever', () => {
    const states = Array.from({ length: 200 }, () => freshSecret());
    for (const state of states) registerPassingSecret(state);

    expect(redactText(`is ${states.at(-1)}`)).toBe('is [redacted]');
    expect(redactText(`is ${states.at(-100)}`)).toBe('is [redacted]');
    expect(redactText(`was ${states[0]}`)).toBe(`was ${states[0]}`);
  });

  it('does not change what it is given', () => {
    const given = { password: 'x', list: ['Bearer abcdef'] };

    redactDeep(given);

    expect(given).toEqual({ password: 'x', list: ['Bearer abcdef'] });
  });
});
