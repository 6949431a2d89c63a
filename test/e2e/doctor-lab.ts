import { randomUUID } from 'node:crypto';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Lab } from '../lab/lab.js';
import { type Finished, runProgram } from '../lab/program.js';
import { createTestAuthority } from '../simulators/tls.js';

/** One check as `--json` prints it. */
export interface ShownCheck {
  name: string;
  ok: boolean;
  saw: string;
  why: string | null;
  mend: string | null;
}

export interface Examined extends Finished {
  checks: ShownCheck[];
  /** Those that are not ok. */
  bad: ShownCheck[];
}

/** No answer of the doctor may take longer, whatever hangs. */
export const LIMIT_MS = 30_000;

/** Runs the doctor with the lab's settings and these in their place; null leaves one out. What runs keeps its own. */
export async function examine(
  lab: Lab,
  change: Record<string, string | null> = {},
  args: readonly string[] = ['--json'],
): Promise<Examined> {
  const file = join(lab.dir, `${randomUUID()}.env`);
  const kept = readFileSync(lab.envFile, 'utf8')
    .split('\n')
    .filter((line) => !Object.hasOwn(change, line.split('=')[0] ?? ''));
  const added = Object.entries(change).flatMap(([name, value]) => (value === null ? [] : [`${name}='${value}'`]));
  writeFileSync(file, [...kept, ...added, ''].join('\n'), { mode: 0o600 });
  const env = { PATH: process.env.PATH, HOME: lab.dir };
  const finished = await runProgram(['doctor', ...args, '--config', file], env, LIMIT_MS);
  const checks = finished.stdout.startsWith('{') ? (JSON.parse(finished.stdout).checks as ShownCheck[]) : [];
  return { ...finished, checks, bad: checks.filter(({ ok }) => !ok) };
}

/** A server that stands where another one should be. */
export interface StandIn {
  url: string;
  close(): Promise<void>;
}

/** Speaks TLS with a certificate for these names, of a root that is written to `caFile` beside the lab's. */
export async function startStandIn(
  lab: Lab,
  names: readonly string[],
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<StandIn & { caFile: string }> {
  const authority = await createTestAuthority('Entramox stand-in authority');
  const server = createHttpsServer(await authority.issue(names), handle);
  const caFile = join(lab.dir, `${randomUUID()}.pem`);
  writeFileSync(caFile, `${readFileSync(join(lab.dir, 'ca.pem'), 'utf8')}\n${authority.cert}`);
  chmodSync(caFile, 0o644);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    caFile,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Takes every connection and never says a word, on a port or on a Unix socket. */
export async function startBlackHole(path?: string): Promise<StandIn> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
  });
  await new Promise<void>((resolve) =>
    path === undefined ? server.listen(0, '127.0.0.1', resolve) : server.listen(path, resolve),
  );
  if (path !== undefined) chmodSync(path, 0o660);
  const address = server.address();
  return {
    url: typeof address === 'object' && address ? `https://localhost:${address.port}` : (path ?? ''),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
