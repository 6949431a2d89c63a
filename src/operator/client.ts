import { request } from 'node:http';
import { createInterface } from 'node:readline';

/** The daemon does not answer on its socket: it is not running, or we may not connect. */
export class DaemonUnreachable extends Error {
  override readonly name = 'DaemonUnreachable';
}

export interface Answer {
  status: number;
  body: unknown;
}

/** The command line's side of the operator socket. */
export interface OperatorClient {
  /** Throws DaemonUnreachable; an answer of any status is returned. */
  call(method: 'GET' | 'POST', path: string, body?: unknown): Promise<Answer>;
  /** Calls back with each line of an NDJSON answer as it comes. */
  stream(path: string, body: unknown, onLine: (line: unknown) => void): Promise<Answer>;
}

export interface OperatorClientOptions {
  timeoutMs?: number;
  /** Who should answer there, for the error. */
  daemon?: 'reconciler' | 'listener';
}

export function createOperatorClient(
  socketPath: string,
  { timeoutMs = 120_000, daemon = 'reconciler' }: OperatorClientOptions = {},
): OperatorClient {
  const explain = (error: NodeJS.ErrnoException) => explainFailure(error, socketPath, daemon);
  return {
    async call(method, path, body) {
      const lines: string[] = [];
      const status = await send({ socketPath, timeoutMs, explain }, method, path, body, (line) => lines.push(line));
      return { status, body: parse(lines.join('\n')) };
    },
    async stream(path, body, onLine) {
      let last: unknown;
      const status = await send({ socketPath, timeoutMs, explain }, 'POST', path, body, (line) => {
        last = parse(line);
        onLine(last);
      });
      return { status, body: last };
    },
  };
}

function parse(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`the daemon's answer is not JSON: ${error instanceof Error ? error.message : error}`);
  }
}

interface Way {
  socketPath: string;
  timeoutMs: number;
  explain: (error: NodeJS.ErrnoException) => Error;
}

function send(
  { socketPath, timeoutMs, explain }: Way,
  method: string,
  path: string,
  body: unknown,
  onLine: (line: string) => void,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers =
      text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
    const call = request({ socketPath, method, path, headers, timeout: timeoutMs }, (response) => {
      const lines = createInterface({ input: response, crlfDelay: Number.POSITIVE_INFINITY });
      lines.on('line', (line) => {
        if (line.trim() !== '') onLine(line);
      });
      lines.on('close', () => resolve(response.statusCode ?? 0));
      // readline hands errors of its input on, and without a listener they would end this process.
      lines.on('error', reject);
      response.on('error', reject);
    });
    call.on('timeout', () => call.destroy(new Error(`no answer on ${socketPath} within ${timeoutMs / 1000} s`)));
    call.on('error', (error: NodeJS.ErrnoException) => reject(explain(error)));
    call.end(text);
  });
}

function explainFailure(error: NodeJS.ErrnoException, socketPath: string, daemon: string): Error {
  switch (error.code) {
    case 'ENOENT':
    case 'ECONNREFUSED':
      return new DaemonUnreachable(`nothing answers on ${socketPath}: is the ${daemon} running?`);
    case 'EACCES':
      return new DaemonUnreachable(`you may not connect to ${socketPath}: be root or in the group entramox-operators`);
    default:
      return error;
  }
}
