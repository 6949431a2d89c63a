import { writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestAuthority } from '../tls.js';
import type { ProxmoxSimulator } from './index.js';
import { answerOf, type PveshAnswer, usageOf } from './pvesh-answer.js';
import { createClient } from './test-client.js';

const PROGRAM = fileURLToPath(new URL('./pvesh-program.pl', import.meta.url));

/** One run of the program, as it saw itself. */
export interface PveshRun {
  pid: number;
  arguments: string[];
  environment: Record<string, string>;
}

/** A `pvesh` on a node. */
export interface Pvesh {
  /** Absolute path of the program. */
  readonly command: string;
  /** The runs so far, oldest first. */
  runs(): readonly PveshRun[];
  /** What the next runs say, one each, instead of anything else. */
  answerNext(...answers: PveshAnswer[]): void;
  close(): Promise<void>;
}

/**
 * Puts a program into `dir` that takes pvesh's command line and works on this node as its root would. A dropped
 * connection (faults.dropNext) is a pvesh that is killed, before or after it did its work.
 */
export async function installPvesh(options: {
  node: Pick<ProxmoxSimulator, 'url' | 'session'>;
  authority: TestAuthority;
  dir: string;
}): Promise<Pvesh> {
  const { node, authority, dir } = options;
  const command = join(dir, 'pvesh');
  const socketPath = join(dir, 'pvesh.sock');
  const runs: PveshRun[] = [];
  const prepared: PveshAnswer[] = [];
  const sockets = new Set<Socket>();

  async function serve(socket: Socket): Promise<void> {
    const told = await readStrings(socket);
    const { run, method, path, parameters, usage } = understand(told);
    runs.push(run);
    const answer = prepared.shift() ?? (usage === undefined ? await call(method, path, parameters) : usageOf(usage));
    if (answer === 'killed') socket.end();
    else socket.end(strings(String(answer.end), answer.stdout ?? '', answer.stderr ?? ''));
  }

  async function call(method: string, path: string, parameters: Record<string, string>): Promise<PveshAnswer> {
    const root = createClient({ url: node.url, ca: authority.cert, session: node.session('root@pam') });
    const inQuery = method === 'GET' || method === 'DELETE';
    const encoded = path.split('/').map(encodeURIComponent).join('/');
    try {
      const answer = await root(method, encoded, inQuery ? { query: parameters } : { form: parameters });
      return answerOf(answer, { method, path });
    } catch {
      // The node broke the call off: nobody is left to say anything.
      return 'killed';
    }
  }

  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // A program that is killed takes its connection with it.
    socket.on('error', () => socket.destroy());
    serve(socket).catch(() => socket.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath, resolve);
  });
  const text = `#!/usr/bin/perl\nour $SOCKET = '${socketPath}';\ndo '${PROGRAM}';\ndie $@ if $@;\n`;
  writeFileSync(command, text, { mode: 0o700 });

  return {
    command,
    runs: () => runs,
    answerNext: (...answers) => void prepared.push(...answers),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** What the program told about itself, and what it was asked to do. */
function understand(told: readonly string[]) {
  const of = (kind: string) =>
    told.filter((text) => text.startsWith(`${kind} `)).map((text) => text.slice(kind.length + 1));
  const pairs = (kind: string) => Object.fromEntries(of(kind).map(splitAtEquals));
  const environment = pairs('environment');
  const { 'output-format': _, quiet, ...parameters } = pairs('option');
  const usage = told.indexOf('usage');
  return {
    run: { pid: Number(of('process')[0]), arguments: of('argument'), environment },
    method: of('method')[0] ?? '',
    path: of('path')[0] ?? '',
    parameters: Object.fromEntries(
      Object.entries(parameters).map(([name, text]) => [name, inLocale(text, environment)]),
    ),
    usage: usage < 0 ? undefined : told[usage + 1],
  };
}

/** PVE decodes its arguments as the locale says; without one that knows more than ASCII, the rest is damaged. */
function inLocale(text: string, { LC_ALL = 'C' }: Record<string, string>): string {
  return /utf-?8$/i.test(LC_ALL) ? text : text.replace(/[^\0-\u007f]/gu, '\ufffd');
}

function splitAtEquals(text: string): [name: string, value: string] {
  const at = text.indexOf('=');
  return [text.slice(0, at), text.slice(at + 1)];
}

async function readStrings(socket: Socket): Promise<string[]> {
  const chunks: Buffer[] = [];
  // The other half is still to be written.
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) chunks.push(chunk as Buffer);
  const all = Buffer.concat(chunks);
  const found: string[] = [];
  for (let at = 0; at < all.length; ) {
    const length = all.readUInt32BE(at);
    found.push(all.subarray(at + 4, at + 4 + length).toString('utf8'));
    at += 4 + length;
  }
  return found;
}

function strings(...texts: string[]): Buffer {
  const parts = texts.flatMap((text) => {
    const bytes = Buffer.from(text, 'utf8');
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return [length, bytes];
  });
  return Buffer.concat(parts);
}
