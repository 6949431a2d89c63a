import { generate } from 'selfsigned';

export interface TlsMaterial {
  /** PEM of the private key. */
  key: string;
  /** PEM of the certificate. */
  cert: string;
}

export interface TestAuthority extends TlsMaterial {
  /** A server certificate for these DNS names and addresses, signed by this authority. */
  issue(names: readonly string[]): Promise<TlsMaterial>;
}

const YEAR_MS = 365 * 24 * 3600 * 1000;

/** A certificate authority that lives as long as the test, so that nothing has to switch verification off. */
export async function createTestAuthority(commonName = 'Entramox test authority'): Promise<TestAuthority> {
  const lifetime = { notBeforeDate: new Date(Date.now() - 3600_000), notAfterDate: new Date(Date.now() + YEAR_MS) };
  const authority = await generate([{ name: 'commonName', value: commonName }], {
    ...lifetime,
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, digitalSignature: true, critical: true },
    ],
  });
  return {
    key: authority.private,
    cert: authority.cert,
    async issue(names) {
      const altNames = names.map((name) =>
        /^[\d.]+$|:/.test(name) ? { type: 7 as const, ip: name } : { type: 2 as const, value: name },
      );
      const leaf = await generate([{ name: 'commonName', value: names[0] ?? 'localhost' }], {
        ...lifetime,
        keyType: 'ec',
        algorithm: 'sha256',
        ca: { key: authority.private, cert: authority.cert },
        extensions: [
          { name: 'basicConstraints', cA: false },
          { name: 'keyUsage', digitalSignature: true, critical: true },
          { name: 'extKeyUsage', serverAuth: true },
          { name: 'subjectAltName', altNames },
        ],
      });
      return { key: leaf.private, cert: leaf.cert };
    },
  };
}
