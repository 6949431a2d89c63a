import type { GroupId, ObjectId } from '../domain/identity.js';
import type { LakefsMapping, LakefsMode, LakefsPermission, MemberStrategy, MissingUsers } from '../domain/lakefs.js';
import type { Expiry } from '../telemetry/expiry.js';
import type { CloudName } from './clouds.js';
import type { Credential } from './credential.js';
import type { EventHubSettings } from './rules/event-hub.js';
import type { RealmSettings } from './rules/realm.js';
import type { LakefsGroupSource } from './schema/lakefs.js';
import type { TargetName } from './schema/operations.js';
import type { ChangeSource } from './schema/sources.js';
import type { HostRule } from './types/host-rule.js';
import type { UidRange } from './types/linux.js';
import type { AddressRange, TrustProxy } from './types/network.js';
import type { RoleMapping } from './types/role-map.js';

export type {
  AddressRange,
  ChangeSource,
  CloudName,
  Credential,
  EventHubSettings,
  LakefsGroupSource,
  RealmSettings,
  RoleMapping,
  TargetName,
  TrustProxy,
  UidRange,
};

export interface EntraSettings {
  /** false: the enabled users of the Proxmox realm are the source, without Graph. */
  enforce: boolean;
  failOpen: boolean;
  /** Set wherever Graph is needed and enforced. */
  tenantId: string | undefined;
  clientId: string | undefined;
  /** Set wherever the command asks Graph and Entra decides. */
  credential: Credential | undefined;
  cloud: CloudName;
  /** Without the tenant and without a trailing slash. */
  authority: string;
  /** Without a version and without a trailing slash. */
  graphBaseUrl: string;
  /** Of the cloud, also where the endpoint was moved. */
  graphScope: string;
  timeoutMs: number;
  /** Every configured group, those of the roles included, without repeats. */
  groupIds: readonly GroupId[];
  userIds: readonly ObjectId[];
  /** In lower case; empty: all. */
  allowedUpnDomains: readonly string[];
}

/** A group of the predecessor's shorthands. */
export interface RoleGroup {
  group: GroupId;
  pveRole?: string | undefined;
}

export interface RoleSettings {
  map: readonly RoleMapping[];
  /** Its role is given only where no other role applies. */
  allUsers?: RoleGroup | undefined;
  /** Gives sudo as well. */
  superAdmin?: RoleGroup | undefined;
}

export interface ListenerSettings {
  host: string;
  /** 0: any free one. */
  port: number;
  tls: { certFile: string; keyFile: string } | undefined;
  trustProxy: TrustProxy;
  /** Who may send notifications; empty: everybody. */
  graphAddresses: readonly AddressRange[];
  publicUrl: string | undefined;
  /** What Graph is told to call; undefined without PUBLIC_URL. */
  notificationUrl: string | undefined;
  lifecycleUrl: string | undefined;
}

export interface GuardSettings {
  windowMs: number;
  maxLocks: number;
  /** 0 to 100. */
  maxLocksPercent: number;
  maxDeletes: number;
  /** 0 to 100. */
  maxDeletesPercent: number;
  /** How long a rejection stands. */
  rejectForMs: number;
}

export interface UsernameSettings {
  mode: 'useronly' | 'upn_concat';
  separator: string;
  lowercase: boolean;
  maxLength: number;
}

export interface LinuxSettings {
  usernames: UsernameSettings;
  shell: string;
  extraGroups: readonly string[];
  grantSudo: boolean;
  sudoNopasswd: boolean;
  uidRange: UidRange;
  homeArchiveDir: string;
  accountsSocket: string | undefined;
  /** Program and arguments; wins over the socket. */
  accountsCommand: readonly string[] | undefined;
  accountsLingerMs: number;
  accountsPolicyFile: string;
}

