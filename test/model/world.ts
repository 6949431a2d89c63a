import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent } from 'undici';
import type { Key, Reason } from '../../src/queue/queue.js';
import { openConnections } from '../../src/targets/proxmox/connections.js';
import type { Request } from '../simulators/accounts/request.js';
import { emptyState, type SimulatedState } from '../simulators/accounts/state.js';
import { type EntraSimulator, startEntraSimulator } from '../simulators/entra/index.js';
import { type ProxmoxSimulator, startProxmoxSimulator } from '../simulators/proxmox/index.js';
import type { TestAuthority } from '../simulators/tls.js';
import { type AgentFaults, agentWire } from './agent-wire.js';
import { createChance } from './chance.js';
import { type Drive, untilAtRest } from './drive.js';
import { environmentOf } from './environment.js';
import { type Crossing, createGate } from './gate.js';
import { createIntake, subscribe } from './intake.js';
import { describe } from './people.js';
import { copyDisk, type Process, startProcess } from './process.js';
import { createSafety, type Safety } from './safety.js';
import {
  DELETE_AFTER_MS,
  FIRST_UPNS,
  FOREIGN_ACCOUNTS,
  FOREIGN_USERS,
  GROUPS,
  type GroupName,
  PVE_GROUPS,
  REALM,
} from './settings.js';
import { createStatements, type Statements } from './statements.js';
import type { Truth } from './truth.js';
import { createVirtualTime, type VirtualTime } from './virtual-time.js';

/** A whole installation: the sources, the targets, one reconciler, and those who watch it. */
export interface World extends Drive {
  entra: EntraSimulator;
  proxmox: ProxmoxSimulator;
  /** The simulated host. */
  host: { state: SimulatedState; faults: AgentFaults; written: number };
  truth: Truth;
  groupIds: Record<GroupName, string>;
  statements: Statements;
  safety: Safety;
  time: VirtualTime;
  process(): Process;
  /** Ends the process where it stands, without a word, and starts another on what its disk held. */
  crash(): Promise<void>;
  /** Ends the process in good order and starts it again. */
  restart(): Promise<void>;
  /** The process dies at the crossing after so many more; undefined: it does not. */
  dieAfter(crossings: number | undefined): void;
  /** Called once, at the crossing after so many more. */
  meanwhile(crossings: number, act: () => void): void;
  put(key: Key, reason?: Reason): Promise<void>;
  /** The step that is being done. */
  step: number;
  /** Times that the process died. */
  crashes: number;
  /** Connections that broke, also without anybody's doing: a machine under load closes an idle one at a bad moment. */
  broken: number;
  /** Whether anything that hinders the reconciler was done since everything was last healed. */
  hindered: boolean;
  /** Releases the lock on user.cfg that somebody else holds. */
  releaseLock: (() => void) | undefined;
  /** Lines of the log, for whoever looks into a failure. */
  logged: string[];
  close(): Promise<void>;
}

