import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createBodyReader } from '../../../src/listener/read-body.js';

function open(headers: Record<string, string> = {}) {
  const stream = new PassThrough({ highWaterMark: 10_000 });
  return { stream, req: Object.assign(stream, { headers }) as unknown as IncomingMessage };
}

const turn = () => new Promise((go) => setImmediate(go));

describe('a body', () => {
  it('is what was sent, also where it comes byte by byte', async () => {
    const { stream, req } = open();
    const reading = createBodyReader({ maxBytes: 1000 })(req);
    for (const letter of 'several notifications') {
      stream.write(letter);
      await turn();
    }
    stream.end();

    expect(await reading).toEqual({ kind: 'body', body: Buffer.from('several notifications') });
  });

  it('may be as large as allowed and not a byte larger', async () => {
    const read = createBodyReader({ maxBytes: 1000 });
    const [fits, exceeds, declared] = [open(), open(), open({ 'content-length': '1001' })];
    fits.stream.end(Buffer.alloc(1000, 1));
    exceeds.stream.write(Buffer.alloc(999, 1));
    exceeds.stream.end(Buffer.alloc(2, 1));

    const kinds = await Promise.all([fits, exceeds, declared].map(async ({ req }) => (await read(req)).kind));

    expect(kinds).toEqual(['body', 'too-large', 'too-large']);
  });

  it('gives way as the largest of those that are too much together, and the others are read', async () => {
    const read = createBodyReader({ maxBytes: 1000, maxTotalBytes: 2000 });
    const [slow, slowest, small] = [open(), open(), open()];
    const readings = Promise.all([slow, slowest, small].map(({ req }) => read(req)));
    slow.stream.write(Buffer.alloc(900));
    slowest.stream.write(Buffer.alloc(950));
    await turn();

    small.stream.end(Buffer.alloc(200));
    slow.stream.end();

    expect((await readings).map(({ kind }) => kind)).toEqual(['body', 'crowded-out', 'body']);
  });

  it('counts no longer once it was read, gave way or was broken off', async () => {
    const read = createBodyReader({ maxBytes: 1000, maxTotalBytes: 1000 });
    const kinds: string[] = [];

    for (const end of ['end', 'destroy', 'end'] as const) {
      const { stream, req } = open();
      const reading = read(req);
      stream.write(Buffer.alloc(900));
      await turn();
      stream[end]();
      kinds.push((await reading).kind);
    }

    expect(kinds).toEqual(['body', 'aborted', 'body']);
  });
});
