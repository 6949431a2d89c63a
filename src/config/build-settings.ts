import type { LakefsMapping } from '../domain/lakefs.js';
import type { Expiry } from '../telemetry/expiry.js';
import { clouds } from './clouds.js';
import type { Credential } from './credential.js';
import { eventHubOf } from './rules/event-hub.js';
import { lakefsSourceOf } from './rules/lakefs.js';
import { realmSettingsOf } from './rules/realm.js';
import type { SettingName, Values } from './schema/index.js';
import type {
  EntraSettings,
  LakefsSettings,
  LinuxSettings,
  ListenerSettings,
  ProxmoxSettings,
  RoleGroup,
  RoleSettings,
  Settings,
  TargetName,
} from './settings.js';

/** Groups the checked values by subject, with what follows from them. */
export function buildSettings(
  values: Values,
  targets: readonly TargetName[],
  credential: Credential | undefined,
  expiries: readonly Expiry[],
  configFile: string | undefined,
  besides: BesidesValues,
): Settings {
  const roles = roleSettings(values);
  return {
    dryRun: values.DRY_RUN,
    firstRun: firstRunOf(values, targets, besides.isGiven),
    targets,
    entra: entraSettings(values, roles, credential),
    roles,
    ...changeSettings(values),
    eventHub: eventHubOf(values),
    listener: listenerSettings(values),
    subscriptions: { cron: values.SUBSCRIPTION_CRON, lifetimeMs: values.SUBSCRIPTION_LIFETIME },
    schedule: { sweepCron: values.SWEEP_CRON, timeZone: values.TZ },
    lifecycle: {
      deleteAfterMs: values.DELETE_AFTER,
      confirmBeforeLockMs: values.CONFIRM_BEFORE_LOCK,
      confirmAfterMs: values.CONFIRM_AFTER,
    },
    queue: { maxAttempts: values.QUEUE_MAX_ATTEMPTS },
    guard: {
      windowMs: values.GUARD_WINDOW,
      maxLocks: values.GUARD_MAX_LOCKS,
      maxLocksPercent: values.GUARD_MAX_LOCKS_PERCENT,
      maxDeletes: values.GUARD_MAX_DELETES,
      maxDeletesPercent: values.GUARD_MAX_DELETES_PERCENT,
      rejectForMs: values.GUARD_REJECT_FOR,
    },
    linux: linuxSettings(values),
    proxmox: proxmoxSettings(values, besides),
    realm: realmSettingsOf(values),
    lakefs: targets.includes('lakefs') ? lakefsOf(values, besides) : undefined,
    paths: {
      stateDir: values.STATE_DIR,
      listenerStateDir: values.LISTENER_STATE_DIR,
      spoolDir: values.SPOOL_DIR,
      logDir: values.LOG_DIR,
      runDir: values.RUN_DIR,
      operatorSocket: values.OPERATOR_SOCKET,
      listenerSocket: values.LISTENER_SOCKET,
    },
    telemetry: {
      logLevel: values.LOG_LEVEL,
      metrics: addressOf(values.METRICS_HOST, values.METRICS_PORT),
      listenerMetrics: addressOf(values.METRICS_HOST, values.LISTENER_METRICS_PORT),
    },
    caFile: values.CA_FILE,
    proxy: values.HTTPS_PROXY === undefined ? undefined : { url: values.HTTPS_PROXY, noProxy: values.NO_PROXY },
    expiries,
    integrity: { mode: values.INTEGRITY, files: trustedFiles(values, targets, configFile) },
  };
}

/** What is acted upon without being a secret: somebody who could change it could change who gets in. */
function trustedFiles(values: Values, targets: readonly TargetName[], configFile: string | undefined): string[] {
  return [
    configFile,
    targets.includes('linux') ? values.ACCOUNTS_POLICY_FILE : undefined,
    values.CA_FILE,
    values.PVE_CA_FILE,
    targets.includes('lakefs') ? values.LAKEFS_MAPPING_FILE : undefined,
    values.ENTRA_CERT_FILE,
    values.LISTEN_TLS_CERT_FILE,
    '/etc/entramox/credentials',
  ].filter((path) => path !== undefined);
}

function addressOf(host: string, port: number | undefined): { host: string; port: number } | undefined {
  return port === undefined ? undefined : { host, port };
}

function entraSettings(values: Values, roles: RoleSettings, credential: Credential | undefined): EntraSettings {
  const cloud = clouds[values.ENTRA_CLOUD];
  const roleGroups = [...roles.map, roles.allUsers, roles.superAdmin].flatMap((entry) => (entry ? [entry.group] : []));
  return {
    enforce: values.GRAPH_ENFORCE,
    failOpen: values.GRAPH_FAIL_OPEN,
    tenantId: values.ENTRA_TENANT_ID,
    clientId: values.ENTRA_CLIENT_ID,
    credential,
    cloud: values.ENTRA_CLOUD,
    authority: values.ENTRA_AUTHORITY ?? cloud.authority,
    graphBaseUrl: values.GRAPH_BASE_URL ?? cloud.graphBaseUrl,
    graphScope: cloud.scope,
    timeoutMs: values.GRAPH_TIMEOUT,
    groupIds: [...new Set([...values.ENTRA_GROUP_IDS, ...roleGroups])],
    userIds: values.ENTRA_USER_IDS,
    allowedUpnDomains: values.ALLOWED_UPN_DOMAINS,
  };
}

