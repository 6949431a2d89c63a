/** The pieces of a byte stream between newlines. */
export interface LineSplitter {
  /** The lines that this chunk completes; `tooLong` once a line has more than the allowed bytes, for ever after. */
  push(chunk: Buffer): { lines: Buffer[]; tooLong: boolean };
}

/** Splits at newlines and never holds more than one allowed line and one chunk in memory. */
export function createLineSplitter(maxBytes: number): LineSplitter {
  let parts: Buffer[] = [];
  let held = 0;
  let tooLong = false;
  return {
    push(chunk) {
      const lines: Buffer[] = [];
      let start = 0;
      while (!tooLong) {
        const end = chunk.indexOf(10, start);
        const piece = chunk.subarray(start, end === -1 ? undefined : end);
        held += piece.length;
        parts.push(piece);
        if (held > maxBytes) {
          tooLong = true;
          parts = [];
        } else if (end === -1) {
          break;
        } else {
          lines.push(Buffer.concat(parts));
          parts = [];
          held = 0;
          start = end + 1;
        }
      }
      return { lines, tooLong };
    },
  };
}
