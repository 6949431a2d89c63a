import { Busy, Conflict } from '../../domain/errors.js';
import type { ObjectId } from '../../domain/identity.js';
import { isRetired } from '../../domain/proxmox-comment.js';
import { isStorableEmail } from '../../domain/proxmox-name.js';
import type { ProxmoxFields, ProxmoxStep } from '../../domain/step.js';
import type { Log } from '../../telemetry/log.js';
import type { ProxmoxBody, ProxmoxClient } from './client.js';
import type { Consoles } from './consoles.js';
import { asPassing, type WriteNote } from './hindrance.js';
import { undoInheritance } from './inheritance.js';
import { ProxmoxError } from './proxmox-error.js';
import { isStranger, reachCommand } from './reach.js';
import { isRefusal } from './refusal.js';
import type { Rights } from './rights.js';
import type { SingleUser } from './schema.js';
import { readUser, USER_ROUTE, USERS_ROUTE } from './users.js';

export interface ApplyOptions {
  client: ProxmoxClient;
  rights: Rights;
  managedGroups: readonly string[];
  ownerIn: (comment: string) => ObjectId | undefined;
  /** Stops the open consoles of whoever is locked; undefined: they may go on (PVE_STOP_TASKS). */
  consoles?: Consoles | undefined;
  /** Told of every write, so that what hinders all of them is seen. */
  writeNote: WriteNote;
  log: Log;
}

type Create = Extract<ProxmoxStep, { action: 'create' }>;
type Update = Extract<ProxmoxStep, { action: 'update' }>;
type Executors = { [A in ProxmoxStep['action']]: (step: Extract<ProxmoxStep, { action: A }>) => Promise<void> };

/**
 * Carries out one step by exactly one write, and reads the user back: status 200 is not yet the state that was asked
 * for. Throws ProxmoxError, Busy, Conflict (the name was taken in between) or SourceUnavailable.
 */
export async function apply(options: ApplyOptions, step: ProxmoxStep, signal: AbortSignal): Promise<void> {
  const executors: Executors = {
    create: (create) => createUser(options, create, signal),
    update: (update) => updateUser(options, update, signal),
  };
  try {
    await (step.action === 'create' ? executors.create(step) : executors.update(step));
    options.writeNote.done({ tookRoom: step.action === 'create' || step.change.comment !== undefined });
  } catch (error) {
    if (isRefusal(error)) options.rights.forget();
    options.writeNote.failed(error);
    throw asPassing(error);
  }
}

async function createUser(options: ApplyOptions, step: Create, signal: AbortSignal): Promise<void> {
  const { client, ownerIn, log } = options;
  requireReach(options, step.name, step.fields.groups);
  const body = {
    userid: step.name,
    ...bodyOf(step.fields, log, step.name, 'left out'),
    groups: step.fields.groups.join(','),
  };
  let made = false;
  try {
    await client.write({ method: 'POST', route: USERS_ROUTE, body }, signal);
    made = true;
  } catch (error) {
    // An earlier attempt of ours may have been carried out though its answer was lost.
    if (!(error instanceof ProxmoxError) || error.kind !== 'exists') throw error;
    const there = await readUser(client, step.name, signal);
    if (!there || ownerIn(there.comment) !== step.oid) {
      throw new Conflict(
        `the Proxmox VE user ${step.name} came into being while it was to be created, and is not managed`,
        `if it is this person's, adopt it with "entramox adopt"; else rename or delete it`,
      );
    }
  }
  const expected = { enabled: step.fields.enabled, groups: step.fields.groups, exact: true };
  try {
    await verify(options, step.name, expected, signal);
  } catch (error) {
    if (made) await undoInheritance(options, { ...step, groups: step.fields.groups }, signal);
    throw error;
  }
  log('proxmox.user.created', { user: step.name, oid: step.oid, groups: step.fields.groups });
}

async function updateUser(options: ApplyOptions, step: Update, signal: AbortSignal): Promise<void> {
  const { client, managedGroups, ownerIn, log } = options;
  requireReach(options, step.name, step.groups);
  const body = {
    ...bodyOf(step.change, log, step.name, 'cleared'),
    groups: step.groups.join(','),
    ...(step.append ? { append: 1 } : {}),
  };
  try {
    const urgent = step.change.enabled === false;
    await client.write({ method: 'PUT', route: USER_ROUTE, params: { userid: step.name }, body, urgent }, signal);
  } catch (error) {
    if (mayStillDisable(options, step, error)) return disableAlone(options, step, error, signal);
    const outOfReach = !step.before.groups.some((group) => managedGroups.includes(group));
    if (!(error instanceof ProxmoxError) || error.kind !== 'permission' || !outOfReach) throw error;
    const what = `${step.name} is in none of the managed groups, so the API token may not write it`;
    const remedy = `put it there once, on a node: ${reachCommand(step.name, managedGroups)}`;
    // Nothing was ever ours there, and only a person can change that.
    if (isStranger(step.before, managedGroups, ownerIn)) throw new Conflict(what, remedy);
    throw new ProxmoxError(`${what}; ${remedy} (${error.message})`, error.status, error.text, error.kind);
  }
  const enabled = step.change.enabled ?? step.before.enabled;
  await verify(options, step.name, { enabled, groups: step.groups, exact: !step.append }, signal);
  await stopConsoles(options, step, signal);
  log('proxmox.user.updated', {
    user: step.name,
    oid: step.oid,
    fields: Object.keys(step.change),
    effect: step.effect,
  });
}

