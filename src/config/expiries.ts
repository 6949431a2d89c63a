import { X509Certificate } from 'node:crypto';
import type { Expiry } from '../telemetry/expiry.js';
import type { Credential } from './credential.js';
import { readCertificates } from './pem-file.js';
import type { RuleContext } from './rules/context.js';

/** What this command uses that ends at an instant which can be known: of certificates by themselves, else by a setting. */
export function expiriesOf({ values, needs, targets }: RuleContext, credential: Credential | undefined): Expiry[] {
  const pem = credential?.kind === 'certificate' ? credential.certificate : undefined;
  const listenerCertificate = needs.webhooks === 'none' ? undefined : leafOf(values.LISTEN_TLS_CERT_FILE);
  const known: [Expiry['credential'], number | undefined][] = [
    ['entra-client-secret', credential?.kind === 'secret' ? values.ENTRA_CLIENT_SECRET_EXPIRES : undefined],
    ['entra-certificate', pem === undefined ? undefined : endOf(new X509Certificate(pem))],
    ['listener-certificate', listenerCertificate && endOf(listenerCertificate)],
    ['pve-api-token', needs.targets && targets.includes('proxmox') ? values.PVE_API_TOKEN_EXPIRES : undefined],
    ['realm-client-secret', needs.targets || needs.realm ? values.REALM_CLIENT_SECRET_EXPIRES : undefined],
  ];
  return known.flatMap(([name, expiresAt]) => (expiresAt === undefined ? [] : [{ credential: name, expiresAt }]));
}

function leafOf(path: string | undefined): X509Certificate | undefined {
  const read = path === undefined ? undefined : readCertificates(path);
  return read?.ok ? read.certificates[0] : undefined;
}

function endOf(certificate: X509Certificate): number {
  return Date.parse(certificate.validTo);
}
