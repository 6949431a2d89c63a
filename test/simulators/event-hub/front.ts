import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { connect, type Socket } from 'node:net';
import type { Container } from 'rhea';
import { WebSocketServer } from 'ws';
import type { TlsMaterial } from '../tls.js';

/** The way to a namespace by WebSockets: TLS as the service has it, reached through an HTTP proxy alone. */
export interface WebSocketFront {
  /** `http://127.0.0.1:PORT`, a proxy that takes CONNECT for the namespace and refuses everything else. */
  proxyUrl: string;
  /** What the proxy was asked to reach, oldest first. */
  asked(): string[];
  /** Paths by which WebSockets were opened. */
  paths(): string[];
  close(): Promise<void>;
}

/** Puts a namespace of this host name, port 443, behind a proxy. Nothing is reached outside of 127.0.0.1. */
export async function startWebSocketFront(
  container: Container,
  host: string,
  tls: TlsMaterial,
): Promise<WebSocketFront> {
  const asked: string[] = [];
  const paths: string[] = [];
  const sockets = new Set<Socket>();
  const secure = createHttpsServer(tls);
  const webSockets = new WebSocketServer({
    server: secure,
    handleProtocols: (offered) => (offered.has('AMQPWSB10') ? 'AMQPWSB10' : false),
  });
  webSockets.on('connection', (socket, request) => {
    paths.push(request.url ?? '');
    container.websocket_accept(socket as unknown as Parameters<Container['websocket_accept']>[0], {});
  });
  const target = await listen(secure);
  const proxy = createHttpServer((_request, response) => void response.writeHead(405).end());
  proxy.on('connect', (request, client: Socket) => {
    asked.push(request.url ?? '');
    if (request.url !== `${host}:443`) {
      client.end('HTTP/1.1 403 Forbidden\r\n\r\n');
      return;
    }
    const upstream = connect(target, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.pipe(client);
      client.pipe(upstream);
    });
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });
  const proxyPort = await listen(proxy);
  return {
    proxyUrl: `http://127.0.0.1:${proxyPort}`,
    asked: () => [...asked],
    paths: () => [...paths],
    async close() {
      for (const socket of sockets) socket.destroy();
      for (const socket of webSockets.clients) socket.terminate();
      webSockets.close();
      await Promise.all([secure, proxy].map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
}
