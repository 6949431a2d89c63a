// A process of its own: the least that can answer a notification, express that parses JSON and says 202.
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import express from 'express';

export interface BareHandlerRequest {
  /** PEM */
  cert: string;
  key: string;
}

export interface BareHandlerReady {
  url: string;
}

process.on('message', ({ cert, key }: BareHandlerRequest) => {
  const app = express();
  app.post('/graph/notifications', express.json(), (_request, response) => {
    response.status(202).end();
  });
  const server = createServer({ cert, key }, app);
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo;
    process.send?.({ url: `https://localhost:${port}` } satisfies BareHandlerReady);
  });
});
