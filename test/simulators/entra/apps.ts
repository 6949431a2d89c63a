import { createHash, type KeyObject, X509Certificate } from 'node:crypto';

/** A registered application and what it may prove itself with. */
export interface App {
  readonly clientId: string;
  /** The object id of its service principal, shown as `creatorId`. */
  readonly objectId: string;
  secret: { value: string; state: 'valid' | 'expired' };
  /** Public keys by the base64url SHA-256 thumbprint of their certificate. */
  readonly certificates: Map<string, KeyObject>;
  /** Granted application permissions; a token carries those of its time of issue. */
  roles: readonly string[];
}

/** Registers a certificate (PEM), so that assertions signed with its key are taken. */
export function registerCertificate(app: App, pem: string): void {
  const certificate = new X509Certificate(pem);
  app.certificates.set(createHash('sha256').update(certificate.raw).digest('base64url'), certificate.publicKey);
}