/**
 * A full user.cfg takes no longer comment, and a group that is gone or closed to us takes nobody: none of it may keep a
 * leaver in.
 */
function mayStillDisable({ managedGroups }: ApplyOptions, step: Update, error: unknown): error is ProxmoxError {
  const inReach = step.before.groups.some((group) => managedGroups.includes(group));
  if (step.change.enabled !== false || !inReach || !(error instanceof ProxmoxError)) return false;
  return error.kind === 'full' || error.kind === 'no-such-group' || error.kind === 'permission';
}

/** Shuts the user out by a write that takes no room and names only groups that it is in; what is left to do is thrown. */
async function disableAlone(
  options: ApplyOptions,
  step: Update,
  cause: ProxmoxError,
  signal: AbortSignal,
): Promise<never> {
  const { client, managedGroups, log } = options;
  const groups = step.before.groups.filter((group) => managedGroups.includes(group));
  const body = { enable: 0, groups: groups.join(','), append: 1 };
  await client.write({ method: 'PUT', route: USER_ROUTE, params: { userid: step.name }, body, urgent: true }, signal);
  await verify(options, step.name, { enabled: false, groups, exact: false }, signal);
  await stopConsoles(options, step, signal);
  log('proxmox.user.updated', { user: step.name, oid: step.oid, fields: ['enabled'], effect: step.effect });
  throw new ProxmoxError(
    `${step.name} is disabled, its comment and groups are not as they should be yet (${cause.message})`,
    cause.status,
    cause.text,
    cause.kind,
  );
}

/** Whoever has a new user principal name keeps what runs under the former one. */
async function stopConsoles(
  { consoles }: ApplyOptions,
  { name, change, before }: Update,
  signal: AbortSignal,
): Promise<void> {
  if (change.enabled !== false || isRetired(change.comment ?? before.comment)) return;
  await consoles?.stopOf(name, signal);
}

/** A user outside every managed group is out of our token's reach: it could not be locked any more. */
function requireReach({ managedGroups }: ApplyOptions, name: string, groups: readonly string[]): void {
  if (groups.some((group) => managedGroups.includes(group))) return;
  throw new Conflict(
    `${name} would be in none of the managed groups but in [${groups.join(', ')}], out of reach of the API token; nothing was written`,
    `make the managed groups (${managedGroups.join(', ')}) with pveum group add, and grant the token User.Modify on each`,
  );
}

/** PVE's names of the fields. Absent fields are kept by PVE, empty strings clear. */
function bodyOf(
  { enabled, comment, firstName, lastName, email }: Partial<ProxmoxFields>,
  log: Log,
  user: string,
  otherwise: 'left out' | 'cleared',
): ProxmoxBody {
  const creating = otherwise === 'left out';
  const texts = { comment, firstname: firstName, lastname: lastName, email };
  const body: Record<string, string | number> = {};
  if (enabled !== undefined) body.enable = enabled ? 1 : 0;
  for (const [field, value] of Object.entries(texts)) {
    if (value === undefined || (creating && value === '')) continue;
    if (field === 'email' && value !== '' && !isStorableEmail(value)) {
      log('proxmox.email.omitted', { user, email: value, otherwise });
      if (!creating) body.email = '';
      continue;
    }
    body[field] = value;
  }
  return body;
}

interface Expected {
  enabled: boolean;
  groups: readonly string[];
  /** false: the user may be in more groups. */
  exact: boolean;
}

async function verify(
  { client, log }: Pick<ApplyOptions, 'client' | 'log'>,
  userid: string,
  expected: Expected,
  signal: AbortSignal,
): Promise<void> {
  const user = await readUser(client, userid, signal);
  const differences = user ? differencesOf(user, expected) : ['it does not exist'];
  if (differences.length === 0) return;
  log('proxmox.user.differs', { user: userid, differences });
  throw new Busy(
    `Proxmox VE accepted the write of ${userid}, yet shows it otherwise: ${differences.join('; ')}. ` +
      'Does somebody else write this user (a realm with groups-overwrite, another tool)?',
  );
}

function differencesOf(user: SingleUser, { enabled, groups, exact }: Expected): string[] {
  const lacking = groups.filter((group) => !user.groups.includes(group));
  const beyond = exact ? user.groups.filter((group) => !groups.includes(group)) : [];
  return [
    ...(user.enable === enabled ? [] : [`enable is ${user.enable ? 1 : 0}, not ${enabled ? 1 : 0}`]),
    ...(lacking.length > 0 ? [`not in ${lacking.join(', ')}`] : []),
    ...(beyond.length > 0 ? [`still in ${beyond.join(', ')}`] : []),
  ];
}
