import { chmod, chown, mkdir, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { messageOf } from '../domain/errors.js';

export interface SocketOptions {
  path: string;
  /** Group that may connect beside the owner; left as it is where undefined or where we may not change it. */
  groupId?: number | undefined;
}

/**
 * Serves on a Unix socket, mode 0660. A socket file left behind by a crash is replaced; one that somebody answers on
 * is an error, since two daemons must not share it.
 */
export async function serveOnSocket(handler: RequestListener, options: SocketOptions): Promise<Server> {
  await mkdir(dirname(options.path), { recursive: true, mode: 0o755 });
  if (await answers(options.path)) {
    throw new Error(`another process already answers on ${options.path}: stop it first`);
  }
  await rm(options.path, { force: true });
  const server = createServer({ requestTimeout: 30_000, headersTimeout: 10_000 }, handler);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(new Error(`cannot listen on ${options.path}: ${messageOf(error)}. Is its directory there and ours?`));
    });
    server.listen(options.path, resolve);
  });
  await chmod(options.path, 0o660);
  if (options.groupId !== undefined) await chown(options.path, -1, options.groupId);
  return server;
}

/** Stops accepting and waits for the answers under way, at most `graceMs`. */
export async function closeServer(server: Server, graceMs: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
