import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
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

  it('is refused behind a symbolic link', () => {
    const path = temporaryFile('secret', SECRET);
    const link = join(temporaryDirectory(), 'link');
    symlinkSync(path, link);

    const problems = problemsWith({ ...withoutSecret, ENTRA_CLIENT_SECRET_FILE: link });

    expect(problems[0]?.expected).toContain('symbolic link');
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

  it('in a configuration file that everybody can read is remarked upon', () => {
    const path = temporaryFile('entramox.env', `ENTRA_CLIENT_SECRET=${SECRET}\n`);
    chmodSync(path, 0o644);

    const { notices } = load(withoutSecret, { configFile: path });

    expect(notices).toContainEqual(
      expect.objectContaining({ kind: 'insecure', text: expect.stringContaining(`chmod 640 ${path}`) }),
    );
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
