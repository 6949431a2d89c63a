import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TestAuthority } from '../tls.js';
import { type AccessKey, type Control, createControl } from './control.js';
import { createFaults, type Faults } from './faults.js';
import { groupRoutes } from './groups.js';
import { createHandler } from './handler.js';
import { type CallMatcher, type CallRecord, createJournal } from './journal.js';
import { createState, type Flavour } from './state.js';
import { userRoutes } from './users.js';

export type { AccessKey, Control, GroupView, NewGroup, NewUser, SignIn } from './control.js';
export type { Faults } from './faults.js';
export type { CallMatcher, CallRecord } from './journal.js';
export { type Flavour, OWN_USER } from './state.js';

export interface LakefsSimulatorOptions {
  /** cloud: opaque group ids. names: names are ids. simplified: names are ids, ACLs instead of policies. none: 501. */
  flavour: Flavour;
  /** Signs a certificate for `localhost` and 127.0.0.1; without one plain http is spoken. */
  authority?: TestAuthority;
  /** 0, the default: any free port. */
  port?: number;
  /** Whether a repeated PUT is 409 (the default, as the ACL service answers) or 201. */
  conflictOnRepeatedPut?: boolean;
  /** Whether people can be invited; by default on lakeFS Cloud alone. */
  canInvite?: boolean;
  /** Milliseconds since the epoch. */
  now?: () => number;
}

/** A lakeFS server, as far as its API for groups and people goes. */
export interface LakefsSimulator extends Control {
  /** `http://127.0.0.1:PORT`, or `https://localhost:PORT`; without /api/v1. */
  readonly url: string;
  readonly port: number;
  /** A key that may do everything. */
  readonly key: AccessKey;
  readonly faults: Faults;
  /** The calls so far that match, oldest first. */
  calls(matcher?: CallMatcher): CallRecord[];
  /** Calls so far that are no GET, answered or not. */
  readonly nonGets: number;
  resetCounters(): void;
  setConflictOnRepeatedPut(conflict: boolean): void;
  close(): Promise<void>;
}

/** Starts a server on 127.0.0.1. @throws when the port is taken */
export async function startLakefsSimulator(options: LakefsSimulatorOptions): Promise<LakefsSimulator> {
  const { flavour, authority } = options;
  const now = options.now ?? Date.now;
  const state = createState(flavour, () => Math.floor(now() / 1000));
  const journal = createJournal();
  const faults = createFaults();
  const closing = new AbortController();
  let conflictOnRepeatedPut = options.conflictOnRepeatedPut ?? true;
  const service = {
    state,
    flavour,
    faults,
    conflictOnRepeatedPut: () => conflictOnRepeatedPut,
    canInvite: () => options.canInvite ?? flavour === 'cloud',
  };
  const routes = [...groupRoutes(service), ...userRoutes(service)];
  const handle = createHandler({ routes, state, flavour, journal, faults, closing: closing.signal });
  const serve: Parameters<typeof createHttpServer>[1] = (request, response) => {
    handle(request, response).catch((error: unknown) =>
      response.destroy(error instanceof Error ? error : new Error(String(error))),
    );
  };
  const tls = await authority?.issue(['localhost', '127.0.0.1']);
  const server = tls ? createHttpsServer({ key: tls.key, cert: tls.cert }, serve) : createHttpServer(serve);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const control = createControl(state);

  return {
    ...control,
    url: tls ? `https://localhost:${port}` : `http://127.0.0.1:${port}`,
    port,
    key: control.createKey(),
    faults,
    calls: journal.calls,
    get nonGets() {
      return journal.calls().filter(({ method }) => method !== 'GET').length;
    },
    resetCounters: journal.reset,
    setConflictOnRepeatedPut(conflict) {
      conflictOnRepeatedPut = conflict;
    },
    async close() {
      closing.abort();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
