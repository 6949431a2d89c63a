import type { Dispatcher } from 'undici';

/** The text of an answer, or why it was not read to its end. */
export type AnswerText = { ok: true; text: string } | { ok: false; why: string };

/** Reads a body of at most `maxBytes`; past that the connection is dropped instead of drained. */
export async function readBoundedBody(answer: Dispatcher.ResponseData, maxBytes: number): Promise<AnswerText> {
  const announced = Number(answer.headers['content-length'] ?? 0);
  const tooLong = `is longer than the ${maxBytes} bytes that are read`;
  if (announced > maxBytes) {
    answer.body.on('error', () => undefined).destroy();
    return { ok: false, why: `${tooLong} (${announced} announced)` };
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer.body) {
    size += (chunk as Buffer).length;
    // Leaving the loop destroys the body, and the connection with it.
    if (size > maxBytes) return { ok: false, why: tooLong };
    chunks.push(chunk as Buffer);
  }
  return { ok: true, text: Buffer.concat(chunks).toString('utf8') };
}
