import { createServer as createHttpServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TlsMaterial } from './tls.js';

export interface ConnectProxyOptions {
  /** Asks for these, as `Proxy-Authorization: Basic`. */
  user?: string;
  password?: string;
  /** Speaks TLS itself. */
  tls?: TlsMaterial;
}

/** What became of one CONNECT: its target and the status that it was answered. */
export interface Passage {
  target: string;
  status: number;
}

/** A small forward proxy on 127.0.0.1 that knows CONNECT alone, and the ways in which proxies fail. */
export interface ConnectProxy {
  port: number;
  /** Oldest first. */
  passages: Passage[];
  /** Bytes that went through to the other side. */
  bytes(): number;
  /** `hang`: takes connections and never answers; `garbage`: answers what is not HTTP; a number: refuses with it. */
  behave(how: 'well' | 'hang' | 'garbage' | number): void;
  close(): Promise<void>;
}

/** Starts a proxy; every target is reached as it was named. */
export async function startConnectProxy({ user, password, tls }: ConnectProxyOptions = {}): Promise<ConnectProxy> {
  const passages: Passage[] = [];
  const sockets = new Set<Socket>();
  let behaviour: 'well' | 'hang' | 'garbage' | number = 'well';
  let bytes = 0;
  const server: Server = tls ? createHttpsServer(tls) : createHttpServer();
  const wanted = user === undefined ? undefined : `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('connect', (request: IncomingMessage, client: Duplex, head: Buffer) => {
    const target = request.url ?? '';
    client.on('error', () => client.destroy());
    if (behaviour === 'hang') return;
    if (behaviour === 'garbage') {
      client.end('SSH-2.0-OpenSSH_9.2\r\n');
      return;
    }
    const refusal =
      typeof behaviour === 'number'
        ? behaviour
        : wanted !== undefined && request.headers['proxy-authorization'] !== wanted
          ? 407
          : undefined;
    if (refusal !== undefined) {
      passages.push({ target, status: refusal });
      client.end(`HTTP/1.1 ${refusal} Refused\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    const at = target.lastIndexOf(':');
    const upstream = connect(Number(target.slice(at + 1)), target.slice(0, at).replace(/^\[|\]$/g, ''));
    upstream.once('connect', () => {
      passages.push({ target, status: 200 });
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      if (head.length > 0) upstream.write(head);
      client.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      client.pipe(upstream).pipe(client);
    });
    upstream.on('error', () => {
      passages.push({ target, status: 502 });
      client.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n');
    });
    client.once('close', () => upstream.destroy());
    upstream.once('close', () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    passages,
    bytes: () => bytes,
    behave(how) {
      behaviour = how;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
