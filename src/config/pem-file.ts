import { X509Certificate } from 'node:crypto';
import { messageOf } from '../domain/errors.js';
import { readSmallFile } from './small-file.js';

export type PemFile = { ok: true; certificates: X509Certificate[] } | { ok: false; expected: string };

const BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** Reads the certificates of a PEM file, first the leaf. Wrong where it cannot be read or holds none. */
export function readCertificates(path: string): PemFile {
  let text: string;
  try {
    text = readSmallFile(path, MAX_BYTES);
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
