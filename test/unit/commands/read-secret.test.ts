import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { readSecret, type SecretInput } from '../../../src/commands/parts/read-secret.js';

function pipe(...parts: string[]): SecretInput {
  const input = new PassThrough();
  for (const part of parts) input.write(part);
  input.end();
  return input;
}

/** A terminal: notes whether what is typed is shown at that moment. */
function terminal(): { input: SecretInput; type(text: string): void; raw: boolean[] } {
  const raw: boolean[] = [];
  const stream = new PassThrough();
  const input: SecretInput = Object.assign(stream, {
    isTTY: true,
    setRawMode(mode: boolean) {
      raw.push(mode);
      return stream as never;
    },
  });
  return { input, type: (text) => void stream.write(text), raw };
}

describe('a secret that is piped in', () => {
  it('is taken whole, without its last newline, in however many parts it comes', async () => {
    expect(await readSecret(pipe('abc', '8Q~x\n'), () => undefined)).toBe('abc8Q~x');
    expect(await readSecret(pipe('no newline'), () => undefined)).toBe('no newline');
  });

  it.each([
    ['nothing', '', 'no client secret was given'],
    ['blanks', '  \n', 'no client secret was given'],
    ['two lines', 'one\ntwo\n', 'must be on one line'],
    ['a whole file', 'x'.repeat(70_000), 'are no secret'],
  ])('is refused as %s', async (_, text, message) => {
    await expect(readSecret(pipe(text), () => undefined)).rejects.toThrow(message);
  });
});

describe('a secret that is typed', () => {
  it('is not shown while it is typed, and the terminal is given back as it was', async () => {
    const { input, type, raw } = terminal();
    const asked: string[] = [];

    const reading = readSecret(input, (text) => asked.push(text));
    type('s3cr');
    type('3t!!\u007f\u007f\r');

    expect(await reading).toBe('s3cr3t');
    expect(raw).toEqual([true, false]);
    expect(asked.join('')).toBe('client secret, which is not shown: \n');
  });

  it('can be broken off', async () => {
    const { input, type, raw } = terminal();

    const reading = readSecret(input, () => undefined);
    type('half of i\u0003\r');

    await expect(reading).rejects.toThrow('broken off');
    expect(raw).toEqual([true, false]);
  });
});
