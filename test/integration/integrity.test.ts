import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSandbox, type ExecResult, REPOSITORY, type Sandbox, sandboxUnavailable } from './sandbox/index.js';

const SCRIPT = join(REPOSITORY, 'systemd/entramox-integrity');
const INSTALLED = '/usr/lib/entramox/entramox-integrity';
const unavailable = sandboxUnavailable();

describe('the script that units run before they start', () => {
  it('is clean by shellcheck', (context) => {
    const { error, status, stdout } = spawnSync('shellcheck', [SCRIPT], { encoding: 'utf8', timeout: 30_000 });
    context.skip(error !== undefined, 'shellcheck is not installed here');

    expect(stdout).toBe('');
    expect(status).toBe(0);
  });

  it('needs no Node and no bash', () => {
    const text = readFileSync(SCRIPT, 'utf8');

    expect(text.split('\n')[0]).toBe('#!/bin/sh');
    expect(text.split('\n').filter((line) => !line.startsWith('#') && /\b(node|bash|npm)\b/.test(line))).toEqual([
      expect.stringContaining('/usr/bin/node'),
    ]);
  });
});

describe.skipIf(unavailable)(`an installation${unavailable ? ` (skipped: ${unavailable})` : ''}`, () => {
  let sandbox: Sandbox;

  beforeAll(async () => {
    sandbox = await createSandbox();
    await shell(`
      install -D -m 0755 -t /usr/lib/entramox ${REPOSITORY}/dist/entramox.js ${REPOSITORY}/dist/accounts.js ${SCRIPT}
      install -m 0644 -t /usr/lib/entramox ${REPOSITORY}/dist/package.json
      install -D -m 0644 -t /usr/lib/systemd/system ${REPOSITORY}/systemd/*.service ${REPOSITORY}/systemd/*.socket
      mkdir -p /etc/entramox/credentials && chmod 700 /etc/entramox/credentials
      echo LOG_LEVEL=info > /etc/entramox/entramox.env && chmod 640 /etc/entramox/entramox.env
      echo '{"version":1}' > /etc/entramox/accounts.policy.json && chmod 600 /etc/entramox/accounts.policy.json
      echo secret > /etc/entramox/credentials/pve-api-token && chmod 600 /etc/entramox/credentials/pve-api-token
      mkdir -p /root/copy/units
      cp -a /usr/lib/entramox /root/copy/program
      cp -a /etc/entramox /root/copy/etc
      cp -a /usr/lib/systemd/system/entramox* /root/copy/units/
    `);
  });
  afterAll(() => sandbox?.destroy());

  /** As installed, and not sealed. */
  afterEach(() =>
    shell(`
      rm -rf /usr/lib/entramox /etc/entramox /etc/systemd/system/entramox-*
      cp -a /root/copy/program /usr/lib/entramox
      cp -a /root/copy/etc /etc/entramox
      cp -a /root/copy/units/. /usr/lib/systemd/system/
    `),
  );

  async function shell(lines: string): Promise<void> {
    const { code, stderr } = await sandbox.exec(['/bin/sh', '-ec', lines]);
    if (code !== 0) throw new Error(`ended with ${code}: ${stderr}`);
  }
  const check = (...args: string[]) => sandbox.exec([INSTALLED, ...args]);
  const entramox = (...args: string[]) =>
    sandbox.exec([process.execPath, '/usr/lib/entramox/entramox.js', 'integrity', ...args]);
  const lines = ({ stderr }: ExecResult) => stderr.trim().split('\n').filter(Boolean);

  describe('that was not sealed', () => {
    it('may start, and says once that nothing is sealed', async () => {
      const spoken = await check();
      const quiet = await check('--quiet');

      expect(spoken.code).toBe(0);
      expect(lines(spoken)).toEqual([expect.stringContaining('Nothing is sealed on this host')]);
      expect({ code: quiet.code, stderr: quiet.stderr }).toEqual({ code: 0, stderr: '' });
    });

    it.each([
      ['a program that others may write', 'chmod 775 /usr/lib/entramox/accounts.js', 'chmod go-w'],
      ['a program of somebody else', 'chown 4343 /usr/lib/entramox/entramox.js', 'chown root'],
      ['a directory of programs that others may write', 'chmod 777 /usr/lib/entramox', 'chmod go-w'],
      ['a directory far above them', 'chmod 775 /usr/lib', 'chmod go-w'],
      ['a policy that others may write', 'chmod 666 /etc/entramox/accounts.policy.json', 'chmod go-w'],
      ['a policy of somebody else', 'chown 4343 /etc/entramox/accounts.policy.json', 'chown root'],
      ['a configuration that its group may write', 'chmod 660 /etc/entramox/entramox.env', 'chmod go-w'],
      ['a credential that others may read', 'chmod 640 /etc/entramox/credentials/pve-api-token', 'chmod 600'],
      ['a credential of somebody else', 'chown 4343 /etc/entramox/credentials/pve-api-token', 'chown root'],
      ['the script itself', `chown 4343 ${INSTALLED}`, 'chown root'],
    ])('may not start with %s, until the command that it names was run', async (_, spoil, command) => {
      await shell(spoil);

      const refused = await check('--quiet');
      const [first = ''] = lines(refused);
      await shell(first.slice(first.indexOf('Mend it with: ') + 'Mend it with: '.length));
      const mended = await check('--quiet');
      await shell('chmod 755 /usr/lib && chown root /usr/lib');

      expect(refused.code).toBe(255);
      expect(first).toContain(`Mend it with: ${command}`);
      expect(mended).toMatchObject({ code: 0, stderr: '' });
    });
  });

  describe('that was sealed', () => {
    beforeAll(async () => {
      const sealed = await entramox('seal');
      expect(sealed, sealed.stderr).toMatchObject({ code: 0, stderr: '' });
      await shell('mkdir /root/sealed && cp -a /etc/entramox/*.sha256 /root/sealed/');
    });
    beforeEach(() => shell('cp -a /root/sealed/. /etc/entramox/'));

    it('may start without a word', async () => {
      expect(await check()).toMatchObject({ code: 0, stdout: '', stderr: '' });
      expect(await entramox('verify')).toMatchObject({ code: 0, stdout: 'everything is as it was sealed\n' });
    });

    it('has manifests that sha256sum reads by itself, and that nobody but root can write', async () => {
      const { code } = await sandbox.exec([
        'sha256sum',
        '--check',
        '--strict',
        '--quiet',
        '/etc/entramox/integrity.sha256',
      ]);
      const modes = await sandbox.exec([
        'stat',
        '-c',
        '%u %a',
        '/etc/entramox/integrity.sha256',
        '/etc/entramox/integrity-config.sha256',
      ]);

      expect(code).toBe(0);
      expect(modes.stdout.trim().split('\n')).toEqual(['0 644', '0 640']);
    });

    it.each([
      [
        'a changed program',
        'echo >> /usr/lib/entramox/accounts.js',
        '/usr/lib/entramox/accounts.js is not what was sealed',
      ],
      [
        'a changed unit',
        'echo >> /usr/lib/systemd/system/entramox-listener.service',
        'entramox-listener.service is not what',
      ],
      ['a changed policy', 'echo >> /etc/entramox/accounts.policy.json', 'accounts.policy.json is not what was sealed'],
      ['a changed script', `echo >> ${INSTALLED}`, `${INSTALLED} is not what was sealed`],
      ['a program that is gone', 'rm /usr/lib/entramox/package.json', 'package.json was sealed, and is missing'],
      ['a file beside the programs', 'touch "/usr/lib/entramox/a b"', '/usr/lib/entramox/a b was not there'],
      [
        'a drop-in that came later',
        'mkdir /etc/systemd/system/entramox-accounts.service.d && touch /etc/systemd/system/entramox-accounts.service.d/x.conf',
        'x.conf was not there',
      ],
      [
        'a unit that takes the place of ours',
        'cp /usr/lib/systemd/system/entramox-listener.service /etc/systemd/system/',
        '/etc/systemd/system/entramox-listener.service was not there',
      ],
      [
        'a link in the place of a program',
        'mv /usr/lib/entramox/accounts.js /root/real.js && ln -s /root/other.js /usr/lib/entramox/accounts.js',
        'accounts.js was sealed, and is missing',
      ],
      ['an emptied manifest', ': > /etc/entramox/integrity.sha256', 'cannot be used'],
      ['a manifest of somebody else', 'chown 4343 /etc/entramox/integrity.sha256', 'belongs to uid 4343'],
      ['a torn manifest', 'echo garbage >> /etc/entramox/integrity.sha256', 'cannot be used'],
    ])('may not start with %s, and says which', async (_, spoil, words) => {
      await shell(spoil);

      const refused = await check('--quiet');

      expect(refused.code).toBe(255);
      expect(refused.stderr).toContain(words);
      expect(lines(refused).at(-1)).toContain('Entramox is not started');
    });

    it('tells every difference at once, to systemd and by hand', async () => {
      await shell(`
        echo >> /usr/lib/entramox/accounts.js
        chmod 666 /usr/lib/entramox/package.json
        touch /usr/lib/entramox/x`);

      const refused = await check('--quiet');
      const byHand = await entramox('verify', '--json');

      expect(lines(refused)).toHaveLength(4);
      expect(byHand.code).toBe(1);
      expect(JSON.parse(byHand.stdout)).toEqual({ ok: false, sealed: true, findings: lines(refused) });
    });

    it('tells of a changed configuration, and starts', async () => {
      await shell('echo LOG_LEVEL=debug >> /etc/entramox/entramox.env');

      const { code, stderr } = await check();

      expect(code).toBe(0);
      expect(stderr.trim()).toBe(
        '/etc/entramox/entramox.env was changed since it was sealed. If that was you: entramox integrity seal',
      );
    });

    it('may start with a changed credential, since those are meant to be', async () => {
      await shell('echo another > /etc/entramox/credentials/pve-api-token');

      expect(await check()).toMatchObject({ code: 0, stderr: '' });
    });

    it('may start with a unit that systemd masks', async () => {
      await shell('ln -s /dev/null /etc/systemd/system/entramox-listener.service');

      expect(await check()).toMatchObject({ code: 0, stderr: '' });
    });

    it('starts again after it was sealed again', async () => {
      await shell('echo >> /usr/lib/entramox/package.json; echo X=1 >> /etc/entramox/entramox.env');
      const before = await check('--quiet');

      const sealed = await entramox('seal', '--json');

      expect(before.code).toBe(255);
      expect(JSON.parse(sealed.stdout)).toMatchObject({ ok: true, findings: [] });
      expect(await check()).toMatchObject({ code: 0, stderr: '' });
    });

    it('is told level by level in the journal', async () => {
      await shell('echo >> /usr/lib/entramox/package.json; echo X=1 >> /etc/entramox/entramox.env');

      const { stderr } = await sandbox.exec([INSTALLED], { env: { JOURNAL_STREAM: '8:1' } });

      expect(stderr.match(/^<\d>/gm)).toEqual(['<3>', '<4>', '<3>']);
    });
  });

  it('is sealed by root alone', async () => {
    const args = [process.execPath, '/usr/lib/entramox/entramox.js', 'integrity', 'seal'];

    const { code, stderr } = await sandbox.exec(['setpriv', '--reuid=4343', '--regid=4343', '--clear-groups', ...args]);

    expect(code).toBe(2);
    expect(stderr).toContain('only root may seal');
  });

  it('is not declared sound by sealing it with a file that others may write', async () => {
    await shell('chmod 666 /usr/lib/entramox/accounts.js');

    const { code, stderr } = await entramox('seal');

    expect(code).toBe(1);
    expect(stderr).toContain("chmod go-w '/usr/lib/entramox/accounts.js'");
  });

  it('cannot be sealed with a link among its programs', async () => {
    await shell('ln -s /etc/passwd /usr/lib/entramox/extra');

    const { code, stderr } = await entramox('seal');

    expect(code).toBe(1);
    expect(stderr).toContain('/usr/lib/entramox/extra is a link to /etc/passwd');
  });

  it('does not start its daemons for somebody else’s files, in words', async () => {
    await shell('chown 4343 /usr/lib/entramox/accounts.js');
    const args = ['/usr/lib/entramox/entramox.js', 'listen', '--config', '/etc/entramox/listen.env'];
    await shell(`
      cat > /etc/entramox/listen.env <<'END'
ENTRA_TENANT_ID=aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee
ENTRA_CLIENT_ID=99999999-8888-4777-8666-555555555555
ENTRA_CLIENT_SECRET=never-to-be-seen
ENTRA_GROUP_IDS=11111111-2222-4333-8444-555555555555
PUBLIC_URL=https://entramox.example.com
END
      chmod 600 /etc/entramox/listen.env`);

    const refused = await sandbox.exec([process.execPath, ...args], { timeoutMs: 20_000 });

    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('one problem in the installation');
    expect(refused.stderr).toContain('chown root /usr/lib/entramox/accounts.js');
    expect(refused.stderr).not.toContain('never-to-be-seen');
  });
});

describe('a tree that is no installation', () => {
  it('is not verified as if it were one', () => {
    const { status, stderr } = spawnSync(
      process.execPath,
      [join(REPOSITORY, 'dist/entramox.js'), 'integrity', 'verify'],
      {
        encoding: 'utf8',
        timeout: 30_000,
      },
    );

    expect(status).toBe(2);
    expect(stderr).toContain('is no installation');
  });
});