/** Builds a world; the seed decides on limits and on who is where. */
export async function openWorld(seed: number, authority: TestAuthority): Promise<World> {
  const chance = createChance(seed ^ 0x5eed);
  const dir = mkdtempSync(join(tmpdir(), 'entramox-model-'));
  const time = createVirtualTime(Math.ceil(Date.now() / 1000) * 1000);
  let statements: Statements | undefined;
  let intake: (body: string) => void = () => undefined;
  const [entra, proxmox] = await Promise.all([
    startEntraSimulator({
      authority,
      now: time.now,
      eventHub: (_url, body) => intake(body),
      minimumHealthSamples: 1_000_000,
      onExchange: (exchange) => statements?.hear(exchange),
    }),
    startProxmoxSimulator({ authority, now: time.now, lockDeadlineMs: 15, unauthorizedDelayMs: 0 }),
  ]);
  const groupIds = Object.fromEntries(
    GROUPS.map((name) => [name, entra.directory.addGroup({ displayName: name })]),
  ) as Record<GroupName, string>;
  const truth: Truth = { people: new Map(), nested: false, listed: undefined };
  for (const upn of FIRST_UPNS) {
    const groups = new Set<GroupName>(chance.often(0.8) ? ['everybody'] : []);
    if (chance.often(0.3)) groups.add('admins');
    if (chance.often(0.3)) groups.add('lab');
    if (chance.often(0.3)) groups.add('team');
    const oid = entra.directory.addUser(describe(upn));
    for (const group of groups) entra.directory.addMember(groupIds[group], oid);
    truth.people.set(oid, { oid, upn, standing: 'there', enabled: true, groups });
    if (chance.often(0.1)) truth.listed ??= oid;
  }
  const prepared = proxmox.prepareFor({
    realm: REALM,
    groups: PVE_GROUPS,
    roles: {
      PVEAuditor: 'PVEAuditor',
      Administrator: 'Administrator',
      'PVEVMUser.vms': { role: 'PVEVMUser', path: '/vms' },
    },
  });
  // Whoever is in a group that is not ours can lose one of ours only by a token with rights on both.
  const groups = chance.often(0.5) ? ['theirs'] : [];
  proxmox.addGroup('theirs');
  for (const [type, ugid] of [['user', prepared.userid] as const, ['token', prepared.tokenId] as const]) {
    proxmox.setAcl({ path: '/access/groups/theirs', type, ugid, roleid: 'EntramoxUsers' });
  }
  for (const upn of FOREIGN_USERS) {
    proxmox.addUser({ userid: `${upn}@${REALM}`, comment: 'made by hand', groups });
  }
  const host: World['host'] = {
    state: emptyState(
      // The agent's own patience must not hide that the reconciler has none.
      { deleteAfterSeconds: chance.often(0.5) ? 0 : DELETE_AFTER_MS / 1000, allowedGroups: ['lab', 'users'] },
      [...FOREIGN_ACCOUNTS],
    ),
    faults: { next: [] },
    written: 0,
  };
  const narrow = chance.often(0.3);
  const limits = { locks: narrow ? 2 : 1000, deletes: narrow ? 1 : 1000 };
  const env = environmentOf({ entra, proxmox, token: prepared.token, groupIds, listed: truth.listed, limits, dir });
  const graph = new Agent({ connect: { ca: [authority.cert] }, connections: 8, keepAliveTimeout: 60_000 });
  const connections = openConnections({ origin: proxmox.url, ca: authority.cert, timeoutMs: 30_000 });
  writeFileSync(join(dir, 'seed'), `${seed}\n`);

  let process: Process | undefined;
  let deadIn: number | undefined;
  let interruption: { left: number; act: () => void } | undefined;
  let runs = 0;
  const ended: Process[] = [];

  statements = createStatements(
    () => ({ at: time.now(), step: world.step }),
    [groupIds.everybody, groupIds.admins, groupIds.lab],
  );
  const safety = createSafety({
    now: time.now,
    step: () => world.step,
    statements,
    listed: (oid) => truth.listed === oid,
    adminsGroup: groupIds.admins,
    account: (oid) => host.state.accounts.find((account) => account.oid === oid),
    user: (userid) => proxmox.user(userid),
    isHindered: () => world.hindered,
    isForeign: (name) => host.state.foreignNames.includes(name),
    limits,
  });

  function onCrossing(_crossing: Crossing): void {
    if (interruption) {
      interruption.left -= 1;
      if (interruption.left <= 0) {
        const { act } = interruption;
        interruption = undefined;
        act();
      }
    }
    if (deadIn === undefined) return;
    deadIn -= 1;
    if (deadIn <= 0) die();
  }

  /** The next directory holds what is on the disk at this very moment. */
  function die(): void {
    deadIn = undefined;
    if (!process) return;
    process.gate.kill();
    world.crashes += 1;
    copyDisk(process.dir, join(dir, `run${runs + 1}`));
  }

  async function start(): Promise<void> {
    for (;;) {
      runs += 1;
      const gate = createGate({
        onCrossing,
        onAsked(wire, asked) {
          if (wire === 'proxmox') safety.judgeProxmox(asked);
        },
        onBroken() {
          world.broken += 1;
        },
      });
      const machine = {
        read: () => host.state,
        write: () => undefined,
        homes: { create: () => undefined, archive: () => null },
        now: time.now,
        onRequest(request: Request) {
          if (request.verb !== 'observe') host.written += 1;
          safety.judgeAgent(request);
        },
      };
      process = await startProcess({
        dir: join(dir, `run${runs}`),
        env,
        gate,
        time,
        random: chance.next,
        graph,
        proxmox: connections,
        accounts: agentWire(machine, gate, host.faults),
        log: (event, fields) => {
          if (!gate.alive()) return;
          world.logged.push(`${new Date(time.now()).toISOString()} ${event} ${JSON.stringify(fields ?? {})}`);
          if (world.logged.length > 4000) world.logged.splice(0, 2000);
        },
      });
      if (gate.alive()) return;
      bury(process);
    }
  }

  /** Lets timers of a dead process go; whatever it still does, it does in its own directory and over no wire. */
  function bury(dead: Process): void {
    ended.push(dead);
    dead.stop().catch((error: unknown) => world.logged.push(`a dead process: ${error}`));
  }

  const listener = createIntake({
    entra,
    isWatched: (id) => id !== groupIds.team,
    put: (key, reason) => world.put(key, reason),
  });
  intake = listener.take;

  const world: World = {
    entra,
    proxmox,
    host,
    truth,
    groupIds,
    statements,
    safety,
    time,
    step: 0,
    crashes: 0,
    broken: 0,
    hindered: false,
    releaseLock: undefined,
    logged: [],
    process: () => process as Process,
    gate: () => (process as Process).gate,
    ports: () => (process as Process).reconciler.ports,
    pendingOutside: () => entra.deliveries.pending() + listener.pending(),
    dieAfter(crossings) {
      deadIn = crossings;
    },
    meanwhile(crossings, act) {
      interruption = { left: crossings, act };
    },
    async revive() {
      bury(process as Process);
      await start();
    },
    async crash() {
      die();
      await world.revive();
    },
    async restart() {
      const { stop, dir: from } = process as Process;
      await stop();
      copyDisk(from, join(dir, `run${runs + 1}`));
      await start();
    },
    async put(key, reason) {
      if (reason === 'removed') safety.noteReport({ oid: key.slice('user:'.length), at: time.now() });
      await (process as Process).reconciler.hints.put(key, reason);
    },
    async close() {
      deadIn = undefined;
      process?.gate.kill();
      if (process) bury(process);
      await Promise.all([entra.close(), proxmox.close(), graph.destroy(), connections.close()]);
      rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    },
  };
  await start();
  await subscribe(entra, authority, [groupIds.everybody, groupIds.admins, groupIds.lab], time);
  await untilAtRest(world);
  return world;
}
