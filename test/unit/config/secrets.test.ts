import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, lstatSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { describeOrigin } from '../../../src/config/origin.js';
import { readSecretFile } from '../../../src/config/secret-file.js';
import { redactText } from '../../../src/telemetry/redact.js';
import { createTestAuthority, type TlsMaterial } from '../../simulators/tls.js';
import { load, problemsWith, SECRET, TOKEN, temporaryDirectory, temporaryFile } from './fixture.js';

const withoutSecret = { ENTRA_CLIENT_SECRET: undefined };

describe('a secret in a file', () => {
  it('is read without its last newline', () => {
    const path = temporaryFile('secret', `${SECRET}\n`);

    const { settings, origins } = load({ ...withoutSecret, ENTRA_CLIENT_SECRET_FILE: path });

    expect(settings.entra.credential).toEqual({ kind: 'secret', clientSecret: SECRET });
    expect(describeOrigin(origins.ENTRA_CLIENT_SECRET)).toBe(
      `file ${path}, named by ENTRA_CLIENT_SECRET_FILE (environment)`,
    );
  });

  it.each([0o640, 0o604, 0o660, 0o610])('is refused with mode %o and the command that mends it', (mode) => {
    const path = temporaryFile('secret', SECRET);
    chmodSync(path, mode);

    const problems = problemsWith({ ...withoutSecret, ENTRA_CLIENT_SECRET_FILE: path });

    expect(problems).toEqual([
      expect.objectContaining({ key: 'ENTRA_CLIENT_SECRET_FILE', example: `chmod 600 ${path}` }),
    ]);
  });

  it('is refused behind a symbolic link, with the command that puts a file in its place', () => {
    const path = temporaryFile('secret', SECRET);
    const link = join(temporaryDirectory(), 'link');
    symlinkSync(path, link);

    const problems = problemsWith({ ...withoutSecret, ENTRA_CLIENT_SECRET_FILE: link });
    const mended = spawnSync('/bin/sh', ['-c', problems[0]?.example ?? '']);

    expect(problems[0]?.expected).toContain('symbolic link');
    expect(mended.status).toBe(0);
    expect(lstatSync(link).isFile()).toBe(true);
    expect(load({ ...withoutSecret, ENTRA_CLIENT_SECRET_FILE: link }).settings.entra.credential).toMatchObject({
      clientSecret: SECRET,
    });
  });

  it.each([
    ['group', 0o770],
    ['everybody', 0o707],
  ])('is refused in a directory in which %s may write, with the command that mends it', (_, mode) => {
    const path = temporaryFile('secret', SECRET);
    chmodSync(dirname(path), mode);

    const problems = problemsWith({ ...withoutSecret, ENTRA_CLIENT_SECRET_FILE: path });
    const mended = spawnSync('/bin/sh', ['-c', problems[0]?.example ?? '']);

    expect(problems).toEqual([
      expect.objectContaining({ key: 'ENTRA_CLIENT_SECRET_FILE', example: `chmod go-w ${dirname(path)}` }),
    ]);
    expect(mended.status).toBe(0);
    expect(readSecretFile(path)).toEqual({ ok: true, text: SECRET });
  });

  it('is refused where a link on the way leads through a directory of somebody else', (context) => {
    context.skip(process.getuid?.() !== 0, 'giving a directory away needs root');
    const path = temporaryFile('secret', SECRET);
    const foreign = temporaryDirectory();
    symlinkSync(dirname(path), join(foreign, 'way'));
    chownSync(foreign, 4343, 4343);

    const read = readSecretFile(join(foreign, 'way', 'secret'));

    expect(read).toMatchObject({ ok: false, remedy: `chown root ${foreign}` });
  });

  it('names a path with blanks so that the command can be pasted', () => {
    const path = temporaryFile("it's a secret", SECRET, 0o644);

    const read = readSecretFile(path);
    const mended = spawnSync('/bin/sh', ['-c', read.ok ? 'exit 9' : read.remedy]);

    expect(mended.status).toBe(0);
    expect(readSecretFile(path)).toEqual({ ok: true, text: SECRET });
  });

  it('is refused where a third party owns the file, with the command that mends it', () => {
    const path = temporaryFile('secret', SECRET);
    const isRoot = process.getuid?.() === 0;
    if (isRoot) chownSync(path, 4343, 4343);

    const read = readSecretFile(path, { uid: 4242 });

    expect(read).toMatchObject({ ok: false, remedy: `chown 4242 ${path}` });
  });

  it.each([
    ['that is empty', () => temporaryFile('secret', '\n')],
    ['that is missing', () => join(temporaryDirectory(), 'missing')],
    ['that is a directory', () => temporaryDirectory()],
    ['that is far too large', () => temporaryFile('secret', 'x'.repeat(70_000))],
    ['named by a relative path', () => 'secret'],
  ])('is refused in a file %s', (_, make) => {
    const path = make();

    const problems = problemsWith({ ...withoutSecret, ENTRA_CLIENT_SECRET_FILE: path });

    expect(problems).toEqual([expect.objectContaining({ key: 'ENTRA_CLIENT_SECRET_FILE', value: path })]);
  });

  it('and directly is one too many', () => {
    const path = temporaryFile('secret', SECRET);

    const problems = problemsWith({ ENTRA_CLIENT_SECRET_FILE: path });

    expect(problems).toEqual([
      expect.objectContaining({ key: 'ENTRA_CLIENT_SECRET_FILE', expected: expect.stringContaining('not both') }),
    ]);
  });
});

