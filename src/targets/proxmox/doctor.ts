import { messageOf, SourceUnavailable } from '../../domain/errors.js';
import type { Log } from '../../telemetry/log.js';
import type { ProxmoxClient } from './client.js';
import { checkBeyond } from './doctor-beyond.js';
import { type Finding, findingOf } from './doctor-finding.js';
import { checkRealmOptions } from './doctor-realm.js';
import { needsOf } from './needs.js';
import { readOwnTokenEnd } from './own-token-end.js';
import { missingRealm } from './realm.js';
import { describeNeed, type Need, READ_ALL, type Rights } from './rights.js';
import { version } from './schema.js';
import { shellQuote } from './text.js';
import { estimateUserConfigBytes, USER_CONFIG_LIMIT_BYTES } from './user-config-size.js';
import { absentGroups, listGroups, listUsers } from './users.js';

export type { Finding };

export interface DoctorOptions {
  client: ProxmoxClient;
  rights: Rights;
  realm: string;
  managedGroups: readonly string[];
  /** Whether users are created, which needs one privilege more. */
  creates: boolean;
  /** Whether users without a mark count as ours. */
  adoptExisting: boolean;
  /** Whether open consoles are stopped, which needs two more. */
  stopsConsoles: boolean;
  /** The node's own file of realms, where this host has it and lets us read it. */
  readRealms?: (() => Promise<string | undefined>) | undefined;
  now: () => number;
  log: Log;
}

const FULL_AT = 0.8;
/** Group claims of realms, and the options that this looks at (libpve-access-control 8.2.1). */
const KNOWN_MAJOR = 8;
const DAY_MS = 24 * 3_600_000;

type Part = (options: DoctorOptions, signal: AbortSignal) => Promise<Finding>;

/** What is looked at once a token is known to be valid, side by side. */
const PARTS: Readonly<Record<Exclude<Finding['about'], 'token' | 'version'>, Part>> = {
  'token-expiry': checkTokenExpiry,
  privileges: checkRights,
  beyond: (options, signal) => checkBeyond({ ...options, needs: needsOf(options) }, signal),
  groups: checkGroups,
  realm: checkRealm,
  'realm-options': checkRealmOptions,
  'user-cfg': checkSize,
};

/**
 * Looks at everything that the target needs, writes nothing. One finding alone, about the token, where nothing can be
 * asked with it; else one about each part, in order.
 */
export async function check(options: DoctorOptions, signal: AbortSignal): Promise<Finding[]> {
  const { client } = options;
  try {
    const seen = await client.get({ route: '/version' }, version, signal);
    options.rights.forget();
    const rest = await Promise.all(
      Object.entries(PARTS).map(([about, look]) =>
        look(options, signal).catch((error: unknown) => failed(about as Finding['about'], error, signal)),
      ),
    );
    return [
      findingOf('token', 'fine', `the API token ${client.tokenId} is valid at ${client.host}`),
      checkVersion(seen.version),
      ...rest,
    ];
  } catch (error) {
    return [failed('token', error, signal)];
  }
}

/**
 * Managed groups that provably do not exist. Throws SourceUnavailable or ProxmoxError where that cannot be told.
 */
export async function missingGroups(
  { client, managedGroups }: Pick<DoctorOptions, 'client' | 'managedGroups'>,
  signal: AbortSignal,
): Promise<string[]> {
  const { members } = await listGroups(client, signal);
  const unseen = managedGroups.filter((group) => !members.has(group));
  return absentGroups(client, unseen, signal);
}

function checkVersion(text: string): Finding {
  const saw = `Proxmox VE ${text}`;
  if (Number.parseInt(text, 10) >= KNOWN_MAJOR) return findingOf('version', 'fine', saw);
  return findingOf(
    'version',
    'wrong',
    `${saw} is older than what Entramox is made for`,
    `upgrade to Proxmox VE ${KNOWN_MAJOR} or newer: pve7to8 --full`,
  );
}

