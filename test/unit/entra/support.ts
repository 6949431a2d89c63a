import nock from 'nock';
import type { Clock } from '../../../src/domain/clock.js';
import { createGraphClient, type GraphClientOptions } from '../../../src/entra/graph-client.js';
import type { CallInfo } from '../../../src/entra/transport-middleware.js';
import type { Log } from '../../../src/telemetry/log.js';

export const GRAPH = 'https://graph.example.test';
export const NOW = Date.parse('2026-11-20T09:00:00Z');

/** A clock that stands still but for its sleeps, which it writes down. */
export function createTestClock(start = NOW): Clock & { sleeps: number[]; set(at: number): void } {
  let now = start;
  const sleeps: number[] = [];
  return {
    sleeps,
    now: () => now,
    set: (at) => {
      now = at;
    },
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      sleeps.push(ms);
      now += ms;
    },
  };
}

export interface LoggedEvent {
  event: string;
  fields: Record<string, unknown>;
}

export function createTestLog(): { log: Log; events: LoggedEvent[] } {
  const events: LoggedEvent[] = [];
  return { events, log: (event, fields = {}) => void events.push({ event, fields }) };
}

export function createTestGraph(overrides: Partial<GraphClientOptions> = {}) {
  const clock = createTestClock();
  const { log, events } = createTestLog();
  const calls: CallInfo[] = [];
  const graph = createGraphClient({
    baseUrl: GRAPH,
    credential: { getToken: async () => 'token-1' },
    log,
    clock,
    random: () => 1,
    onCall: (info) => calls.push(info),
    ...overrides,
  });
  return { graph, clock, log, events, calls };
}

export interface SubRequest {
  id: string;
  method: string;
  url: string;
  headers?: Record<string, string>;
  body?: { groupIds: string[] };
}

export interface SubResponse {
  status: number;
  headers?: Record<string, string>;
  body?: unknown;
}

/** Answers every $batch by asking `answer` for each item; keeps what was asked. undefined leaves an item out. */
export function serveBatches(answer: (request: SubRequest, round: number) => SubResponse | undefined) {
  const batches: SubRequest[][] = [];
  nock(GRAPH)
    .persist()
    .post('/v1.0/$batch')
    .reply(200, (_uri, body) => {
      const { requests } = body as { requests: SubRequest[] };
      batches.push(requests);
      const responses = requests.flatMap((request) => {
        const response = answer(request, batches.length);
        return response ? [{ id: request.id, ...response }] : [];
      });
      return { responses };
    });
  return batches;
}

/** The nth of a series of GUIDs; `kind` keeps users and groups apart. */
export function guid(n: number, kind = 0): string {
  return `${String(kind).padStart(8, '0')}-0000-4000-8000-${String(n).padStart(12, '0')}`;
}

export function userBody(oid: string, overrides: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    id: oid,
    userPrincipalName: `user-${oid.slice(-4)}@example.test`,
    accountEnabled: true,
    displayName: 'A Person',
    givenName: 'A',
    surname: 'Person',
    mail: null,
    ...overrides,
  };
}

export function notFound(): SubResponse {
  return {
    status: 404,
    body: { error: { code: 'Request_ResourceNotFound', message: 'Resource does not exist.' } },
  };
}

export const never = () => new AbortController().signal;
