import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Io } from '../../../src/commands/io.js';
import { type SecretEncryptOptions, secretEncrypt, secretKey } from '../../../src/commands/secret.js';
import { decryptFernet, newFernetKey, parseFernetKey } from '../../../src/config/fernet.js';
import { loadSettings } from '../../../src/config/load.js';
import { workingEnv } from '../config/fixture.js';

const SECRET = 'abc8Q~typed-by-somebody';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'entramox-secret-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Said {
  code: number;
  out: string;
  err: string;
}

async function encrypt(options: SecretEncryptOptions, text = `${SECRET}\n`): Promise<Said> {
  const input = new PassThrough();
  input.end(text);
  const { io, said } = recorder();
  // No configuration of the machine that runs the test is looked at.
  const code = await secretEncrypt({ config: join(folder, 'none.env'), ...options }, input, io);
  return { code, ...said() };
}

function recorder(): { io: Io; said(): { out: string; err: string } } {
  const lines: Record<'out' | 'err', string[]> = { out: [], err: [] };
  const io: Io = {
    out: (text) => void lines.out.push(text),
    err: (text) => void lines.err.push(text),
    terminal: false,
  };
  return { io, said: () => ({ out: lines.out.join('\n'), err: lines.err.join('\n') }) };
}

function decrypted(line: string, keyText: string): string | undefined {
  const key = parseFernetKey(keyText.trim());
  const token = /^ENTR_CLNT_SEC_ENC=fernet:(.*)$/.exec(line)?.[1];
  if (!key || token === undefined) return undefined;
  const result = decryptFernet(token, key);
  return result.ok ? result.text : undefined;
}

describe('secret encrypt', () => {
  it('makes a key of mode 0600 and prints one line that the configuration takes', async () => {
    const path = join(folder, 'key');

    const { code, out, err } = await encrypt({ newKey: path });

    expect(code).toBe(0);
    expect(out.split('\n')).toHaveLength(1);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const config = join(folder, 'entramox.env');
    writeFileSync(config, `${out}\nENTRAMOX_ENC_KEY_FILE=${path}\n`, { mode: 0o600 });
    const { settings } = loadSettings({
      env: workingEnv({ ENTRA_CLIENT_SECRET: undefined }),
      configFile: config,
      command: 'run',
    });
    expect(settings.entra.credential).toEqual({ kind: 'secret', clientSecret: SECRET });
    expect(err).toContain(`ENTRAMOX_ENC_KEY_FILE=${path}`);
    expect(out + err).not.toContain(SECRET);
    expect(out + err).not.toContain(readFileSync(path, 'utf8').trim());
  });

  it('uses a key that is there, and never the same token twice', async () => {
    const path = join(folder, 'key');
    const key = newFernetKey();
    writeFileSync(path, `${key}\n`, { mode: 0o600 });

    const first = await encrypt({ keyFile: path });
    const second = await encrypt({ keyFile: path });

    expect([first, second].map(({ out }) => decrypted(out, key))).toEqual([SECRET, SECRET]);
    expect(first.out).not.toBe(second.out);
  });

  it('uses the key that the configuration names', async () => {
    const key = newFernetKey();
    writeFileSync(join(folder, 'key'), key, { mode: 0o600 });
    const config = join(folder, 'entramox.env');
    writeFileSync(config, `ENTRAMOX_ENC_KEY_FILE=${join(folder, 'key')}\n`, { mode: 0o600 });

    const { out } = await encrypt({ config });

    expect(decrypted(out, key)).toBe(SECRET);
  });

  it('answers as JSON', async () => {
    const path = join(folder, 'key');

    const { out } = await encrypt({ newKey: path, json: true });

    expect(JSON.parse(out)).toEqual({
      name: 'ENTR_CLNT_SEC_ENC',
      value: expect.stringMatching(/^fernet:gAAAAA/),
      key: path,
      keyMade: true,
    });
  });

  it('refuses a key file that others can read, with the command that mends it', async () => {
    const path = join(folder, 'key');
    writeFileSync(path, newFernetKey());
    chmodSync(path, 0o644);

    await expect(encrypt({ keyFile: path })).rejects.toThrow(`chmod 600 ${path}`);
  });

  it('never writes over a key, and says so before anything is typed', async () => {
    const path = join(folder, 'key');
    writeFileSync(path, 'old', { mode: 0o600 });

    await expect(encrypt({ newKey: path }, '')).rejects.toThrow('is there already and is kept');
    expect(readFileSync(path, 'utf8')).toBe('old');
  });

  it('makes no key where no secret was given', async () => {
    const path = join(folder, 'key');

    await expect(encrypt({ newKey: path }, '\n')).rejects.toThrow('no client secret was given');

    expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
  });

  it('takes one of the two ways to name a key', async () => {
    expect((await encrypt({ newKey: 'a', keyFile: 'b' })).code).toBe(2);
  });
});

describe('secret key', () => {
  it('makes a key and shows it nowhere', () => {
    const { io, said } = recorder();
    const path = join(folder, 'key');

    const code = secretKey(path, {}, io);

    const key = readFileSync(path, 'utf8').trim();
    expect(code).toBe(0);
    expect(parseFernetKey(key)).toBeDefined();
    expect(said().out + said().err).not.toContain(key);
    expect(() => secretKey(path, {}, io)).toThrow('is there already');
  });
});
