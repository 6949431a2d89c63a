import { createServer as createPlainServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

export interface RawAnswer {
  status: number;
  type: string;
  body: string | Buffer;
  /** Hangs up after half of the body. */
  torn?: boolean;
}

export interface RawServer {
  port: number;
  close(): Promise<void>;
}

/** Answers every request with just the bytes that `answer` gives; a status that no server can send becomes 500. */
export async function startRawServer(
  answer: (request: IncomingMessage, body: string) => RawAnswer,
  tls?: { cert: string; key: string },
): Promise<RawServer> {
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { status, type, body, torn } = answer(request, Buffer.concat(chunks).toString());
      const bytes = Buffer.from(body);
      response.writeHead(status >= 200 && status <= 599 ? status : 500, {
        'content-type': type,
        'content-length': bytes.length,
      });
      if (!torn) response.end(bytes);
      else response.write(bytes.subarray(0, bytes.length / 2), () => response.destroy());
    });
  };
  const server: Server = tls ? createTlsServer(tls, listener) : createPlainServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