describe('a systemd credential', () => {
  it('is taken by its dashed name, whatever its mode', () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'entra-client-secret'), `${SECRET}\n`);
    writeFileSync(join(directory, 'pve-api-token'), TOKEN);
    chmodSync(join(directory, 'entra-client-secret'), 0o440);

    const { settings, origins } = load({ ...withoutSecret, CREDENTIALS_DIRECTORY: directory, REALM: 'entra' });

    expect(settings.entra.credential).toEqual({ kind: 'secret', clientSecret: SECRET });
    expect(settings.targets).toEqual(['linux', 'proxmox']);
    expect(describeOrigin(origins.ENTRA_CLIENT_SECRET)).toBe('systemd credential entra-client-secret');
  });

  it('yields to what is configured by name', () => {
    const directory = temporaryDirectory();
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'entra-client-secret'), 'the-other-secret');

    const { settings } = load({ CREDENTIALS_DIRECTORY: directory });

    expect(settings.entra.credential).toEqual({ kind: 'secret', clientSecret: SECRET });
  });
});

describe('a secret that was seen', () => {
  it('is masked in every text from then on, of a token also its secret part', () => {
    const token = 'svc@pve!one=77777777-1111-2222-3333-444444444444';
    const path = temporaryFile('token', token);

    load({ PVE_API_TOKEN_FILE: path, REALM: 'entra', ENTRA_CLIENT_SECRET: 'never-to-be-seen' });

    expect(redactText('a never-to-be-seen b')).toBe('a [redacted] b');
    expect(redactText('uuid 77777777-1111-2222-3333-444444444444')).toBe('uuid [redacted]');
  });

  it('is masked among the shown settings', () => {
    const { shown } = load({ PVE_API_TOKEN: TOKEN, REALM: 'entra' });

    expect(shown.find(({ name }) => name === 'PVE_API_TOKEN')?.value).toBe('[redacted]');
    expect(JSON.stringify(shown)).not.toContain(SECRET);
  });
});

