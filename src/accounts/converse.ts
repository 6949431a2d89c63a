import type { Readable, Writable } from 'node:stream';
import type { Agent } from './agent.js';
import { AgentError, toAgentError } from './errors.js';
import { createLineSplitter } from './lines.js';
import { errorReply, formatReply, idOf, MAX_LINE_BYTES, parseRequest, type Reply } from './protocol.js';

/** Requests of one connection that wait or are worked on; more are answered `busy`. */
const MAX_PENDING = 256;

/** Bytes of answers that the other side may leave unread before it is cut off, for the sake of our memory. */
const MAX_UNREAD_BYTES = 16 * 1024 * 1024;

export interface ConverseOptions {
  agent: Agent;
  input: Readable;
  output: Writable;
  /** Told of every request's beginning and end, for the idle clock. */
  onBusy?: (change: 1 | -1) => void;
  /** Ends the reading: what was asked by then is answered, and nothing else. */
  signal?: AbortSignal;
}

/**
 * Answers requests until the input ends or a line is too long, then resolves when every answer is handed over.
 * Never rejects: a connection that breaks only loses its answers, the work is done all the same.
 */
export async function converse({ agent, input, output, onBusy, signal }: ConverseOptions): Promise<void> {
  const splitter = createLineSplitter(MAX_LINE_BYTES);
  const pending = new Set<Promise<void>>();
  const send = (reply: Reply): void => {
    if (output.writableLength > MAX_UNREAD_BYTES) output.destroy();
    else if (output.writable) output.write(formatReply(reply));
  };
  const take = (bytes: Buffer): void => {
    const work = answer(agent, bytes, pending.size).then(send);
    onBusy?.(1);
    pending.add(work);
    void work.finally(() => {
      pending.delete(work);
      onBusy?.(-1);
    });
  };
  try {
    for await (const chunk of untilAborted(input, signal)) {
      const { lines, tooLong } = splitter.push(chunk as Buffer);
      for (const line of lines) if (line.length > 0) take(line);
      if (tooLong) {
        send(errorReply(null, new AgentError('invalid', `a request is longer than ${MAX_LINE_BYTES} bytes`)));
        break;
      }
    }
  } catch (error) {
    // The other side went away in the middle; whatever it asked for is finished below.
    if (!(error instanceof Error)) throw error;
  }
  await Promise.all(pending);
}

/** What comes in until the end or the signal, which leaves the stream open, for the answers may go the same way. */
async function* untilAborted(input: Readable, signal: AbortSignal | undefined): AsyncGenerator<unknown> {
  const chunks = input[Symbol.asyncIterator]();
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await orAborted(chunks.next(), signal);
      ended = done === true;
      if (ended) return;
      yield value;
    }
  } finally {
    // Whoever reads no further closes the stream.
    if (!ended) await chunks.return?.();
  }
}

/** One step of an iteration; its end as soon as the signal comes. */
function orAborted(next: Promise<IteratorResult<unknown>>, signal?: AbortSignal): Promise<IteratorResult<unknown>> {
  if (!signal) return next;
  return new Promise((resolve, reject) => {
    const end = (): void => resolve({ done: true, value: undefined });
    if (signal.aborted) end();
    signal.addEventListener('abort', end, { once: true });
    next.then(resolve, reject).finally(() => signal.removeEventListener('abort', end));
  });
}

async function answer(agent: Agent, bytes: Buffer, pending: number): Promise<Reply> {
  let id: number | null = null;
  try {
    const line = decode(bytes);
    id = idOf(line);
    const request = parseRequest(line);
    if (pending >= MAX_PENDING) throw new AgentError('busy', `${pending} requests wait already`, 'ask again later');
    return { id, ok: true, result: await agent(request) };
  } catch (error) {
    return errorReply(id, toAgentError(error));
  }
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new AgentError('invalid', `the request is not UTF-8 (${error instanceof Error ? error.message : error})`);
  }
}
