import type { Io } from '../../src/commands/io.js';

/** Where a command writes, kept line by line. */
export function capturedIo(): { io: Io; out: string[]; err: string[] } {
  const out: string[] = [];
  const err: string[] = [];
  return { io: { out: (text) => out.push(text), err: (text) => err.push(text), terminal: false }, out, err };
}