describe('a configuration file that holds a secret', () => {
  const problemsOfFile = (path: string) => problemsWith(withoutSecret, { configFile: path });
  const configFile = (mode: number, text = `ENTRA_CLIENT_SECRET=${SECRET}\n`) => {
    const path = temporaryFile('entramox.env', text);
    chmodSync(path, mode);
    return path;
  };

  it.each([0o644, 0o604, 0o606])('is refused with mode %o and the command that mends it', (mode) => {
    const path = configFile(mode);

    const problems = problemsOfFile(path);

    expect(problems).toEqual([
      expect.objectContaining({ key: '--config', value: path, example: `chmod o-rwx ${path}` }),
    ]);
    expect(problems[0]?.expected).toContain('since it holds ENTRA_CLIENT_SECRET');
    expect(JSON.stringify(problems)).not.toContain(SECRET);
  });

  it('is refused where its group could write it', () => {
    const path = configFile(0o660);

    expect(problemsOfFile(path)).toEqual([expect.objectContaining({ example: `chmod g-w ${path}` })]);
  });

  it('is refused where a third party owns it', (context) => {
    context.skip(process.getuid?.() !== 0, 'giving a file away needs root');
    const path = configFile(0o640);
    chownSync(path, 4343, 4343);

    expect(problemsOfFile(path)).toEqual([expect.objectContaining({ example: `chown root ${path}` })]);
  });

  it('is refused in a directory in which others may write', () => {
    const path = configFile(0o640);
    chmodSync(dirname(path), 0o775);

    expect(problemsOfFile(path)).toEqual([expect.objectContaining({ example: `chmod go-w ${dirname(path)}` })]);
  });

  it('is accepted with mode 640, and without a secret with any', () => {
    const withSecret = load(withoutSecret, { configFile: configFile(0o640) });
    const without = load({}, { configFile: configFile(0o644, 'LOG_LEVEL=debug\n') });

    expect(withSecret.settings.entra.credential).toMatchObject({ kind: 'secret' });
    expect(without.settings.telemetry.logLevel).toBe('debug');
  });
});

describe('the TLS key of the listener', () => {
  let material: TlsMaterial;
  let other: TlsMaterial;

  beforeAll(async () => {
    const authority = await createTestAuthority();
    material = await authority.issue(['one.example.com']);
    other = await authority.issue(['two.example.com']);
  });

  const settings = (keyPath: string) => ({
    LISTEN_TLS_CERT_FILE: temporaryFile('tls.crt', material.cert),
    LISTEN_TLS_KEY_FILE: keyPath,
  });

  it('is taken from a file of its owner alone, and every line of it is masked from then on', () => {
    const path = temporaryFile('tls.key', material.key);

    const loaded = load(settings(path));

    expect(loaded.settings.listener.tls?.keyFile).toBe(path);
    expect(redactText(`x ${material.key.split(/\r?\n/)[1]} y`)).toBe('x [redacted] y');
  });

  it('is refused where others can read it, with the command that mends it', () => {
    const path = temporaryFile('tls.key', material.key, 0o644);

    expect(problemsWith(settings(path))).toEqual([
      expect.objectContaining({ key: 'LISTEN_TLS_KEY_FILE', example: `chmod 600 ${path}` }),
    ]);
  });

  it('is refused behind a symbolic link', () => {
    const link = join(temporaryDirectory(), 'link');
    symlinkSync(temporaryFile('tls.key', material.key), link);

    expect(problemsWith(settings(link))[0]?.expected).toContain('symbolic link');
  });

  it('is taken from the directory of systemd credentials, whatever its mode', () => {
    const directory = temporaryDirectory();
    const path = join(directory, 'listen-tls-key');
    writeFileSync(path, material.key);
    chmodSync(path, 0o440);

    const loaded = load({ ...settings(path), CREDENTIALS_DIRECTORY: directory });

    expect(loaded.settings.listener.tls?.keyFile).toBe(path);
  });

  it('is refused where it belongs to another certificate or is no key, without a word of it', () => {
    const foreign = problemsWith(settings(temporaryFile('tls.key', other.key)));
    const broken = problemsWith(settings(temporaryFile('tls.key', material.key.slice(0, 90))));

    expect(foreign[0]?.expected).toContain('another certificate');
    expect(broken[0]?.expected).toContain('a private key in PEM form');
    expect(JSON.stringify([foreign, broken])).not.toContain(material.key.slice(30, 80));
  });
});

