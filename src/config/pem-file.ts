import { X509Certificate } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { messageOf } from '../domain/errors.js';

export type PemFile = { ok: true; certificates: X509Certificate[] } | { ok: false; expected: string };

const BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** Reads the certificates of a PEM file, first the leaf. Wrong where it cannot be read or holds none. */
export function readCertificates(path: string): PemFile {
  let text: string;
  try {
    text = readSmall(path);
  } catch (error) {
    return { ok: false, expected: `a readable PEM file (${messageOf(error)})` };
  }
  const blocks = text.match(BLOCK) ?? [];
  if (blocks.length === 0) return { ok: false, expected: 'a PEM file with at least one "BEGIN CERTIFICATE" block' };
  try {
    return { ok: true, certificates: blocks.map((block) => new X509Certificate(block)) };
  } catch (error) {
    return { ok: false, expected: `certificates in PEM form that can be read (${messageOf(error)})` };
  }
}

/** The largest bundle of a distribution is a quarter of this. */
const MAX_BYTES = 1024 * 1024;

/** Neither waits for a pipe nor reads from a device without end. */
function readSmall(path: string): string {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) throw new Error('it is no regular file');
    if (stats.size > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES} bytes`);
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}
