import type { TestAuthority } from '../tls.js';
import { accessRoutes } from './access.js';
import { aclRoutes } from './acl.js';
import { clusterRoutes } from './cluster.js';
import { type Control, createControl } from './control.js';
import { type DatacenterOptions, datacenterRoutes } from './datacenter.js';
import { createDomainsFile } from './domains-file.js';
import { createFaults, type Faults } from './faults.js';
import { groupRoutes } from './groups.js';
import { createHandler, type Exchange } from './handler.js';
import { type CallMatcher, type CallRecord, createJournal } from './journal.js';
import { createLock } from './lock.js';
import { loginRoutes } from './login.js';
import { openIdRoutes } from './openid.js';
import { createPermissions } from './permissions.js';
import { type Preparation, type Prepared, prepareFor } from './prepare.js';
import { builtInRoles, knownPrivileges } from './privileges.js';
import { realmRoutes } from './realms.js';
import { releaseOf } from './release.js';
import { roleRoutes } from './roles.js';
import { createRouter } from './router.js';
import { listen } from './server.js';
import { createService } from './service.js';
import { USER_CFG_CAP_BYTES } from './sizes.js';
import { createState } from './state.js';
import { createTasks, taskRoutes } from './tasks.js';
import { createTickets } from './tickets.js';
import { tokenRoutes } from './tokens.js';
import { userRoutes } from './users.js';

export type { Control, NewUser, UserView } from './control.js';
export type { Faults } from './faults.js';
export type { Exchange } from './handler.js';
export type { CallMatcher, CallRecord } from './journal.js';
export type { Preparation, Prepared } from './prepare.js';
export type { AclEntry } from './records.js';
export type { Task } from './tasks.js';

export interface ProxmoxSimulatorOptions {
  /** Signs the server's certificate for `localhost` and 127.0.0.1. */
  authority: TestAuthority;
  /** 0, the default: any free port. */
  port?: number;
  /**
   * `8.3`, `8.4`, `9.1` (the default), or a full version as GET /version tells it. It decides which privileges there are,
   * which options a realm has, and whether a token's secret can be made anew.
   */
  version?: string;
  /** How long every 401 is held back (default 5; a real node takes 3,000). */
  unauthorizedDelayMs?: number;
  /** How long a write waits for the cluster lock (default 10,000, as a real node). */
  lockDeadlineMs?: number;
  /** How large user.cfg may grow. */
  userCfgCapBytes?: number;
  /** Signs the OpenID providers that the node trusts; by default the authority that signs the node itself. */
  openIdCa?: string;
  /** Read at each call, so that a test may change it. */
  datacenter?: DatacenterOptions;
  /** Milliseconds since the epoch, for tickets and expiries. */
  now?: () => number;
  /** Sees every request with its answer, for contract checks. */
  onExchange?: (exchange: Exchange) => void;
}

/** A Proxmox VE node, as far as its access API goes. */
export interface ProxmoxSimulator extends Control {
  /** `https://localhost:PORT` */
  readonly url: string;
  readonly port: number;
  readonly faults: Faults;
  /** The calls so far that match, oldest first. */
  calls(matcher?: CallMatcher): CallRecord[];
  /** Successful rewrites of user.cfg through the API. */
  readonly writes: number;
  resetCounters(): void;
  prepareFor(preparation: Preparation): Prepared;
  close(): Promise<void>;
}

/** Starts a node on 127.0.0.1. @throws when the port is taken */
export async function startProxmoxSimulator(options: ProxmoxSimulatorOptions): Promise<ProxmoxSimulator> {
  const now = options.now ?? Date.now;
  const nowSeconds = () => Math.floor(now() / 1000);
  const capBytes = options.userCfgCapBytes ?? USER_CFG_CAP_BYTES;
  const release = releaseOf(options.version ?? '9.1');
  const state = createState({ capBytes, processId: 4711, roles: builtInRoles(knownPrivileges(release)) });
  const permissions = createPermissions(state);
  const tickets = createTickets(nowSeconds);
  const tasks = createTasks(nowSeconds);
  const journal = createJournal();
  const lock = createLock();
  const faults = createFaults(async () => {
    const release = await lock.acquire(60_000);
    if (release === undefined) throw new Error('the lock on user.cfg is held by somebody else');
    return release;
  });
  const lockDeadlineMs = options.lockDeadlineMs ?? 10_000;
  const service = createService({ state, permissions, release, lock, journal, faults, lockDeadlineMs, nowSeconds });
  const router = createRouter([
    ...userRoutes(service),
    ...tokenRoutes(service),
    ...groupRoutes(service),
    ...roleRoutes(service),
    ...aclRoutes(service),
    ...realmRoutes(service, createDomainsFile(state, faults, lockDeadlineMs)),
    ...openIdRoutes(service, tickets, options.openIdCa ?? options.authority.cert),
    ...accessRoutes(service),
    ...loginRoutes(service, tickets),
    ...clusterRoutes(service, release.version),
    ...datacenterRoutes(service, () => options.datacenter ?? {}),
    ...taskRoutes(service, tasks),
  ]);
  const closing = new AbortController();
  const unauthorizedDelayMs = options.unauthorizedDelayMs ?? 5;
  const handle = createHandler({
    service,
    router,
    tickets,
    journal,
    faults,
    unauthorizedDelayMs,
    onExchange: options.onExchange,
    closing: closing.signal,
  });
  const tls = await options.authority.issue(['localhost', '127.0.0.1']);
  const front = await listen({ tls, port: options.port ?? 0, handle });
  const control = createControl(state, tickets, tasks);

  return {
    ...control,
    url: `https://localhost:${front.port}`,
    port: front.port,
    faults,
    calls: journal.calls,
    get writes() {
      return journal.writes;
    },
    resetCounters: journal.reset,
    prepareFor: (preparation) => prepareFor(control, preparation),
    async close() {
      closing.abort();
      await front.close();
    },
  };
}