function roleSettings(values: Values): RoleSettings {
  return {
    map: values.ENTRA_ROLE_MAP,
    allUsers: roleGroup(values.ENTRA_ALLUSERS_GROUP_ID, values.ENTRA_ALLUSERS_PVE_ROLE),
    superAdmin: roleGroup(values.ENTRA_SUPERADMIN_GROUP_ID, values.ENTRA_SUPERADMIN_PVE_ROLE),
  };
}

function roleGroup(group: string | undefined, pveRole: string | undefined): RoleGroup | undefined {
  return group === undefined ? undefined : { group, pveRole };
}

/** Old configurations name no source: those with an address for Graph are told by webhook, the others by nobody. */
function changeSettings(values: Values): Pick<Settings, 'sources' | 'catchUp'> {
  const sources = values.CHANGE_SOURCE ?? (values.PUBLIC_URL === undefined ? [] : (['webhook'] as const));
  const { CATCHUP_INTERVAL: catchUpMs, POLL_INTERVAL: pollMs } = values;
  const intervalMs = sources.includes('poll') ? Math.min(catchUpMs, pollMs) : catchUpMs;
  return { sources, catchUp: { intervalMs } };
}

function listenerSettings(values: Values): ListenerSettings {
  const publicUrl = values.PUBLIC_URL;
  const { LISTEN_TLS_CERT_FILE: certFile, LISTEN_TLS_KEY_FILE: keyFile } = values;
  return {
    host: values.LISTEN_HOST,
    port: values.LISTEN_PORT,
    tls: certFile !== undefined && keyFile !== undefined ? { certFile, keyFile } : undefined,
    trustProxy: values.TRUST_PROXY,
    graphAddresses: values.GRAPH_ADDRESSES,
    publicUrl,
    notificationUrl: publicUrl === undefined ? undefined : `${publicUrl}/graph/notifications`,
    lifecycleUrl: publicUrl === undefined ? undefined : `${publicUrl}/graph/lifecycle`,
  };
}

function linuxSettings(values: Values): LinuxSettings {
  return {
    usernames: {
      mode: values.USERNAME_MODE,
      separator: values.USERNAME_SEPARATOR,
      lowercase: values.USERNAME_LOWERCASE,
      maxLength: values.USERNAME_MAXLEN,
    },
    shell: values.DEFAULT_SHELL,
    extraGroups: values.EXTRA_GROUPS,
    grantSudo: values.GRANT_SUDO,
    sudoNopasswd: values.SUDO_NOPASSWD,
    uidRange: values.UID_RANGE,
    homeArchiveDir: values.HOME_ARCHIVE_DIR,
    accountsSocket: values.ACCOUNTS_SOCKET,
    accountsCommand: values.ACCOUNTS_COMMAND,
    accountsLingerMs: values.ACCOUNTS_LINGER,
    accountsPolicyFile: values.ACCOUNTS_POLICY_FILE,
  };
}

/** Where lakeFS is all that is written to, a first run takes nothing from anybody: only what we made is ours there. */
function firstRunOf(
  { FIRST_RUN }: Values,
  targets: readonly TargetName[],
  isGiven: BesidesValues['isGiven'],
): Settings['firstRun'] {
  const isAlone = targets.every((target) => target === 'lakefs');
  return isAlone && targets.length > 0 && !isGiven('FIRST_RUN') ? 'apply' : FIRST_RUN;
}

/** What does not stand in the values themselves. */
interface BesidesValues {
  /** What the mapping file of lakeFS says. */
  mapping: readonly LakefsMapping[];
  isGiven(name: SettingName): boolean;
  /** The file that `NAME_FILE` names, read or not. */
  fileOf(name: SettingName): string | undefined;
}

function lakefsOf(values: Values, { mapping, isGiven }: BesidesValues): LakefsSettings {
  return {
    endpoint: values.LAKEFS_ENDPOINT,
    accessKeyId: values.LAKEFS_ACCESS_KEY_ID,
    secretAccessKey: values.LAKEFS_SECRET_ACCESS_KEY,
    source: lakefsSourceOf(values, isGiven),
    filter: values.GROUP_FILTER,
    groupIds: values.LAKEFS_GROUP_IDS,
    adoptGroupIds: values.LAKEFS_ADOPT_GROUP_IDS,
    mapping,
    mappingFile: values.LAKEFS_MAPPING_FILE,
    defaultPolicies: [...values.LAKEFS_DEFAULT_POLICIES].sort(),
    defaultAcl: values.LAKEFS_DEFAULT_ACL,
    mode: values.LAKEFS_MODE,
    memberMatch: values.LAKEFS_MEMBER_MATCH,
    missingUsers: values.LAKEFS_MISSING_USERS,
    deleteAfterMs:
      values.LAKEFS_DELETE_AFTER === 'never' ? undefined : (values.LAKEFS_DELETE_AFTER ?? values.DELETE_AFTER),
    timeoutMs: values.LAKEFS_TIMEOUT,
  };
}

function proxmoxSettings(values: Values, { fileOf }: BesidesValues): ProxmoxSettings {
  return {
    realm: values.REALM,
    apiUrl: values.PVE_API_URL,
    apiToken: values.PVE_API_TOKEN,
    apiTokenFile: fileOf('PVE_API_TOKEN'),
    caFile: values.PVE_CA_FILE,
    provision: values.PVE_PROVISION,
    stopTasks: values.PVE_STOP_TASKS,
    timeoutMs: values.PVE_TIMEOUT,
  };
}
