import type { IncomingMessage } from 'node:http';

export type BodyReading = { kind: 'body'; body: Buffer } | { kind: 'too-large' } | { kind: 'aborted' };

/**
 * Reads a request's body up to `maxBytes`. What is larger is not kept: the answer can go out at once, and Node
 * throws the rest away as it comes. Never rejects.
 */
export function readBody(req: IncomingMessage, maxBytes: number): Promise<BodyReading> {
  const declared = Number(req.headers['content-length'] ?? 0);
  if (declared > maxBytes) return Promise.resolve({ kind: 'too-large' });
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    let settled = false;
    const settle = (reading: BodyReading): void => {
      if (settled) return;
      settled = true;
      chunks.length = 0;
      resolve(reading);
    };
    req.on('data', (chunk: Buffer) => {
      if (settled) return;
      length += chunk.length;
      if (length > maxBytes) settle({ kind: 'too-large' });
      else chunks.push(chunk);
    });
    req.once('end', () => {
      const [only] = chunks;
      settle({ kind: 'body', body: chunks.length === 1 && only ? only : Buffer.concat(chunks) });
    });
    req.once('error', () => settle({ kind: 'aborted' }));
    req.once('close', () => settle({ kind: 'aborted' }));
  });
}
