import type PQueue from 'p-queue';
import type { Clock } from '../domain/clock.js';
import type { ClockSight } from '../domain/clock-jump.js';
import type { AgentRecord, Comparison } from '../domain/disagreement.js';
import type { ObjectId } from '../domain/identity.js';
import type { Policy } from '../domain/policy.js';
import type { ProxmoxMark } from '../domain/proxmox-mark.js';
import type { Directory } from '../domain/reading.js';
import type { Ask, LinuxAccount, ProxmoxUser, Sight } from '../domain/sight.js';
import type { LinuxStep, ProxmoxStep } from '../domain/step.js';
import type { Ledger } from '../ledger/ledger.js';
import type { Audit } from '../telemetry/audit.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { GroupStanding } from './group-standing.js';
import type { Problems } from './health.js';
import type { Outages } from './health-outages.js';
import type { IdentityLocks } from './identity-locks.js';
import type { LakefsPort, LakefsRules } from './lakefs-port.js';
import type { StorageWatch } from './storage-watch.js';

/** A system that we write to. */
export interface Target<Value, StepOf> {
  /** One sight for each ask; a target that cannot be seen answers `unknown`, it does not throw. */
  observe(asks: readonly Ask[], signal: AbortSignal): Promise<Map<string, Sight<Value>>>;
  /** Does one step and reads it back. Throws Conflict, Busy, Rejected or Error. */
  apply(step: StepOf, signal: AbortSignal): Promise<void>;
}

export interface LinuxPort extends Target<LinuxAccount, LinuxStep> {
  /**
   * The account agent's whole record, and what it says of those of these names that it does not know as given. Throws
   * Busy or Error where it cannot be asked.
   */
  record(named: readonly Ask[], signal: AbortSignal): Promise<AgentRecord>;
}

export interface Targets {
  linux?: LinuxPort | undefined;
  proxmox?: ProxmoxPort | undefined;
  lakefs?: LakefsPort | undefined;
}

export interface ProxmoxPort extends Target<ProxmoxUser, ProxmoxStep> {
  /** Our marks on the users of the realm. Throws where the users cannot be listed. */
  marks(signal: AbortSignal): Promise<ProxmoxMark[]>;
  /** Managed PVE groups that set-up has not made. */
  missingGroups(signal: AbortSignal): Promise<string[]>;
  /** What is wrong with the realm and what mends it, where it provably does not exist. */
  missingRealm(signal: AbortSignal): Promise<{ saw: string; mend: string } | undefined>;
  /** What a sweep that writes begins with: whatever an earlier one left undone; what fails is told among the problems. */
  tend?(signal: AbortSignal): Promise<void>;
  /** The same target for one sweep: marks and sights rest on one listing, until something is written. */
  listedOnce?(): ProxmoxPort;
}

/** One write lane per target: shadow-utils and Proxmox serialise anyway. Targeted work overtakes a sweep's. */
export interface Lanes {
  linux: PQueue;
  proxmox: PQueue;
  lakefs: PQueue;
}

/** Everything a reconcile works with. */
export interface Context {
  policy: Policy;
  directory: Directory;
  targets: Targets;
  ledger: Ledger;
  lanes: Lanes;
  locks: IdentityLocks;
  clock: Clock;
  audit: Audit;
  metrics: Metrics;
  log: Log;
  /** Nothing is written anywhere: no target, no ledger, no audit. */
  dryRun: boolean;
  /** What hinders a whole target, in words, for status and health; written by the passes that find it. */
  problems: Problems;
  /** Whether the directory is unwell as a whole; undefined where nobody watches that. */
  outages?: Outages | undefined;
  /** What must be stored and cannot be. */
  storage: StorageWatch;
  /** How the ledger and the targets' own records agreed when they were compared last. */
  records: RecordsStanding;
  /** What is nested below the configured groups; undefined where the source has no groups. */
  groups?: GroupStanding | undefined;
  /** What lakeFS is given; undefined where it is no target. */
  lakefs?: LakefsRules | undefined;
  /** The clock that nobody sets. Without it the wall clock is believed. */
  bootClock?: BootClock | undefined;
}

/** What `compareWithTargets` found last; nothing yet right after the start. */
export interface RecordsStanding {
  comparison?: Comparison | undefined;
  /** Deleted identities of whom Proxmox showed an enabled user then: somebody opened what we had closed. */
  reopened?: ReadonlySet<ObjectId> | undefined;
  /** Epoch ms of the last try, also of one at which a target could not be seen. */
  triedAt?: number | undefined;
}

/** The time since the boot of this host, and which boot that is. */
export type BootClock = () => Pick<ClockSight, 'bootId' | 'uptimeMs'>;
