import { createReadStream, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

/** One line of a file, without its end. `whole` is false for a last line that nothing ends. */
export interface Line {
  number: number;
  bytes: Buffer;
  whole: boolean;
}

/** No record is anywhere near as long; what is longer is not read into memory. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;
const LINE_END = 0x0a;

/**
 * The files of an audit log, oldest first as their names and times tell: `audit.ndjson` itself comes last. What
 * logrotate names is found: `.1`, `.2.gz`, `-20261121`, `-20261121-1795251600.gz`. A missing folder has no files.
 */
export function auditFiles(path: string): string[] {
  const rotated = new RegExp(`^${escaped(basename(path))}(\\.\\d+|-\\d{8}(-\\d+)?)(\\.gz)?$`);
  const files = namesIn(dirname(path))
    .filter((name) => rotated.test(name))
    .map((name) => join(dirname(path), name))
    .map((file) => ({ file, at: statSync(file, { throwIfNoEntry: false })?.mtimeMs }))
    .filter((item): item is { file: string; at: number } => item.at !== undefined)
    .sort((a, b) => a.at - b.at || (a.file < b.file ? -1 : 1))
    .map(({ file }) => file);
  return statSync(path, { throwIfNoEntry: false }) ? [...files, path] : files;
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** The lines of a file, unpacked where it is packed. Throws what reading throws, and on a line of more than 64 MiB. */
export async function* linesOf(file: string): AsyncGenerator<Line> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  let number = 0;
  for await (const chunk of openFile(file)) {
    const bytes = chunk as Buffer;
    let from = 0;
    for (let end = bytes.indexOf(LINE_END); end !== -1; end = bytes.indexOf(LINE_END, from)) {
      number += 1;
      yield { number, bytes: Buffer.concat([...rest, bytes.subarray(from, end)]), whole: true };
      rest = [];
      restBytes = 0;
      from = end + 1;
    }
    restBytes += bytes.length - from;
    if (restBytes > MAX_LINE_BYTES) throw new Error(`line ${number + 1} is longer than ${MAX_LINE_BYTES} bytes`);
    rest.push(bytes.subarray(from));
  }
  if (restBytes > 0) yield { number: number + 1, bytes: Buffer.concat(rest), whole: false };
}

function openFile(file: string): Readable {
  const stream = createReadStream(file, { highWaterMark: 1024 * 1024 });
  if (!file.endsWith('.gz')) return stream;
  const unpacked = createGunzip();
  stream.on('error', (error) => unpacked.destroy(error));
  return stream.pipe(unpacked);
}
