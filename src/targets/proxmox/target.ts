import type { Clock } from '../../domain/clock.js';
import type { ObjectId } from '../../domain/identity.js';
import { ownerIn } from '../../domain/proxmox-comment.js';
import type { Ask, ProxmoxUser, Sight } from '../../domain/sight.js';
import type { ProxmoxStep } from '../../domain/step.js';
import type { Log } from '../../telemetry/log.js';
import { apply } from './apply.js';
import type { ProxmoxClient } from './client.js';
import { check, type Finding, missingGroups } from './doctor.js';
import { observe } from './observe.js';
import { type MissingRealm, missingRealm } from './realm.js';
import { refuseWithout } from './refusal.js';
import { createRights, READ_ALL } from './rights.js';

/** Proxmox VE as a target. */
export interface ProxmoxTarget {
  /** One sight for each ask; rejects only when `signal` aborts. */
  observe(asks: readonly Ask[], signal: AbortSignal): Promise<Map<ObjectId, Sight<ProxmoxUser>>>;
  /** One write and its read-back; see apply.ts for its errors. */
  apply(step: ProxmoxStep, signal: AbortSignal): Promise<void>;
  /** Findings for `doctor`; writes nothing. */
  check(signal: AbortSignal): Promise<Finding[]>;
  /** Managed groups that do not exist in PVE. Throws SourceUnavailable where the groups cannot be seen. */
  missingGroups(signal: AbortSignal): Promise<string[]>;
  /** The finding that PVE does not have the realm; undefined where it has. Throws where that cannot be told. */
  missingRealm(signal: AbortSignal): Promise<MissingRealm | undefined>;
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
  log: Log;
  clock: Clock;
}

export function createProxmoxTarget(options: ProxmoxTargetOptions): ProxmoxTarget {
  const { client, clock, creates = true } = options;
  const rights = createRights({ client, clock });
  const parts = { ...options, creates, rights, ownerIn };
  return {
    observe: (asks, signal) => observe(parts, asks, signal),
    apply: (step, signal) => apply(parts, step, signal),
    check: (signal) => check(parts, signal),
    async missingGroups(signal) {
      await refuseWithout(rights, [READ_ALL], client, signal);
      return missingGroups(parts, signal);
    },
    missingRealm: (signal) => missingRealm(parts, signal),
    close: () => client.close(),
  };
}
