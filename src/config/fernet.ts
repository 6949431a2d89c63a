import { createCipheriv, createDecipheriv, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** The two halves of a Fernet key (Fernet specification, "Key Format"): 16 bytes each. */
export interface FernetKey {
  signing: Buffer;
  encryption: Buffer;
}

/** Why a token gives nothing away. Told without a word of the token, the key or the text. */
export type FernetRefusal =
  /** Not URL-safe base64 throughout. */
  | 'garbled'
  /** Shorter than any token is, or no whole number of cipher blocks: a part of it is missing. */
  | 'truncated'
  /** Begins with another version than 0x80. */
  | 'version'
  /** The signature does not fit: another key made it, or somebody changed it. */
  | 'signature'
  /** Signed with this key, and yet no text: made wrong. */
  | 'padding';

export type Decrypted = { ok: true; text: string; madeAt: Date } | { ok: false; why: FernetRefusal };

/** What makes a token the same each time; for tests. */
export interface FernetTokenParts {
  /** 16 bytes, never the same twice with one key. */
  iv?: Buffer;
  /** Epoch ms. */
  now?: number;
}

const VERSION = 0x80;
const BLOCK_BYTES = 16;
/** Version, time in seconds, IV. */
const HEAD_BYTES = 1 + 8 + BLOCK_BYTES;
const SIGNATURE_BYTES = 32;
const KEY_BYTES = 32;

/** A Fernet key from its 43 characters of URL-safe base64 and the `=`; undefined where the text is none. */
export function parseFernetKey(text: string): FernetKey | undefined {
  const bytes = decodeUrlSafe(text);
  if (typeof bytes === 'string' || bytes.length !== KEY_BYTES) return undefined;
  return { signing: bytes.subarray(0, 16), encryption: bytes.subarray(16) };
}

/** A new key, as text. */
export function newFernetKey(): string {
  return encodeUrlSafe(randomBytes(KEY_BYTES));
}

/** A token that holds the text (Fernet specification, "Generating"): AES-128-CBC, then HMAC-SHA256 over all of it. */
export function encryptFernet(
  text: string,
  key: FernetKey,
  { iv = randomBytes(BLOCK_BYTES), now = Date.now() }: FernetTokenParts = {},
): string {
  const head = Buffer.alloc(HEAD_BYTES - BLOCK_BYTES);
  head.writeUInt8(VERSION, 0);
  head.writeBigUInt64BE(BigInt(Math.floor(now / 1000)), 1);
  const cipher = createCipheriv('aes-128-cbc', key.encryption, iv);
  const signed = Buffer.concat([head, iv, cipher.update(text, 'utf8'), cipher.final()]);
  return encodeUrlSafe(Buffer.concat([signed, sign(signed, key)]));
}

/**
 * The text of a token (Fernet specification, "Verifying"). Its age is not judged: a configuration is no session. The
 * signature is compared in constant time and before anything is decrypted.
 */
export function decryptFernet(token: string, key: FernetKey): Decrypted {
  const bytes = decodeUrlSafe(token);
  if (typeof bytes === 'string') return { ok: false, why: bytes };
  const cipherBytes = bytes.length - HEAD_BYTES - SIGNATURE_BYTES;
  if (bytes.length > 0 && bytes.readUInt8(0) !== VERSION) return { ok: false, why: 'version' };
  if (cipherBytes < BLOCK_BYTES || cipherBytes % BLOCK_BYTES !== 0) return { ok: false, why: 'truncated' };
  const signed = bytes.subarray(0, -SIGNATURE_BYTES);
  if (!timingSafeEqual(sign(signed, key), bytes.subarray(-SIGNATURE_BYTES))) return { ok: false, why: 'signature' };
  const decipher = createDecipheriv('aes-128-cbc', key.encryption, bytes.subarray(9, HEAD_BYTES));
  try {
    const plain = Buffer.concat([decipher.update(signed.subarray(HEAD_BYTES)), decipher.final()]);
    const text = new TextDecoder('utf-8', { fatal: true }).decode(plain);
    return { ok: true, text, madeAt: new Date(Number(bytes.readBigUInt64BE(1)) * 1000) };
  } catch (error) {
    if (error instanceof Error) return { ok: false, why: 'padding' };
    throw error;
  }
}

function sign(signed: Buffer, key: FernetKey): Buffer {
  return createHmac('sha256', key.signing).update(signed).digest();
}

function encodeUrlSafe(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('+', '-').replaceAll('/', '_');
}

/**
 * Node skips what is no base64; here that is told apart from what was cut off in the middle of a byte. The `=` at the
 * end may be missing, as shells and forms lose it.
 */
function decodeUrlSafe(text: string): Buffer | 'garbled' | 'truncated' {
  const [, body, padding] = /^([A-Za-z0-9_-]*)(={0,2})$/.exec(text) ?? [];
  if (body === undefined || padding === undefined) return 'garbled';
  if (padding !== '' && (body.length + padding.length) % 4 !== 0) return 'truncated';
  const bytes = Buffer.from(body, 'base64url');
  // Bits that belong to no byte must be zero, so that one token has one spelling.
  return bytes.toString('base64url') === body ? bytes : 'truncated';
}
