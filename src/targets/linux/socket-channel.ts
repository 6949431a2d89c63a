import { connect as connectSocket } from 'node:net';
import { Busy } from '../../domain/errors.js';
import type { Channel, Connect } from './channel.js';

const REMEDIES: Record<string, string> = {
  ENOENT: 'start it with: systemctl start entramox-accounts.socket',
  ECONNREFUSED: 'start it with: systemctl restart entramox-accounts.socket',
  EACCES: 'only the group of the socket may ask; run this as the user entramox',
};

/** The way to an agent that listens on a Unix socket, usually started by systemd at the first connection. */
export function viaSocket(path: string): Connect {
  return (signal) =>
    new Promise<Channel>((resolve, reject) => {
      const socket = connectSocket(path);
      const abort = (): void => {
        socket.destroy();
        reject(signal.reason);
      };
      signal.addEventListener('abort', abort, { once: true });
      let reason = 'the account agent closed the connection';
      const closed = new Promise<string>((gone) => {
        socket.on('close', () => gone(reason));
      });
      socket.on('error', (error: NodeJS.ErrnoException) => {
        signal.removeEventListener('abort', abort);
        reason = error.message;
        const remedy = REMEDIES[error.code ?? ''];
        reject(new Busy(`no account agent at ${path}: ${error.message}${remedy ? `; ${remedy}` : ''}`, 5_000));
      });
      socket.on('connect', () => {
        signal.removeEventListener('abort', abort);
        resolve({ input: socket, output: socket, closed, close: () => end() });
      });
      async function end(): Promise<void> {
        socket.end();
        const timer = setTimeout(() => socket.destroy(), 2_000);
        await closed;
        clearTimeout(timer);
      }
    });
}
