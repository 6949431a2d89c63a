import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';

/** The text of a regular file. Neither waits for a pipe nor reads from a device without end. Throws like node:fs. */
export function readSmallFile(path: string, maxBytes: number): string {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) throw new Error('it is no regular file');
    if (stats.size > maxBytes) throw new Error(`it is larger than ${maxBytes} bytes`);
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}
