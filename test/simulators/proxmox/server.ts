import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import type { TlsMaterial } from '../tls.js';

const TLS_HANDSHAKE = 0x16;

/** A listening TLS server; who speaks plain HTTP to its port is sent to the right scheme. */
export interface Front {
  readonly port: number;
  close(): Promise<void>;
}

type Handle = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** @throws when the port is taken */
export async function listen(options: { tls: TlsMaterial; port: number; handle: Handle }): Promise<Front> {
  const secure = createHttpsServer({ key: options.tls.key, cert: options.tls.cert }, (request, response) => {
    options.handle(request, response).catch((error: unknown) => response.destroy(asError(error)));
  });
  const plain = createHttpServer(redirect);
  const sockets = new Set<Socket>();
  const front = createTcpServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // A client that goes away in the middle is its own business.
    socket.on('error', () => socket.destroy());
    socket.once('data', (chunk) => {
      socket.pause();
      socket.unshift(chunk);
      (chunk[0] === TLS_HANDSHAKE ? secure : plain).emit('connection', socket);
      process.nextTick(() => socket.resume());
    });
  });
  await new Promise<void>((resolve, reject) => {
    front.once('error', reject);
    front.listen(options.port, '127.0.0.1', resolve);
  });
  return {
    port: (front.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        front.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function redirect(request: IncomingMessage, response: ServerResponse): void {
  const status = request.method === 'GET' || request.method === 'HEAD' ? 301 : 308;
  const location = `https://${request.headers.host ?? 'localhost'}${request.url ?? '/'}`;
  response.writeHead(status, { location, connection: 'close', 'content-length': 0 });
  response.end();
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
