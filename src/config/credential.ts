import { createPrivateKey, type KeyObject } from 'node:crypto';
import { messageOf } from '../domain/errors.js';
import type { Environment } from './environment.js';
import { readCertificates } from './pem-file.js';
import type { Problem } from './problem.js';
import type { Values } from './schema/index.js';
import { readSecretFile } from './secret-file.js';
import { credentialPath, isCredentialFile, registerPrivateKey } from './secrets.js';

/** How we prove to Entra ID who we are. */
export type Credential =
  | { kind: 'secret'; clientSecret: string }
  /** `thumbprintSha256` as 64 upper-case hexadecimal digits; `privateKey` in PEM form. */
  | { kind: 'certificate'; thumbprintSha256: string; privateKey: string; certificate?: string | undefined }
  /** For tests only: not renewed. */
  | { kind: 'token'; accessToken: string };

type CertificateValues = Pick<Values, 'ENTRA_CERT_FILE' | 'ENTRA_CERT_KEY_FILE' | 'ENTRA_CERT_THUMBPRINT_SHA256'>;

export interface CertificateResult {
  credential: Extract<Credential, { kind: 'certificate' }> | undefined;
  problems: Problem[];
}

/** Where the private key of the certificate credential stands: its setting, or systemd's entra-cert-key. */
export function certificateKeyPath(values: Partial<CertificateValues>, environment: Environment): string | undefined {
  return values.ENTRA_CERT_KEY_FILE ?? credentialPath(environment, 'entra-cert-key');
}

/** The certificate credential from its files, checked: key without passphrase, key and certificate belong together. */
export function readCertificateCredential(
  values: Partial<CertificateValues>,
  environment: Environment,
): CertificateResult {
  const problems: Problem[] = [];
  const key = readKey(values, environment, problems);
  const publicHalf = readPublicHalf(values, key?.object, problems);
  const complete = problems.length === 0 && key && publicHalf;
  return {
    credential: complete ? { kind: 'certificate', ...publicHalf, privateKey: key.pem } : undefined,
    problems,
  };
}

function readKey(
  values: Partial<CertificateValues>,
  environment: Environment,
  problems: Problem[],
): { pem: string; object: KeyObject } | undefined {
  const path = certificateKeyPath(values, environment);
  const key = 'ENTRA_CERT_KEY_FILE';
  if (path === undefined) {
    problems.push({
      key,
      value: 'not set',
      expected: 'the private key of the certificate',
      example: `${key}=/etc/entramox/credentials/entra-cert-key`,
    });
    return undefined;
  }
  const read = readSecretFile(path, {
    madeBySystemd: values.ENTRA_CERT_KEY_FILE === undefined || isCredentialFile(path, environment),
  });
  if (!read.ok) {
    problems.push({ key, value: path, expected: read.expected, example: read.remedy });
    return undefined;
  }
  registerPrivateKey(read.text);
  try {
    return { pem: `${read.text}\n`, object: createPrivateKey(read.text) };
  } catch (error) {
    problems.push({
      key,
      value: path,
      expected: `a private key in PEM form without a passphrase (${messageOf(error)})`,
      example: `openssl pkey -in ${path} -out new.key`,
    });
    return undefined;
  }
}

interface PublicHalf {
  thumbprintSha256: string;
  /** PEM, where the certificate itself is at hand. */
  certificate?: string;
}

function readPublicHalf(
  values: Partial<CertificateValues>,
  key: KeyObject | undefined,
  problems: Problem[],
): PublicHalf | undefined {
  const stated = values.ENTRA_CERT_THUMBPRINT_SHA256?.replaceAll(':', '').toUpperCase();
  const path = values.ENTRA_CERT_FILE;
  if (path === undefined) {
    if (stated !== undefined) return { thumbprintSha256: stated };
    problems.push({
      key: 'ENTRA_CERT_FILE',
      value: 'not set',
      expected: 'the certificate that belongs to ENTRA_CERT_KEY_FILE, or its ENTRA_CERT_THUMBPRINT_SHA256',
      example: 'ENTRA_CERT_FILE=/etc/entramox/entra-cert.pem',
    });
    return undefined;
  }
  const read = readCertificates(path);
  const certificate = read.ok ? read.certificates[0] : undefined;
  if (!read.ok || certificate === undefined) {
    problems.push({
      key: 'ENTRA_CERT_FILE',
      value: path,
      expected: read.ok ? 'a certificate' : read.expected,
      example: 'ENTRA_CERT_FILE=/etc/entramox/entra-cert.pem',
    });
    return undefined;
  }
  const computed = certificate.fingerprint256.replaceAll(':', '');
  if (key && !certificate.checkPrivateKey(key)) {
    problems.push({
      key: 'ENTRA_CERT_FILE',
      value: path,
      expected: 'the certificate that belongs to the private key; it belongs to another one',
      example: `openssl x509 -in ${path} -noout -pubkey`,
    });
  }
  if (stated !== undefined && stated !== computed) {
    problems.push({
      key: 'ENTRA_CERT_THUMBPRINT_SHA256',
      value: stated,
      expected: `the thumbprint of ENTRA_CERT_FILE, ${computed}, or nothing`,
      example: `ENTRA_CERT_THUMBPRINT_SHA256=${computed}`,
    });
  }
  return { thumbprintSha256: computed, certificate: certificate.toString() };
}