export interface ProxmoxSettings {
  /** Set wherever proxmox is a target of the command. */
  realm: string | undefined;
  /** Without /api2/json and without a trailing slash. */
  apiUrl: string;
  /** As `user@realm!id=secret`; set wherever proxmox is a target of the command. */
  apiToken: string | undefined;
  /** The file that PVE_API_TOKEN_FILE names, read or not. */
  apiTokenFile?: string | undefined;
  caFile: string | undefined;
  provision: 'create' | 'existing';
  /** Stop open consoles of whoever is locked. */
  stopTasks: boolean;
  timeoutMs: number;
}

/** Set where lakefs is a target. */
export interface LakefsSettings {
  /** Without /api/v1 and without a trailing slash; set wherever the command writes to targets, like both keys. */
  endpoint: string | undefined;
  accessKeyId: string | undefined;
  secretAccessKey: string | undefined;
  source: LakefsGroupSource;
  /** A shell pattern for display names. */
  filter: string;
  groupIds: readonly GroupId[];
  /** Entra groups whose lakeFS group is taken over although it does not carry our mark. */
  adoptGroupIds: readonly GroupId[];
  /** The entries of LAKEFS_MAPPING_FILE. */
  mapping: readonly LakefsMapping[];
  mappingFile: string | undefined;
  defaultPolicies: readonly string[];
  defaultAcl: LakefsPermission | undefined;
  mode: LakefsMode;
  memberMatch: readonly MemberStrategy[];
  missingUsers: MissingUsers;
  /** undefined: never. */
  deleteAfterMs: number | undefined;
  timeoutMs: number;
}

export interface PathSettings {
  stateDir: string;
  listenerStateDir: string;
  spoolDir: string;
  logDir: string;
  runDir: string;
  operatorSocket: string;
  listenerSocket: string;
}

export interface TelemetrySettings {
  logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
  /** Also over TCP on a loopback address: the reconciler, or `run`. */
  metrics: { host: string; port: number } | undefined;
  /** The same for a listener that is a process of its own. */
  listenerMetrics: { host: string; port: number } | undefined;
}

export interface IntegritySettings {
  mode: 'enforce' | 'report' | undefined;
  /** Configuration, policy and certificates in use: what only root may be able to change. */
  files: readonly string[];
}

export interface ProxySettings {
  /** `http://user:password@proxy:3128`: holds a secret, so it is for connecting alone. */
  url: string;
  /** Hosts that are reached without it. */
  noProxy: readonly HostRule[];
}

/** The whole configuration, understood and checked. Durations in milliseconds, ids in lower case. */
export interface Settings {
  dryRun: boolean;
  /** plan: on a host where nothing was ever applied, nothing is before an operator approves. */
  firstRun: 'plan' | 'apply';
  targets: readonly TargetName[];
  entra: EntraSettings;
  roles: RoleSettings;
  /** How changes are heard of; empty: by catch-up alone, since nothing is said and there is no PUBLIC_URL. */
  sources: readonly ChangeSource[];
  /** How often Graph is asked for what changed since. */
  catchUp: { intervalMs: number };
  /** Set where `eventhub` is a source and the command listens or looks after it. */
  eventHub: EventHubSettings | undefined;
  listener: ListenerSettings;
  subscriptions: { cron: string; lifetimeMs: number };
  schedule: { sweepCron: string; timeZone: string | undefined };
  lifecycle: { deleteAfterMs: number; confirmBeforeLockMs: number; confirmAfterMs: readonly number[] };
  queue: { maxAttempts: number };
  guard: GuardSettings;
  linux: LinuxSettings;
  proxmox: ProxmoxSettings;
  realm: RealmSettings;
  /** undefined: lakeFS is not a target. */
  lakefs: LakefsSettings | undefined;
  paths: PathSettings;
  telemetry: TelemetrySettings;
  /** What this command uses that ends at a known instant. */
  expiries: readonly Expiry[];
  integrity: IntegritySettings;
  /** Root certificates trusted beside the built-in ones, a PEM file. */
  caFile: string | undefined;
  /** The way out to Microsoft; undefined: straight. */
  proxy: ProxySettings | undefined;
}
