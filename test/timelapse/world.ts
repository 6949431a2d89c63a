import { accessSync, constants, cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SourceUnavailable } from '../../src/domain/errors.js';
import type { Log } from '../../src/telemetry/log.js';
import { createVirtualTime, type VirtualTime } from '../model/virtual-time.js';
import type { Surroundings } from './breakages.js';
import type { Call } from './calls.js';
import { createViolations, type Violations } from './checks/violations.js';
import type { Watched, Watcher, WatcherOf } from './checks/watcher.js';
import { createVirtualTransport } from './endpoint.js';
import { type Crossing, createGate } from './gate.js';
import { createVirtualGraph, type VirtualGraph } from './graph.js';
import { inject } from './inject.js';
import { type Installation, type Parts, startInstallation } from './installation.js';
import { createOrder } from './order.js';
import { createOthers, type Others } from './others.js';
import { createPeople, type People } from './people.js';
import { createMotion } from './settle.js';
import { simulatorClock } from './virtual-clock.js';
import { createWeather, type Weather } from './weather.js';
import { createWire, type WireState } from './wire.js';

/** Graph, our process, and everything between them, in virtual time. */
export interface World {
  time: VirtualTime;
  graph: VirtualGraph;
  people: People;
  weather: Weather;
  violations: Violations;
  wire: WireState;
  /** How long our endpoint takes to answer, virtual ms. */
  endpoint: { delayMs: number };
  wanted: { groups: string[] };
  /** Our clock minus the true time. */
  setSkew(ms: number): void;
  /** Does something in the name of other services under our app registration. */
  asOther(work: (others: Others) => void): void;
  /** Ends our process, in good order or without a word, and starts it again after `ms`. Nothing where it is down. */
  down(ms: number, how: 'stop' | 'kill'): void;
  /** Our process dies at the first crossing from now on that fits, and comes back after `ms`. */
  dieAt(fits: (crossing: Crossing) => boolean, ms: number): void;
  /** A virtual day is over. */
  endDay(): void;
  /** Lets time pass until then, one waking after the other. */
  runUntil(until: number): Promise<void>;
  counts(): { starts: number; crashes: number; calls: Record<string, number>; puts: number };
  logged: string[];
  close(): Promise<void>;
}

export interface WorldOptions {
  seed: number;
  watchers: readonly WatcherOf[];
  /** Puts a fault into the product; without it the product is as it is. */
  tamper?: ((parts: Parts, surroundings: Surroundings) => Parts) | undefined;
}

const STARTED_AT = Date.UTC(2026, 0, 1, 0, 3, 7);
const FIRST_GROUPS = 3;
const FOREIGN = 3;
const KEPT_LINES = 4000;
const MEMORY_FOLDER = '/dev/shm';

