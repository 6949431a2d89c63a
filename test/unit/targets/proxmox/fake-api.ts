import { MockAgent } from 'undici';
import type { Clock } from '../../../../src/domain/clock.js';
import { type CallReport, createProxmoxClient, type ProxmoxClient } from '../../../../src/targets/proxmox/client.js';
import type { EventCode } from '../../../../src/telemetry/events/index.js';

export const ORIGIN = 'https://pve.example.test:8006';
export const SECRET = '2f1c0a7e-8a55-4b7e-9f10-3d5b6c7d8e9f';
export const TOKEN = `svc@pve!entramox=${SECRET}`;
/** Whoever may see everybody sees this one too. */
const TOKEN_OWNER = 'svc@pve';
export const REALM = 'entra';
export const BASE = 'entramox-entra';
export const ADMINS = 'Administrator-entra';
export const OID = '11111111-2222-4333-8444-555555555555';
export const OTHER_OID = '99999999-2222-4333-8444-555555555555';
export const ALICE = 'alice@example.com@entra';

export interface RecordedCall {
  method: string;
  /** Path with the query, as it went over the wire. */
  path: string;
  headers: Record<string, string>;
  body: unknown;
}

export interface Reply {
  status?: number;
  /** Wrapped as `{data}` unless `raw` is given. */
  data?: unknown;
  message?: string;
  errors?: Record<string, string>;
  raw?: string;
  headers?: Record<string, string>;
  /** The connection fails with this instead of an answer. */
  failure?: Error;
}

type Handler = (call: RecordedCall) => Reply;

/** A clock whose short sleeps end at once and are kept, and whose long ones wait for `advance`. */
export function createTestClock(startMs = Date.UTC(2026, 10, 22)) {
  let nowMs = startMs;
  const sleeps: number[] = [];
  const waiting = new Set<{ at: number; wake: () => void }>();
  const clock: Clock = {
    now: () => nowMs,
    sleep(ms, signal) {
      if (ms <= 2_000) {
        sleeps.push(ms);
        nowMs += ms;
        return signal?.aborted ? Promise.reject(signal.reason) : Promise.resolve();
      }
      return new Promise((resolve, reject) => {
        const entry = { at: nowMs + ms, wake: resolve };
        waiting.add(entry);
        signal?.addEventListener('abort', () => {
          waiting.delete(entry);
          reject(signal.reason);
        });
      });
    },
  };
  return {
    clock,
    sleeps,
    waiting: () => waiting.size,
    advance(ms: number) {
      nowMs += ms;
      for (const entry of [...waiting].filter(({ at }) => at <= nowMs)) {
        waiting.delete(entry);
        entry.wake();
      }
    },
  };
}

export interface FakeApi {
  client: ProxmoxClient;
  calls: RecordedCall[];
  reports: CallReport[];
  logged: { event: EventCode; fields: Record<string, unknown> }[];
  time: ReturnType<typeof createTestClock>;
  log: (event: EventCode, fields?: Record<string, unknown>) => void;
}

/** A client whose transport is answered by `handler`, call by call. Nothing reaches the network. */
export function fakeApi(handler: Handler, options: { token?: string; timeoutMs?: number } = {}): FakeApi {
  const agent = new MockAgent();
  agent.disableNetConnect();
  const pool = agent.get(ORIGIN);
  const calls: RecordedCall[] = [];
  const reports: CallReport[] = [];
  const logged: FakeApi['logged'] = [];
  const time = createTestClock();
  const log: FakeApi['log'] = (event, fields = {}) => {
    logged.push({ event, fields });
  };
  pool
    .intercept({ path: () => true, method: () => true })
    .reply((opts) => {
      const call: RecordedCall = {
        method: opts.method,
        path: opts.path,
        headers: opts.headers as Record<string, string>,
        body: typeof opts.body === 'string' ? JSON.parse(opts.body) : undefined,
      };
      calls.push(call);
      const reply = handler(call);
      if (reply.failure) throw reply.failure;
      const { status = 200, headers = {} } = reply;
      const failed = { data: null, message: `${reply.message}\n`, ...(reply.errors ? { errors: reply.errors } : {}) };
      const text = reply.raw ?? JSON.stringify(reply.message === undefined ? { data: reply.data ?? null } : failed);
      return { statusCode: status, data: text, responseOptions: { headers } };
    })
    .persist();
  const client = createProxmoxClient({
    baseUrl: ORIGIN,
    token: options.token ?? TOKEN,
    timeoutMs: options.timeoutMs ?? 5_000,
    log,
    clock: time.clock,
    onCall: (report) => reports.push(report),
    connections: { reads: pool, writes: pool, close: () => agent.close() },
  });
  return { client, calls, reports, logged, time, log };
}

