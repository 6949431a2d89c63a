import type { IncomingMessage } from 'node:http';

export type BodyReading =
  | { kind: 'body'; body: Buffer }
  | { kind: 'too-large' }
  | { kind: 'aborted' }
  /** So much is being read that this one, the largest, had to give way. */
  | { kind: 'crowded-out' };

export interface BodyReaderOptions {
  /** Of one body. */
  maxBytes: number;
  /** Of all bodies that are being read; default 32 MiB. */
  maxTotalBytes?: number | undefined;
}

/** Far more than Graph sends at once, and far less than would end this process. */
const MAX_TOTAL_BYTES = 32 * 1024 * 1024;

/**
 * Reads requests' bodies up to `maxBytes` each. What is larger is not kept: the answer can go out at once, and Node
 * throws the rest away as it comes. Where all that are under way hold too much together, the largest gives way: whoever
 * sends much and slowly keeps out nobody who sends little. The returned function never rejects.
 */
export function createBodyReader({
  maxBytes,
  maxTotalBytes = MAX_TOTAL_BYTES,
}: BodyReaderOptions): (req: IncomingMessage) => Promise<BodyReading> {
  const underWay = new Set<{ held: Buffer; giveWay: () => void }>();
  let total = 0;

  function makeRoom(): void {
    while (total > maxTotalBytes) {
      const largest = [...underWay].reduce((one, other) => (other.held.length > one.held.length ? other : one));
      largest.giveWay();
    }
  }

  return (req) => {
    const declared = Number(req.headers['content-length'] ?? 0);
    if (declared > maxBytes) return Promise.resolve({ kind: 'too-large' });
    return new Promise((resolve) => {
      let length = 0;
      const settle = (reading: BodyReading): void => {
        if (!underWay.delete(own)) return;
        total -= own.held.length;
        resolve(reading);
      };
      const own = { held: Buffer.alloc(0), giveWay: () => settle({ kind: 'crowded-out' }) };
      underWay.add(own);
      req.on('data', (chunk: Buffer) => {
        if (!underWay.has(own)) return;
        const start = length;
        length += chunk.length;
        if (length > maxBytes) {
          settle({ kind: 'too-large' });
          return;
        }
        // One buffer that grows: pieces of a byte each, kept as they come, would cost a hundred times what they hold.
        if (length > own.held.length) {
          const grown = Buffer.allocUnsafe(Math.min(maxBytes, Math.max(length, own.held.length * 2)));
          own.held.copy(grown, 0, 0, start);
          total += grown.length - own.held.length;
          own.held = grown;
        }
        chunk.copy(own.held, start);
        makeRoom();
      });
      req.once('end', () => settle({ kind: 'body', body: own.held.subarray(0, length) }));
      req.once('error', () => settle({ kind: 'aborted' }));
      req.once('close', () => settle({ kind: 'aborted' }));
    });
  };
}
