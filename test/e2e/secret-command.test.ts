import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PROGRAM } from '../lab/program.js';
import { waitFor } from '../lab/wait.js';

const SECRET = 'typed-by-a-person-8Q~x';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'entramox-encrypt-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the command on a terminal of its own and types the text once it asks. */
async function onTerminal(command: string, text: string): Promise<{ code: number | null; seen: string }> {
  const child = spawn('script', ['-qec', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
  let seen = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    seen += part;
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  await waitFor('the question', () => seen.includes('not shown'));
  child.stdin.write(text);
  const code = await ended;
  return { code, seen };
}

describe('the command line that encrypts a secret', () => {
  it('takes it from a terminal without showing it, and what it prints is what the configuration takes', async (context) => {
    const missing = spawnSync('script', ['--version'], { timeout: 10_000 }).error !== undefined;
    context.skip(missing, 'script (util-linux) is not installed here');
    const key = join(folder, 'key');

    const { code, seen } = await onTerminal(
      `${process.execPath} ${PROGRAM} secret encrypt --new-key ${key}`,
      `${SECRET}\r`,
    );

    expect(code).toBe(0);
    expect(seen).not.toContain(SECRET);
    expect(statSync(key).mode & 0o777).toBe(0o600);
    const [line = ''] = /ENTR_CLNT_SEC_ENC=fernet:\S+/.exec(seen) ?? [];
    const config = join(folder, 'entramox.env');
    const ids = [
      'ENTRA_TENANT_ID=aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee',
      'ENTRA_CLIENT_ID=99999999-8888-4777-8666-555555555555',
      'ENTRA_GROUP_IDS=11111111-2222-4333-8444-555555555555',
      'PUBLIC_URL=https://entramox.example.com',
    ];
    writeFileSync(config, [...ids, line, `ENTRAMOX_ENC_KEY_FILE=${key}`, ''].join('\n'), { mode: 0o600 });
    const check = spawnSync(process.execPath, [PROGRAM, 'config', 'check', '--config', config], {
      encoding: 'utf8',
      timeout: 30_000,
      env: { PATH: process.env.PATH },
    });
    expect({ status: check.status, last: check.stdout.trim().split('\n').at(-1) }).toEqual({ status: 0, last: 'OK' });
  });

  it('is broken off with Ctrl-C and then has made nothing', async (context) => {
    const missing = spawnSync('script', ['--version'], { timeout: 10_000 }).error !== undefined;
    context.skip(missing, 'script (util-linux) is not installed here');
    const key = join(folder, 'key');

    const { code, seen } = await onTerminal(
      `${process.execPath} ${PROGRAM} secret encrypt --new-key ${key}`,
      `${SECRET.slice(0, 8)}\u0003`,
    );

    expect(code).toBe(1);
    expect(seen).toContain('broken off');
    expect(statSync(key, { throwIfNoEntry: false })).toBeUndefined();
  });

  it('takes it from a pipe, so that a script can hand it on', () => {
    const key = join(folder, 'key');

    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [PROGRAM, 'secret', 'encrypt', '--new-key', key, '--json'],
      { input: `${SECRET}\n`, encoding: 'utf8', timeout: 30_000 },
    );

    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({ name: 'ENTR_CLNT_SEC_ENC', keyMade: true });
    expect(stdout).not.toContain(readFileSync(key, 'utf8').trim());
  });

  it('never takes it as an argument', () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, 'secret', 'encrypt', SECRET], {
      encoding: 'utf8',
      timeout: 30_000,
    });

    expect(status).toBe(2);
    expect(stdout + stderr).not.toContain(SECRET);
  });
});
