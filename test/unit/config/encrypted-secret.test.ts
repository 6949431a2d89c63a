import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encryptFernet, newFernetKey, parseFernetKey } from '../../../src/config/fernet.js';
import { describeOrigin } from '../../../src/config/origin.js';
import { redactText } from '../../../src/telemetry/redact.js';
import { load, problemsWith, temporaryDirectory, temporaryFile } from './fixture.js';

const KEY = newFernetKey();
const CLEAR = 'abc8Q~what-the-predecessor-encrypted';

function encrypted(text: string, keyText = KEY): string {
  const key = parseFernetKey(keyText);
  if (!key) throw new Error('no key');
  return `fernet:${encryptFernet(text, key)}`;
}

const given = { ENTRA_CLIENT_SECRET: undefined, ENTR_CLNT_SEC_ENC: encrypted(CLEAR) };

describe('an encrypted client secret', () => {
  it('is decrypted with ENTRAMOX_ENC_KEY, and masked from then on like its key', () => {
    const { settings, shown } = load({ ...given, ENTRAMOX_ENC_KEY: KEY });

    expect(settings.entra.credential).toEqual({ kind: 'secret', clientSecret: CLEAR });
    expect(redactText(`${CLEAR} ${KEY} ${given.ENTR_CLNT_SEC_ENC}`)).toBe('[redacted] [redacted] [redacted]');
    expect(shown.find(({ name }) => name === 'ENTR_CLNT_SEC_ENC')?.value).toBe('[redacted]');
    expect(shown.find(({ name }) => name === 'ENTRAMOX_ENC_KEY')?.value).toBe('[redacted]');
  });

  it.each([
    ['alone', KEY],
    ['with a newline', `${KEY}\n`],
    ['as a line of an environment file', `ENTRAMOX_ENC_KEY='${KEY}'\n`],
  ])('is decrypted with a key file that holds the key %s', (_, text) => {
    const path = temporaryFile('key', text);

    const { settings, origins } = load({ ...given, ENTRAMOX_ENC_KEY_FILE: path });

    expect(settings.entra.credential).toEqual({ kind: 'secret', clientSecret: CLEAR });
    expect(describeOrigin(origins.ENTRAMOX_ENC_KEY)).toContain(path);
  });

  it('is decrypted with the key as a systemd credential', () => {
    const directory = temporaryDirectory();
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'entramox-enc-key'), `${KEY}\n`);

    const { settings } = load({ ...given, CREDENTIALS_DIRECTORY: directory });

    expect(settings.entra.credential).toEqual({ kind: 'secret', clientSecret: CLEAR });
  });

  it('is asked for its key', () => {
    const problems = problemsWith(given);

    expect(problems).toEqual([
      expect.objectContaining({
        key: 'ENTRAMOX_ENC_KEY',
        value: 'not set',
        example: 'ENTRAMOX_ENC_KEY_FILE=/etc/entramoxreconciler.key',
      }),
    ]);
  });

  it.each([
    ['another key', { ENTRAMOX_ENC_KEY: newFernetKey() }, 'ENTR_CLNT_SEC_ENC', 'another key made it'],
    ['a key that is none', { ENTRAMOX_ENC_KEY: 'hunter2-hunter2' }, 'ENTRAMOX_ENC_KEY', 'a Fernet key'],
    [
      'a token that was cut off',
      { ENTRAMOX_ENC_KEY: KEY, ENTR_CLNT_SEC_ENC: given.ENTR_CLNT_SEC_ENC.slice(0, 60) },
      'ENTR_CLNT_SEC_ENC',
      'a part of it is missing',
    ],
    [
      'a token with foreign characters',
      {
        ENTRAMOX_ENC_KEY: KEY,
        ENTR_CLNT_SEC_ENC: `${given.ENTR_CLNT_SEC_ENC.slice(0, 40)} ${given.ENTR_CLNT_SEC_ENC.slice(40)}`,
      },
      'ENTR_CLNT_SEC_ENC',
      'something else stands in it',
    ],
    [
      'a token of another kind',
      { ENTRAMOX_ENC_KEY: KEY, ENTR_CLNT_SEC_ENC: `fernet:${Buffer.alloc(90, 1).toString('base64url')}` },
      'ENTR_CLNT_SEC_ENC',
      'begins with gAAAAA',
    ],
    [
      'no prefix',
      { ENTRAMOX_ENC_KEY: KEY, ENTR_CLNT_SEC_ENC: given.ENTR_CLNT_SEC_ENC.slice('fernet:'.length) },
      'ENTR_CLNT_SEC_ENC',
      '"fernet:"',
    ],
    [
      'nothing inside',
      { ENTRAMOX_ENC_KEY: KEY, ENTR_CLNT_SEC_ENC: encrypted('') },
      'ENTR_CLNT_SEC_ENC',
      'holds nothing',
    ],
  ])('with %s is told what is wrong, and nothing of either', (_, changes, key, expected) => {
    const problems = problemsWith({ ...given, ...changes });

    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ key, value: '[redacted]' });
    expect(problems[0]?.expected).toContain(expected);
    expect(JSON.stringify(problems)).not.toMatch(/gAAAAAB|hunter2|AQEBAQ/);
    expect(JSON.stringify(problems)).not.toContain(KEY);
  });

  it('is ignored beside another credential', () => {
    const { settings, notices } = load({
      ...given,
      ENTRA_CLIENT_SECRET: 'the-secret-in-plain-text',
      ENTRAMOX_ENC_KEY: KEY,
    });

    expect(settings.entra.credential).toEqual({ kind: 'secret', clientSecret: 'the-secret-in-plain-text' });
    expect(notices).toContainEqual(expect.objectContaining({ kind: 'ignored', key: 'ENTR_CLNT_SEC_ENC' }));
  });

  it('that is not there leaves a key file unopened', () => {
    const { settings } = load({ ENTRAMOX_ENC_KEY_FILE: '/nonexistent/key' });

    expect(settings.entra.credential).toMatchObject({ kind: 'secret' });
  });

  it('is refused with a key file that others can read, with the command that mends it', () => {
    const path = temporaryFile('key', KEY, 0o644);

    const problems = problemsWith({ ...given, ENTRAMOX_ENC_KEY_FILE: path });

    expect(problems).toEqual([expect.objectContaining({ key: 'ENTRAMOX_ENC_KEY_FILE', example: `chmod 600 ${path}` })]);
  });
});
