import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TestAuthority } from '../tls.js';
import type { Answer } from './types.js';

/** What came in, before anything was understood. */
export interface RawRequest {
  method: string;
  /** Path without the query. */
  path: string;
  query: URLSearchParams;
  headers: Record<string, string>;
  rawBody: string;
}

export interface TlsServer {
  port: number;
  close(): Promise<void>;
}

const MAX_BODY_BYTES = 4 * 1024 * 1024;
const JSON_TYPE = 'application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8';

/** An HTTPS server on 127.0.0.1 with a certificate for localhost by this authority. */
export async function startTlsServer(
  authority: TestAuthority,
  port: number,
  answer: (request: RawRequest) => Promise<Answer>,
): Promise<TlsServer> {
  const { key, cert } = await authority.issue(['localhost', '127.0.0.1']);
  const server = createServer({ key, cert, keepAliveTimeout: 60_000 }, (message, response) => {
    serve(message, response, answer).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : new Error(String(error)));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function serve(
  message: IncomingMessage,
  response: ServerResponse,
  answer: (request: RawRequest) => Promise<Answer>,
): Promise<void> {
  const [path = '/', query = ''] = (message.url ?? '/').split(/\?(.*)/s);
  const rawBody = await readBody(message);
  if (rawBody === undefined) {
    response.writeHead(413, { connection: 'close' }).end();
    return;
  }
  const headers = Object.fromEntries(
    Object.entries(message.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : String(value),
    ]),
  );
  const result = await answer({
    method: message.method ?? 'GET',
    path,
    query: new URLSearchParams(query),
    headers,
    rawBody,
  });
  if (result.drop) {
    message.socket.destroy();
    return;
  }
  const requestId = randomUUID();
  const text = result.text ?? (result.body === undefined ? undefined : JSON.stringify(result.body));
  response.writeHead(result.status, {
    ...(text !== undefined && { 'Content-Type': JSON_TYPE, 'Content-Length': Buffer.byteLength(text) }),
    'Cache-Control': 'no-cache',
    'OData-Version': '4.0',
    'request-id': requestId,
    'client-request-id': headers['client-request-id'] ?? requestId,
    ...result.headers,
  });
  response.end(text);
}

async function readBody(message: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