export interface FakeUser {
  userid: string;
  enable?: unknown;
  expire?: unknown;
  comment?: string;
  firstname?: string;
  lastname?: string;
  email?: string;
  groups?: string[];
}

export interface FakeWorld {
  users: FakeUser[];
  groups: Record<string, string[]>;
  /** Groups that a listing leaves out for want of rights. */
  hiddenGroups?: Record<string, string[]>;
  /** The listing of users is short, and the rights say nothing of it. */
  hidesTokenOwner?: boolean;
  permissions: Record<string, Record<string, number>>;
  domains?: { realm: string; type: string }[];
  /** Answers that go before everything else. */
  override?: (call: RecordedCall) => Reply | undefined;
}

export const FULL_RIGHTS: FakeWorld['permissions'] = {
  '/access/groups': { 'Sys.Audit': 1 },
  [`/access/groups/${BASE}`]: { 'Sys.Audit': 1, 'User.Modify': 1 },
  [`/access/groups/${ADMINS}`]: { 'Sys.Audit': 1, 'User.Modify': 1 },
  '/access/realm/entra': { 'Realm.AllocateUser': 1 },
};

/** A small Proxmox VE with just the answers that the target reads; writes change nothing by themselves. */
export function worldHandler(world: FakeWorld): Handler {
  return (call) => {
    const forced = world.override?.(call);
    if (forced) return forced;
    const url = new URL(call.path, ORIGIN);
    const path = url.pathname.replace('/api2/json', '');
    if (path === '/version') return { data: { version: '9.2.11', release: '9.2', repoid: 'abcdef12' } };
    if (path === '/access/domains')
      return {
        data: world.domains ?? [
          { realm: 'pam', type: 'pam' },
          { realm: REALM, type: 'openid' },
        ],
      };
    if (path.startsWith('/access/domains/')) return { status: 403, message: 'Permission check failed' };
    if (path === '/access/permissions') {
      const asked = url.searchParams.get('path');
      if (asked === null) return { data: world.permissions };
      const held = world.permissions[asked];
      return { data: held ? { [asked]: held } : {} };
    }
    if (path === '/access/groups') {
      return { data: Object.entries(world.groups).map(([groupid, users]) => ({ groupid, users: users.join(',') })) };
    }
    if (path === '/access/users' && call.method === 'GET') {
      const all = world.hidesTokenOwner ? world.users : [{ userid: TOKEN_OWNER }, ...world.users];
      return {
        data: all.map((user: FakeUser) => ({
          enable: 1,
          ...user,
          groups: (user.groups ?? []).join(','),
          tokens: null,
        })),
      };
    }
    if (call.method !== 'GET') return { data: null };
    if (path.startsWith('/access/groups/')) {
      const groupid = path.slice('/access/groups/'.length);
      const members = (world.groups[groupid] ?? world.hiddenGroups?.[groupid]) as string[] | undefined;
      return members ? { data: { members } } : { status: 500, message: `group '${groupid}' does not exist` };
    }
    const userid = decodeURIComponent(path.slice('/access/users/'.length));
    const user = world.users.find((candidate) => candidate.userid === userid);
    if (!user) return { status: 500, message: `no such user ('${userid}')` };
    const { userid: _, ...fields } = user;
    return { data: { enable: 1, ...fields, groups: user.groups ?? [], tokens: null } };
  };
}

/** A world with full rights, both groups, and Alice as ours. */
export function worldWith(changes: Partial<FakeWorld> = {}): FakeWorld {
  return {
    users: [{ userid: ALICE, enable: 1, comment: `Entramox: active; entra:${OID}`, groups: [BASE] }],
    groups: { [BASE]: [ALICE], [ADMINS]: [] },
    permissions: FULL_RIGHTS,
    ...changes,
  };
}

export function errorWithCode(code: string, message: string, extra: Record<string, unknown> = {}): Error {
  return Object.assign(new Error(message), { code, ...extra });
}

export function never(): AbortSignal {
  return new AbortController().signal;
}