async function checkTokenExpiry({ client, now }: DoctorOptions, signal: AbortSignal): Promise<Finding> {
  const end = await readOwnTokenEnd(client, signal);
  if (!end.shown)
    return findingOf(
      'token-expiry',
      'remark',
      'Proxmox VE does not show when the token ends',
      'set PVE_API_TOKEN_EXPIRES where it does end',
    );
  const { endsAt } = end;
  if (endsAt === undefined) return findingOf('token-expiry', 'fine', 'the token does not end');
  const days = Math.floor((endsAt - now()) / DAY_MS);
  const saw = `the token ends in ${days} d (${new Date(endsAt).toISOString()})`;
  const [user, id] = client.tokenId.split('!');
  const mend = `pveum user token modify ${shellQuote(user ?? '')} ${shellQuote(id ?? '')} --expire ${Math.floor((now() + 365 * DAY_MS) / 1_000)}`;
  if (days < 7) return findingOf('token-expiry', 'wrong', saw, mend);
  return days < 30 ? findingOf('token-expiry', 'remark', saw, mend) : findingOf('token-expiry', 'fine', saw);
}

async function checkRights(options: DoctorOptions, signal: AbortSignal): Promise<Finding> {
  const needs = needsOf(options);
  const missing = await options.rights.missing(needs, signal);
  if (missing.length === 0) {
    return findingOf('privileges', 'fine', `the API token holds all ${needs.length} privileges that it needs`);
  }
  return findingOf(
    'privileges',
    'wrong',
    `the API token lacks ${missing.map(describeNeed).join(', ')}`,
    `entramox token self --yes; or, one by one: ${grantCommands(missing, options.client).join('; ')}`,
  );
}

/** A role per privilege, granted to the token and, for a token with privsep, to its user as well. */
function grantCommands(missing: readonly Need[], client: ProxmoxClient): string[] {
  const roles = [...new Set(missing.map(roleOf))];
  return [
    ...roles.map((role) => `pveum role add Entramox-${role} --privs ${role}`),
    ...missing.flatMap((need) =>
      [`--users ${shellQuote(client.tokenOwner)}`, `--tokens ${shellQuote(client.tokenId)}`].map(
        (whom) => `pveum acl modify ${shellQuote(need.path)} ${whom} --roles Entramox-${roleOf(need)}`,
      ),
    ),
  ];
}

function roleOf({ anyOf }: Need): string {
  return anyOf[0] ?? '';
}

async function checkGroups(options: DoctorOptions, signal: AbortSignal): Promise<Finding> {
  if ((await options.rights.missing([READ_ALL], signal)).length > 0) {
    return findingOf('groups', 'skipped', 'the managed groups cannot be seen', `grant ${describeNeed(READ_ALL)} first`);
  }
  const missing = await missingGroups(options, signal);
  if (missing.length === 0)
    return findingOf('groups', 'fine', `all ${options.managedGroups.length} managed groups exist`);
  return findingOf(
    'groups',
    'wrong',
    `the managed groups ${missing.join(', ')} do not exist`,
    `entramox token self --yes; or, one by one: ${missing
      .map(
        (group) =>
          `pveum group add ${shellQuote(group)}; pveum acl modify PATH --groups ${shellQuote(group)} --roles ROLE`,
      )
      .join('; ')}`,
  );
}

async function checkRealm(options: DoctorOptions, signal: AbortSignal): Promise<Finding> {
  const missing = await missingRealm(options, signal);
  if (!missing) return findingOf('realm', 'fine', `the realm ${options.realm} exists`);
  return findingOf('realm', 'wrong', missing.saw, missing.mend);
}

async function checkSize({ client, log }: DoctorOptions, signal: AbortSignal): Promise<Finding> {
  const [{ users }, groups] = [await listUsers(client, log, signal), await listGroups(client, signal)];
  const bytes = estimateUserConfigBytes(users.values(), groups.members);
  const share = bytes / USER_CONFIG_LIMIT_BYTES;
  const saw = `${users.size} users fill about ${Math.round(share * 100)} % of the 1 MiB that user.cfg may have (ACLs and tokens not counted)`;
  if (share < FULL_AT) return findingOf('user-cfg', 'fine', saw);
  const mend = 'delete users, tokens and ACLs that nobody needs: a full user.cfg takes no new user';
  return findingOf('user-cfg', 'wrong', saw, mend);
}

function failed(about: Finding['about'], error: unknown, signal: AbortSignal): Finding {
  signal.throwIfAborted();
  const state = error instanceof SourceUnavailable ? 'unreachable' : 'wrong';
  return findingOf(about, state, 'Proxmox VE could not be asked', messageOf(error));
}
