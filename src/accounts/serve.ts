import { createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import type { Agent } from './agent.js';
import { converse } from './converse.js';

export interface ServeOptions {
  agent: Agent;
  listen: ListenOptions | { fd: number };
  /** How long without any request before it ends by itself. */
  lingerMs: number;
  /** Ends it as soon as the running requests are answered. */
  signal: AbortSignal;
  onListening?: () => void;
}

/** One reconciler needs one; the answers that wait in each are held in memory. */
const MAX_CONNECTIONS = 8;

/**
 * Serves a listening socket until nothing was asked for `lingerMs` or the signal comes: then it stops accepting,
 * answers what it has, closes, and resolves. Connections that arrive meanwhile stay in the socket's queue, from
 * which systemd starts the next agent. Rejects when it cannot listen.
 */
export async function serve({ agent, listen, lingerMs, signal, onListening }: ServeOptions): Promise<void> {
  const connections = new Set<Socket>();
  const conversations = new Set<Promise<void>>();
  let busy = 0;
  let timer: NodeJS.Timeout | undefined;
  // Clients keep their connections open between requests, so their end must not be waited for.
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    connections.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => connections.delete(socket));
    const conversation = converse({ agent, input: socket, output: socket, onBusy, signal }).then(() => {
      socket.end();
    });
    conversations.add(conversation);
    void conversation.finally(() => conversations.delete(conversation));
  });
  server.maxConnections = MAX_CONNECTIONS;

  function onBusy(change: 1 | -1): void {
    busy += change;
    clearTimeout(timer);
    if (busy === 0) timer = setTimeout(stop, signal.aborted ? 0 : lingerMs);
  }

  function stop(): void {
    clearTimeout(timer);
    if (busy > 0) return;
    server.close();
    // The answers that are written go out before the end; nothing more is read.
    for (const socket of connections) socket.end(() => socket.destroy());
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.once('close', resolve);
    signal.addEventListener(
      'abort',
      () => {
        // Who connects from now on is the next agent's.
        server.close();
        stop();
      },
      { once: true },
    );
    server.listen(listen, () => {
      timer = setTimeout(stop, lingerMs);
      if (signal.aborted) stop();
      onListening?.();
    });
  });
  await Promise.all(conversations);
}
