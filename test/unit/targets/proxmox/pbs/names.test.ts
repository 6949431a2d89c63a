import { expect, test } from 'vitest';
import { classifyConnectionError } from '../../../../../src/targets/proxmox/connection-error.js';
import { pbsTransport } from '../../../../../src/targets/proxmox/pbs/transport.js';
import { PBS_NAMES } from '../../../../../src/targets/proxmox/transport/way-names.js';

const TOKEN = { token: 'a@pbs!b:s3cret-s3cret', tokenFrom: '/x', timeoutMs: 1000 };

test.each<[string, { baseUrl: string; ca?: string }, RegExp]>([
  ['an address that is none', { baseUrl: 'pbs1:8007' }, /--pbs "pbs1:8007" is not a URL; .*https:\/\/pbs1/],
  ['an address in clear', { baseUrl: 'http://pbs1.example.com:8007' }, /--pbs http:.*use https/],
  [
    'a file without a certificate',
    { baseUrl: 'https://pbs1:8007', ca: '{}' },
    /--pbs-ca-file holds no PEM.*proxy\.pem/,
  ],
])('names the option of the backup server for %s, and no setting of Proxmox VE', (_what, way, words) => {
  const build = () => pbsTransport({ ...TOKEN, ca: undefined, ...way });

  expect(build).toThrow(words);
  expect(build).not.toThrow(/PVE_/);
});

test.each([
  ['DEPTH_ZERO_SELF_SIGNED_CERT', /--pbs-ca-file.*proxy\.pem/],
  ['CERT_HAS_EXPIRED', /proxmox-backup-manager cert update/],
  ['CERT_FOR_OTHER_NAMES', /a name that it carries into --pbs/],
])('names the remedy of the backup server where its certificate is not taken (%s)', (code, words) => {
  const failure = classifyConnectionError(Object.assign(new Error('x'), { code }), 'pbs1:8007', PBS_NAMES);

  const text = failure.kind === 'untrusted' ? failure.error.message : '';
  expect(text).toMatch(/^the certificate of Proxmox Backup Server at pbs1:8007/);
  expect(text).toMatch(words);
  expect(text).not.toMatch(/PVE/);
});