describe('a certificate credential', () => {
  let material: TlsMaterial;
  let other: TlsMaterial;

  beforeAll(async () => {
    const authority = await createTestAuthority();
    material = await authority.issue(['one.example.com']);
    other = await authority.issue(['two.example.com']);
  });

  it('takes its thumbprint from the certificate', () => {
    const changes = {
      ...withoutSecret,
      ENTRA_CERT_FILE: temporaryFile('cert.pem', material.cert),
      ENTRA_CERT_KEY_FILE: temporaryFile('key.pem', material.key),
    };

    const { settings } = load(changes);

    expect(settings.entra.credential).toMatchObject({
      kind: 'certificate',
      thumbprintSha256: expect.stringMatching(/^[0-9A-F]{64}$/),
    });
  });

  it('takes a stated thumbprint and a key from systemd', () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'entra-cert-key'), material.key);
    const thumbprint = 'ab'.repeat(32);

    const { settings } = load({
      ...withoutSecret,
      CREDENTIALS_DIRECTORY: directory,
      ENTRA_CERT_THUMBPRINT_SHA256: thumbprint,
    });

    expect(settings.entra.credential).toMatchObject({
      kind: 'certificate',
      thumbprintSha256: thumbprint.toUpperCase(),
    });
  });

  it.each([
    ['mode 0640', (path: string) => chmodSync(path, 0o640), 'chmod 600'],
    ['a directory that others may write', (path: string) => chmodSync(dirname(path), 0o777), 'chmod go-w'],
  ])('is refused with a key file of %s', (_, spoil, command) => {
    const path = temporaryFile('key.pem', material.key);
    spoil(path);

    const problems = problemsWith({
      ...withoutSecret,
      ENTRA_CERT_FILE: temporaryFile('cert.pem', material.cert),
      ENTRA_CERT_KEY_FILE: path,
    });

    expect(problems.map(({ key }) => key)).toEqual(['ENTRA_CERT_KEY_FILE']);
    expect(problems[0]?.example).toContain(command);
  });

  it('is refused with the key of another certificate', () => {
    const changes = {
      ...withoutSecret,
      ENTRA_CERT_FILE: temporaryFile('cert.pem', material.cert),
      ENTRA_CERT_KEY_FILE: temporaryFile('key.pem', other.key),
    };

    const problems = problemsWith(changes);

    expect(problems).toEqual([
      expect.objectContaining({ key: 'ENTRA_CERT_FILE', expected: expect.stringContaining('belongs to another one') }),
    ]);
  });

  it('is refused with the thumbprint of another certificate', () => {
    const changes = {
      ...withoutSecret,
      ENTRA_CERT_FILE: temporaryFile('cert.pem', material.cert),
      ENTRA_CERT_KEY_FILE: temporaryFile('key.pem', material.key),
      ENTRA_CERT_THUMBPRINT_SHA256: 'ab'.repeat(32),
    };

    const problems = problemsWith(changes);

    expect(problems.map(({ key }) => key)).toEqual(['ENTRA_CERT_THUMBPRINT_SHA256']);
  });

  it('tells everything that is wrong with its files at once and shows nothing of the key', () => {
    const changes = {
      ...withoutSecret,
      ENTRA_CERT_FILE: temporaryFile('cert.pem', 'no certificate'),
      ENTRA_CERT_KEY_FILE: temporaryFile('key.pem', material.key.slice(0, 90)),
    };

    const problems = problemsWith(changes);

    expect(problems.map(({ key }) => key)).toEqual(['ENTRA_CERT_KEY_FILE', 'ENTRA_CERT_FILE']);
    expect(JSON.stringify(problems)).not.toContain(material.key.slice(30, 80));
  });

  it('with a wrong path is told of once', () => {
    const problems = problemsWith({ ...withoutSecret, ENTRA_CERT_KEY_FILE: 'relative.pem', ENTRA_CERT_FILE: '/x' });

    expect(problems.map(({ key }) => key)).toEqual(['ENTRA_CERT_KEY_FILE']);
  });

  it('is refused without its key', () => {
    const problems = problemsWith({ ...withoutSecret, ENTRA_CERT_FILE: temporaryFile('cert.pem', material.cert) });

    expect(problems.map(({ key }) => key)).toEqual(['ENTRA_CERT_KEY_FILE']);
  });
});

describe('root certificates', () => {
  it('that are not in their file stop the start', () => {
    const problems = problemsWith({ CA_FILE: temporaryFile('ca.pem', 'not PEM') });

    expect(problems).toEqual([
      expect.objectContaining({ key: 'CA_FILE', expected: expect.stringContaining('BEGIN CERTIFICATE') }),
    ]);
  });
});
