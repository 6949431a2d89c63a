import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Express } from 'express';
import { messageOf, Rejected } from '../domain/errors.js';
import type { Log } from '../telemetry/log.js';

/** PEM texts for TLS of our own. */
export interface ListenerTls {
  cert: string;
  key: string;
}

export interface ListenerServerOptions {
  app: Express;
  host: string;
  /** 0: any free port. */
  port: number;
  tls?: ListenerTls | undefined;
  /** Express's `trust proxy`: who may name the client's address. */
  trustProxy: boolean | number | string | readonly string[];
  log: Log;
  /** Against clients that are slow on purpose; the defaults suit Graph. */
  limits?: Partial<ListenerLimits> | undefined;
}

/** Times in ms. */
export interface ListenerLimits {
  headersTimeoutMs: number;
  requestTimeoutMs: number;
  keepAliveTimeoutMs: number;
  maxHeaderBytes: number;
  maxConnections: number;
}

export interface ListenerServer {
  /** `http://127.0.0.1:8787`, for asking ourselves. */
  localUrl: string;
  port: number;
  /** Takes no more, finishes what runs, and cuts what still runs after `deadlineMs`. */
  close(deadlineMs: number): Promise<void>;
}

const LIMITS: ListenerLimits = {
  headersTimeoutMs: 10_000,
  // Graph gives up after 3 s, on a retry after 10.
  requestTimeoutMs: 15_000,
  keepAliveTimeoutMs: 65_000,
  maxHeaderBytes: 16 * 1024,
  // Graph calls from some ninety addresses, each with connections of its own, and after an outage all at once.
  maxConnections: 2048,
};

/** Listens with the app; resolves once connections are taken. Throws Rejected with the remedy where it cannot. */
export async function createListenerServer(options: ListenerServerOptions): Promise<ListenerServer> {
  const { app, host, port, tls, log } = options;
  app.set('trust proxy', options.trustProxy);
  const server = createServer(app, tls, { ...LIMITS, ...options.limits });
  await listen(server, host, port);
  const address = server.address() as AddressInfo;
  let closing: Promise<void> | undefined;
  let inFlight = 0;
  /** Once nothing runs, whoever is still connected has asked for nothing. */
  const cutIfDone = (): void => {
    if (closing && inFlight === 0) server.closeAllConnections();
  };
  server.prependListener('request', (_req, res) => {
    inFlight += 1;
    if (closing) res.setHeader('Connection', 'close');
    res.once('close', () => {
      inFlight -= 1;
      setImmediate(cutIfDone);
    });
  });
  log('listener.listening', { host, port: address.port, tls: tls !== undefined });
  return {
    localUrl: `${tls ? 'https' : 'http'}://${reachableHost(host)}:${address.port}`,
    port: address.port,
    close(deadlineMs) {
      closing ??= close(server, deadlineMs).then(() => log('listener.closed'));
      cutIfDone();
      return closing;
    },
  };
}

function createServer(app: Express, tls: ListenerTls | undefined, limits: ListenerLimits): Server {
  const common = {
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    maxHeaderSize: limits.maxHeaderBytes,
    // Node looks for late clients only this often, by default each 30 s.
    connectionsCheckingInterval: Math.min(1000, limits.headersTimeoutMs),
  };
  const server = tls
    ? createHttpsServer(
        { ...common, ...readTls(tls), minVersion: 'TLSv1.2', handshakeTimeout: limits.headersTimeoutMs },
        app,
      )
    : createHttpServer(common, app);
  server.maxConnections = limits.maxConnections;
  return server;
}

function readTls({ cert, key }: ListenerTls): ListenerTls {
  if (!cert.includes('-----BEGIN CERTIFICATE-----')) {
    throw new Rejected('LISTEN_TLS_CERT_FILE holds no PEM certificate; give the certificate with its intermediates');
  }
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(key)) {
    throw new Rejected('LISTEN_TLS_KEY_FILE holds no PEM private key');
  }
  return { cert, key };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => reject(explain(error, host, port));
    server.once('error', fail);
    server.listen({ host, port, backlog: 1024 }, () => {
      server.off('error', fail);
      resolve();
    });
  });
}

function explain(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const where = `${host}:${port}`;
  switch (error.code) {
    case 'EADDRINUSE':
      return new Rejected(`${where} is taken by another process: stop it (ss -ltnp shows it) or change LISTEN_PORT`);
    case 'EACCES':
      return new Rejected(`${where} may not be used without privileges: choose a LISTEN_PORT above 1023`);
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new Rejected(`${host} is no address of this machine: change LISTEN_HOST`);
    default:
      return new Rejected(`cannot listen on ${where}: ${messageOf(error)}`);
  }
}

function close(server: Server, deadlineMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), deadlineMs);
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
  });
}

/** Where to reach ourselves: a wildcard address is no destination. */
function reachableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}
