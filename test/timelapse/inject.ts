import { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { Express } from 'express';

export interface Injected {
  status: number;
  contentType: string;
  text: string;
}

/** One POST to the app without a network: Node's own request and response objects on a socket that leads nowhere. */
export function inject(app: Express, url: string, contentType: string, body: string): Promise<Injected> {
  return new Promise((resolve, reject) => {
    const socket = deafSocket();
    const request = new IncomingMessage(socket);
    request.method = 'POST';
    request.url = url;
    request.headers = {
      host: 'localhost',
      'content-type': contentType,
      'content-length': `${Buffer.byteLength(body)}`,
    };
    if (body !== '') request.push(body);
    request.push(null);
    const response = new ServerResponse(request);
    response.assignSocket(socket);
    const parts: Buffer[] = [];
    const { end } = response;
    response.end = ((chunk?: unknown, ...rest: unknown[]) => {
      if (typeof chunk === 'string' || Buffer.isBuffer(chunk)) parts.push(Buffer.from(chunk));
      return Reflect.apply(end, response, [chunk, ...rest]);
    }) as typeof response.end;
    response.once('finish', () => {
      resolve({
        status: response.statusCode,
        contentType: String(response.getHeader('content-type') ?? ''),
        text: Buffer.concat(parts).toString(),
      });
      socket.destroy();
    });
    response.once('error', reject);
    app(request, response);
  });
}

function deafSocket(): Socket {
  const stream = new Duplex({
    read() {},
    write(_chunk, _encoding, done) {
      done();
    },
  });
  return Object.assign(stream, { remoteAddress: '192.0.2.1' }) as unknown as Socket;
}
