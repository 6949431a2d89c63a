import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { messageOf, Rejected } from '../domain/errors.js';

/**
 * A certificate and its key as msal takes them, with the SHA-256 thumbprint (the SHA-1 one is on its way out).
 * Throws Rejected where either cannot be read or they do not belong together.
 */
export function certificateProof({
  certificatePem,
  privateKeyPem,
}: {
  certificatePem: string;
  privateKeyPem: string;
}): { thumbprintSha256: string; privateKey: string } {
  const certificate = readCertificate(certificatePem);
  if (!certificate.checkPrivateKey(readKey(privateKeyPem))) {
    throw new Rejected(
      `the private key does not belong to the client certificate "${certificate.subject}"; give the pair that was made together`,
    );
  }
  return { thumbprintSha256: certificate.fingerprint256.replaceAll(':', ''), privateKey: privateKeyPem };
}

function readCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new Rejected(`the client certificate cannot be read (PEM is expected): ${messageOf(error)}`);
  }
}

function readKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new Rejected(
      `the private key of the client certificate cannot be read (unencrypted PEM is expected): ${messageOf(error)}`,
    );
  }
}
