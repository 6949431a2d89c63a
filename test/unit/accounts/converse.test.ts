import { Duplex, PassThrough, Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { converse } from '../../../src/accounts/converse.js';

const MIB = 1024 * 1024;

describe('a conversation', () => {
  it('cuts off whoever asks and asks and never reads, before memory runs out', async () => {
    const questions = Array.from({ length: 100 }, (_, id) => `{"id":${id},"verb":"observe"}\n`).join('');
    let most = 0;
    // Takes what is written and never says that it is done with it.
    const output = new Duplex({ read: () => undefined, write: () => undefined });
    const agent = async () => {
      most = Math.max(most, output.writableLength);
      return 'x'.repeat(MIB);
    };

    await converse({ agent, input: Readable.from([Buffer.from(questions)]), output });

    expect(most).toBeLessThan(18 * MIB);
    expect(output.destroyed).toBe(true);
  });

  it('answers everybody who reads, however much there is to read', async () => {
    const output = new PassThrough();
    let read = 0;
    output.on('data', (chunk: Buffer) => {
      read += chunk.length;
    });
    const agent = async () => 'x'.repeat(MIB);
    async function* questions() {
      for (let id = 0; id < 40; id += 1) {
        yield Buffer.from(`{"id":${id},"verb":"observe"}\n`);
        await new Promise((resolve) => setImmediate(resolve));
      }
    }

    await converse({ agent, input: Readable.from(questions()), output });

    expect([read > 40 * MIB, output.destroyed]).toEqual([true, false]);
  });
});