export async function openWorld({ seed, watchers: makers, tamper }: WorldOptions): Promise<World> {
  const root = mkdtempSync(join(quickFolder(), 'entramox-timelapse-'));
  const time = createVirtualTime(STARTED_AT);
  const order = createOrder();
  const motion = createMotion();
  const weather = createWeather(time.now);
  const violations = createViolations(time.now);
  const never = new Promise<never>(() => undefined);
  const logged: string[] = [];
  const foreignIds = new Set<string>();
  const calls: Record<string, number> = {};
  let watchers: readonly Watcher[] = [];
  let skew = 0;
  let starts = 0;
  let crashes = 0;
  let puts = 0;
  let makingForeign = false;
  let installation: Installation | undefined;
  let upSince: number | undefined;
  let endDown: (() => void) | undefined;
  let death: { fits: (crossing: Crossing) => boolean; ms: number } | undefined;
  const endpoint = { delayMs: 0 };
  const wanted = { groups: [] as string[] };
  const wire: WireState = { graph: 'up', delayMs: () => 0, losesAnswer: () => false };

  const graph = createVirtualGraph({
    seed,
    clock: simulatorClock(time),
    transport: createVirtualTransport(time, {
      reachable: () => !weather.is('our endpoint unreachable'),
      delayMs: () => endpoint.delayMs,
      async answer(path, contentType, body) {
        const now = installation;
        if (!now?.gate.cross({ what: `POST ${path}`, when: 'before' })) return undefined;
        const answer = await inject(now.app, path, contentType, body);
        return now.gate.cross({ what: `POST ${path}`, when: 'after' }) ? answer : undefined;
      },
    }),
    onChange: (change) => tell((watcher) => watcher.onChange?.(change)),
    onStored(record) {
      if (makingForeign) foreignIds.add(record.id);
      tell((watcher) => watcher.onStored?.(record));
    },
    onDeleted: (record) => tell((watcher) => watcher.onDeleted?.(record)),
  });

  function tell(how: (watcher: Watcher) => void): void {
    for (const watcher of watchers) how(watcher);
  }

  const others = createOthers(graph.subscriptions, graph.appId, time.now);

  function asOther(work: (by: Others) => void): void {
    makingForeign = true;
    work(others);
    makingForeign = false;
  }

  const wantedNow = () => [...wanted.groups.map((id) => `/groups/${id}`), '/users'];
  const watched: Watched = {
    now: time.now,
    next: order.next,
    weather,
    violations,
    wanted: wantedNow,
    atGraph: () => graph.subscriptions.list(),
    isOurs: (id) => !foreignIds.has(id),
    isKnown(id) {
      const known = installation?.keeper.find(id);
      return known !== undefined && known.clientState === graph.subscriptions.get(id)?.clientState;
    },
    directory: () => installation?.dir ?? root,
    upSince: () => upSince,
  };

  function createTokens(gate: Installation['gate']) {
    let last = { token: '', expiresAt: 0 };
    return async (wish?: { forceRefresh?: boolean | undefined }): Promise<string> => {
      if (wish?.forceRefresh !== true && time.now() < last.expiresAt - 60_000) return last.token;
      if (!gate.cross({ what: 'token', when: 'before' })) return never;
      calls.token = (calls.token ?? 0) + 1;
      if (weather.is('token endpoint down')) throw new SourceUnavailable('no access token: status 503');
      last = graph.issueToken();
      return gate.cross({ what: 'token', when: 'after' }) ? last.token : never;
    };
  }

  async function start(from: string | undefined): Promise<void> {
    starts += 1;
    const dir = join(root, `run${starts}`);
    if (from === undefined) mkdirSync(dir, { mode: 0o700 });
    const gate = createGate((crossing) => {
      motion.note();
      if (!death?.fits(crossing)) return;
      const { ms } = death;
      death = undefined;
      world.down(ms, 'kill');
    });
    const log: Log = (event, fields) => {
      if (!gate.alive()) return;
      motion.note();
      logged.push(`${new Date(time.now()).toISOString()} ${event} ${JSON.stringify(fields ?? {})}`);
      if (logged.length > KEPT_LINES * 2) logged.splice(0, KEPT_LINES);
    };
    const startedAt = time.now();
    installation = await startInstallation({
      dir,
      gate,
      seed,
      tenantId: graph.tenantId,
      clock: { now: () => time.now() + skew, sleep: time.clockOf(gate.alive).sleep },
      monotonicMs: () => time.now() - startedAt,
      wire: createWire({ graph: () => graph, state: wire, time, order, onCall: noteCall }, gate),
      getToken: createTokens(gate),
      hints: {
        async put(key) {
          if (!gate.cross({ what: `put ${key}`, when: 'before' })) return never;
          puts += 1;
          const put = { at: time.now(), seq: order.next(), key };
          tell((watcher) => watcher.onPut?.(put));
          if (!gate.cross({ what: `put ${key}`, when: 'after' })) return never;
        },
      },
      wanted: wantedNow,
      log,
      tamper: (parts) => tamper?.(parts, { dir, now: time.now, foreignIds: () => [...foreignIds] }) ?? parts,
      onBroken(what) {
        if (gate.alive()) violations.add('nothing breaks', what);
      },
    });
    upSince = time.now();
  }

  function noteCall(call: Call): void {
    calls[call.kind] = (calls[call.kind] ?? 0) + 1;
    tell((watcher) => watcher.onCall?.(call));
  }

  /** The next process finds what is on the disk at this very moment. */
  function die(): void {
    installation?.gate.kill();
    cpSync(join(root, `run${starts}`), join(root, `run${starts + 1}`), { recursive: true, preserveTimestamps: true });
    upSince = undefined;
  }

  async function revive(ms: number): Promise<void> {
    const { dir } = installation as Installation;
    await time.clockOf(() => true).sleep(ms);
    await start(dir);
    rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 10 });
    endDown?.();
    endDown = undefined;
  }

  const broken = (what: string) => (error: unknown) =>
    violations.add('nothing breaks', `${what}: ${error instanceof Error ? error.stack : error}`);

  const world: World = {
    time,
    graph,
    people: createPeople(graph.directory),
    weather,
    violations,
    wire,
    endpoint,
    wanted,
    setSkew(ms) {
      skew = ms;
    },
    asOther,
    down(ms, how) {
      if (endDown || !installation) return;
      endDown = weather.begin('we are down');
      if (how === 'kill') {
        crashes += 1;
        die();
        revive(ms).catch(broken('the start'));
        return;
      }
      const { stop, gate } = installation;
      stop()
        .then(async () => {
          if (!gate.alive()) return;
          die();
          await revive(ms);
        })
        .catch(broken('the restart'));
    },
    dieAt(fits, ms) {
      death = { fits, ms };
    },
    endDay: () => tell((watcher) => watcher.onDay?.()),
    async runUntil(until) {
      for (;;) {
        await motion.settled();
        tell((watcher) => watcher.onSettled?.());
        if (time.now() >= until) return;
        time.moveTo(Math.min(until, time.nextWaking() ?? until));
      }
    },
    counts: () => ({ starts, crashes, calls: { ...calls }, puts }),
    logged,
    async close() {
      installation?.gate.kill();
      // What was being written would make its folder anew.
      await motion.settled();
      rmSync(root, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
    },
  };
  wanted.groups = world.people.groups.slice(0, FIRST_GROUPS);
  asOther((others) => {
    for (let count = 0; count < FOREIGN; count += 1) others.add();
  });
  watchers = makers.map((make) => make(watched));
  await start(undefined);
  return world;
}

/** Files in memory where there are such: months of fsync on a disk would take longer than all the rest. */
function quickFolder(): string {
  try {
    accessSync(MEMORY_FOLDER, constants.W_OK);
    return MEMORY_FOLDER;
  } catch {
    return tmpdir();
  }
}
