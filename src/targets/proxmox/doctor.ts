import { messageOf } from '../../domain/errors.js';
import type { Log } from '../../telemetry/log.js';
import type { ProxmoxClient } from './client.js';
import { CONSOLE_NEEDS } from './consoles.js';
import { missingRealm } from './realm.js';
import { createNeed, describeNeed, type Need, READ_ALL, type Rights, writeNeeds } from './rights.js';
import { version } from './schema.js';
import { shellQuote } from './text.js';
import { estimateUserConfigBytes, USER_CONFIG_LIMIT_BYTES } from './user-config-size.js';
import { absentGroups, listGroups, listUsers } from './users.js';

/** One finding: what was seen, and what mends it where it is not well. */
export interface Finding {
  ok: boolean;
  saw: string;
  mend?: string;
}

export interface DoctorOptions {
  client: ProxmoxClient;
  rights: Rights;
  realm: string;
  managedGroups: readonly string[];
  /** Whether users are created, which needs one privilege more. */
  creates: boolean;
  /** Whether open consoles are stopped, which needs two more. */
  stopsConsoles: boolean;
  log: Log;
}

const FULL_AT = 0.8;

/** Looks at everything the target needs, writes nothing. Stops after the first finding where nothing else can be read. */
export async function check(options: DoctorOptions, signal: AbortSignal): Promise<Finding[]> {
  const { client } = options;
  try {
    const seen = await client.get({ route: '/version' }, version, signal);
    const first: Finding = {
      ok: true,
      saw: `Proxmox VE ${seen.version} at ${client.host}, API token ${client.tokenId} is valid`,
    };
    const rest = [];
    for (const look of [checkRights, checkGroups, checkRealm, checkSize]) {
      rest.push(await look(options, signal).catch((error: unknown) => failed(error, signal)));
    }
    return [first, ...rest];
  } catch (error) {
    return [failed(error, signal)];
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

async function checkRights(
  { client, rights, realm, managedGroups, creates, stopsConsoles }: DoctorOptions,
  signal: AbortSignal,
): Promise<Finding> {
  const needs = [
    READ_ALL,
    ...writeNeeds(managedGroups),
    ...(creates ? [createNeed(realm)] : []),
    ...(stopsConsoles ? CONSOLE_NEEDS : []),
  ];
  rights.forget();
  const missing = await rights.missing(needs, signal);
  if (missing.length === 0)
    return { ok: true, saw: `the API token holds all ${needs.length} privileges that it needs` };
  return {
    ok: false,
    saw: `the API token lacks ${missing.map(describeNeed).join(', ')}`,
    mend: grantCommands(missing, client).join('; '),
  };
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
    return { ok: false, saw: 'the managed groups cannot be seen', mend: `grant ${describeNeed(READ_ALL)} first` };
  }
  const missing = await missingGroups(options, signal);
  if (missing.length === 0) return { ok: true, saw: `all ${options.managedGroups.length} managed groups exist` };
  return {
    ok: false,
    saw: `the managed groups ${missing.join(', ')} do not exist`,
    mend: missing
      .map(
        (group) =>
          `pveum group add ${shellQuote(group)}; pveum acl modify PATH --groups ${shellQuote(group)} --roles ROLE`,
      )
      .join('; '),
  };
}

async function checkRealm(options: DoctorOptions, signal: AbortSignal): Promise<Finding> {
  const missing = await missingRealm(options, signal);
  return missing ? { ok: false, ...missing } : { ok: true, saw: `the realm ${options.realm} exists` };
}

async function checkSize({ client, log }: DoctorOptions, signal: AbortSignal): Promise<Finding> {
  const [{ users }, groups] = [await listUsers(client, log, signal), await listGroups(client, signal)];
  const bytes = estimateUserConfigBytes(users.values(), groups.members);
  const share = bytes / USER_CONFIG_LIMIT_BYTES;
  const saw = `${users.size} users fill about ${Math.round(share * 100)} % of the 1 MiB that user.cfg may have (ACLs and tokens not counted)`;
  if (share < FULL_AT) return { ok: true, saw };
  return { ok: false, saw, mend: 'delete users, tokens and ACLs that nobody needs: a full user.cfg takes no new user' };
}

function failed(error: unknown, signal: AbortSignal): Finding {
  signal.throwIfAborted();
  return { ok: false, saw: 'Proxmox VE could not be asked', mend: messageOf(error) };
}
