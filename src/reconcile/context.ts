import type PQueue from 'p-queue';
import type { Clock } from '../domain/clock.js';
import type { Policy } from '../domain/policy.js';
import type { Directory } from '../domain/reading.js';
import type { Ask, LinuxAccount, ProxmoxUser, Sight } from '../domain/sight.js';
import type { LinuxStep, ProxmoxStep } from '../domain/step.js';
import type { Ledger } from '../ledger/ledger.js';
import type { Audit } from '../telemetry/audit.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { IdentityLocks } from './identity-locks.js';

/** A system that we write to. */
export interface Target<Value, StepOf> {
  /** One sight for each ask; a target that cannot be seen answers `unknown`, it does not throw. */
  observe(asks: readonly Ask[], signal: AbortSignal): Promise<Map<string, Sight<Value>>>;
  /** Does one step and reads it back. Throws Conflict, Busy, Rejected or Error. */
  apply(step: StepOf, signal: AbortSignal): Promise<void>;
}

export interface Targets {
  linux?: Target<LinuxAccount, LinuxStep> | undefined;
  proxmox?: ProxmoxPort | undefined;
}

export interface ProxmoxPort extends Target<ProxmoxUser, ProxmoxStep> {
  /** Managed PVE groups that set-up has not made. */
  missingGroups(signal: AbortSignal): Promise<string[]>;
  /** What is wrong with the realm and what mends it, where it provably does not exist. */
  missingRealm(signal: AbortSignal): Promise<{ saw: string; mend: string } | undefined>;
}

/** One write lane per target: shadow-utils and Proxmox serialise anyway. Targeted work overtakes a sweep's. */
export interface Lanes {
  linux: PQueue;
  proxmox: PQueue;
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
  problems: Map<string, string>;
}
