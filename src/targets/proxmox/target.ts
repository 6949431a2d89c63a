import type { Clock } from '../../domain/clock.js';
import type { ObjectId } from '../../domain/identity.js';
import { ownerIn } from '../../domain/proxmox-comment.js';
import type { ProxmoxMark } from '../../domain/proxmox-mark.js';
import type { Ask, ProxmoxUser, Sight } from '../../domain/sight.js';
import type { ProxmoxStep } from '../../domain/step.js';
import type { Log } from '../../telemetry/log.js';
import { apply } from './apply.js';
import type { ProxmoxClient } from './client.js';
import { createConsoles } from './consoles.js';
import { check, type DoctorOptions, type Finding, missingGroups } from './doctor.js';
import { createWriteNote, type Problems } from './hindrance.js';
import { listMarks } from './marks.js';
import { observe } from './observe.js';
import { type ListUsers, oneListing } from './one-listing.js';
import { type MissingRealm, missingRealm } from './realm.js';
import { refuseWithout } from './refusal.js';
import { createRights, READ_ALL } from './rights.js';
import { listUsers } from './users.js';

/** Proxmox VE as a target. */
export interface ProxmoxTarget {
  /** One sight for each ask; rejects only when `signal` aborts. */
  observe(asks: readonly Ask[], signal: AbortSignal): Promise<Map<ObjectId, Sight<ProxmoxUser>>>;
  /** One write and its read-back; see apply.ts for its errors. */
  apply(step: ProxmoxStep, signal: AbortSignal): Promise<void>;
  /** Findings for `doctor`; writes nothing. `here`: what only this host can show, where it is a node. */
  check(signal: AbortSignal, here?: Pick<DoctorOptions, 'readRealms'>): Promise<Finding[]>;
  /** Our marks on the users of the realm. Throws SourceUnavailable or an error where they cannot be listed. */
  marks(signal: AbortSignal): Promise<ProxmoxMark[]>;
  /** Managed groups that do not exist in PVE. Throws SourceUnavailable where the groups cannot be seen. */
  missingGroups(signal: AbortSignal): Promise<string[]>;
  /** The finding that PVE does not have the realm; undefined where it has. Throws where that cannot be told. */
  missingRealm(signal: AbortSignal): Promise<MissingRealm | undefined>;
  /** What a sweep begins with: stops open consoles of people who are locked out, where that is asked for. */
  tend(signal: AbortSignal): Promise<void>;
  /** The same target for one sweep: marks and sights rest on one listing, until something is written. */
  listedOnce(): ProxmoxTarget;
  close(): Promise<void>;
}

export interface ProxmoxTargetOptions {
  client: ProxmoxClient;
  realm: string;
  /** Full PVE names; the first is the base group that every managed user is in. */
  managedGroups: readonly string[];
  /** Users without any ownership mark count as ours. */
  adoptExisting: boolean;
  /** Whether users are created, which `check` then asks a privilege for. */
  creates?: boolean;
  /** PVE_STOP_TASKS: also stop open consoles of whoever is locked. */
  stopsConsoles?: boolean;
  /** Takes what hinders the whole target, for status and health. */
  problems?: Problems;
  log: Log;
  clock: Clock;
}

export function createProxmoxTarget(options: ProxmoxTargetOptions): ProxmoxTarget {
  const { client, clock, creates = true, stopsConsoles = false, problems = new Map<string, string>() } = options;
  const rights = createRights({ client, clock });
  const consoles = stopsConsoles ? createConsoles({ client, rights, log: options.log, problems }) : undefined;
  const writeNote = createWriteNote(problems);
  const list = (signal: AbortSignal) => listUsers(client, options.log, signal);
  const parts = { ...options, creates, stopsConsoles, rights, ownerIn, consoles, writeNote, list };
  const reading = (list: ListUsers): Pick<ProxmoxTarget, 'observe' | 'marks'> => ({
    observe: (asks, signal) => observe({ ...parts, list }, asks, signal),
    async marks(signal) {
      // Without rights the listing is empty, which would look as if nothing had ever been ours.
      await refuseWithout(rights, [READ_ALL], client, signal);
      return listMarks({ ...parts, list }, signal);
    },
  });
  const target: ProxmoxTarget = {
    ...reading(list),
    apply: (step, signal) => apply(parts, step, signal),
    check: (signal, here) => check({ ...parts, ...here, now: () => clock.now() }, signal),
    async missingGroups(signal) {
      await refuseWithout(rights, [READ_ALL], client, signal);
      return missingGroups(parts, signal);
    },
    missingRealm: (signal) => missingRealm(parts, signal),
    async tend(signal) {
      writeNote.forget();
      await consoles?.stopAll(signal);
    },
    listedOnce() {
      const once = oneListing(list, clock);
      const write: ProxmoxTarget['apply'] = (step, signal) => {
        once.forget();
        return target.apply(step, signal);
      };
      return { ...target, ...reading(once.list), apply: write };
    },
    close: () => client.close(),
  };
  return target;
}
