import type { Dispatcher } from 'undici';
import { withDeadline } from './deadline.js';
import { GraphUnavailable } from './graph-errors.js';
import { describeNetworkError } from './network-errors.js';

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
}

export interface ExchangeOptions {
  /** Carries the connections and the extra roots; the built-in one without it. */
  dispatcher?: Dispatcher | undefined;
  /** For the whole exchange, the body included. */
  timeoutMs: number;
  maxBytes: number;
  signal?: AbortSignal | undefined;
}

/**
 * One HTTP exchange through the built-in fetch: never follows a redirect, reads a bounded body, ends in time.
 * Throws GraphUnavailable in words, or the reason of the caller's signal.
 */
export async function exchange(
  url: string,
  init: { method: string; headers?: HeadersInit | undefined; body?: BodyInit | null | undefined },
  { dispatcher, timeoutMs, maxBytes, signal }: ExchangeOptions,
): Promise<Answer> {
  const { host } = new URL(url);
  const deadline = withDeadline(signal, timeoutMs);
  try {
    const request: RequestInit & { dispatcher?: Dispatcher } = { ...init, redirect: 'manual', signal: deadline.signal };
    if (dispatcher) request.dispatcher = dispatcher;
    const response = await fetch(url, request);
    const text = await readBounded(response, maxBytes, host);
    return { status: response.status, headers: response.headers, text };
  } catch (error) {
    if (error instanceof GraphUnavailable) throw error;
    if (deadline.expired()) {
      throw new GraphUnavailable(`${host} did not answer within ${timeoutMs} ms`, {
        transient: true,
        about: 'graph',
        cause: error,
      });
    }
    signal?.throwIfAborted();
    const { text, transient } = describeNetworkError(error);
    throw new GraphUnavailable(`${host} cannot be reached: ${text}`, { transient, about: 'graph', cause: error });
  } finally {
    deadline.release();
  }
}

async function readBounded(response: Response, maxBytes: number, host: string): Promise<string> {
  if (!response.body) return '';
  const reader = response.body.getReader();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    bytes += part.value.byteLength;
    if (bytes > maxBytes) {
      await reader.cancel();
      throw new GraphUnavailable(`${host} answered with more than ${maxBytes} bytes, which is refused`, {
        status: response.status,
      });
    }
    chunks.push(part.value);
  }
  return decode(Buffer.concat(chunks), host, response.status);
}

function decode(bytes: Uint8Array, host: string, status: number): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new GraphUnavailable(`${host} answered with text that is not UTF-8`, {
      status,
      transient: true,
      about: 'graph',
      cause: error,
    });
  }
}
