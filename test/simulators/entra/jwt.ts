import { constants, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';

export interface Jwt {
  header: Record<string, unknown>;
  claims: Record<string, unknown>;
  /** What was signed, and the signature. */
  signed: Buffer;
  signature: Buffer;
}

/** Takes a compact JWT apart; undefined where it is not one. Nothing is verified. */
export function parseJwt(text: string): Jwt | undefined {
  const [header, claims, signature, ...rest] = text.split('.');
  if (!header || !claims || !signature || rest.length > 0) return undefined;
  const parsed = { header: parsePart(header), claims: parsePart(claims) };
  if (!parsed.header || !parsed.claims) return undefined;
  return {
    header: parsed.header,
    claims: parsed.claims,
    signed: Buffer.from(`${header}.${claims}`),
    signature: Buffer.from(signature, 'base64url'),
  };
}

/** Whether the signature of a PS256 or RS256 token is by this key. */
export function verifyRsa(jwt: Jwt, key: KeyObject): boolean {
  const padding = jwt.header.alg === 'PS256' ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING;
  const pss = jwt.header.alg === 'PS256' ? { saltLength: constants.RSA_PSS_SALTLEN_DIGEST } : {};
  return verify('sha256', jwt.signed, { key, padding, ...pss }, jwt.signature);
}

export interface TokenSigner {
  sign(claims: Record<string, unknown>): string;
  verify(jwt: Jwt): boolean;
  /** The public half as a JWK set. */
  jwks(): unknown;
}

/** Signs access tokens with a key of its own (ES256: quick to make; nobody but this simulator verifies it). */
export function createTokenSigner(): TokenSigner {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const kid = 'simulator';
  return {
    sign(claims) {
      const signed = `${encode({ typ: 'JWT', alg: 'ES256', kid })}.${encode(claims)}`;
      const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' });
      return `${signed}.${signature.toString('base64url')}`;
    },
    verify: (jwt) =>
      jwt.header.alg === 'ES256' &&
      verify('sha256', jwt.signed, { key: publicKey, dsaEncoding: 'ieee-p1363' }, jwt.signature),
    jwks: () => ({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'ES256' }] }),
  };
}

function encode(part: unknown): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}

function parsePart(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
