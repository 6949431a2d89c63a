import type { z } from 'zod';
import type { ProxmoxUser } from '../../domain/sight.js';
import type { Log } from '../../telemetry/log.js';
import type { ProxmoxClient } from './client.js';
import { ProxmoxError } from './proxmox-error.js';
import {
  anyList,
  type ListedUser,
  listedGroup,
  listedUser,
  type SingleUser,
  singleGroup,
  singleUser,
} from './schema.js';

export const USERS_ROUTE = '/access/users';
export const USER_ROUTE = '/access/users/{userid}';

/** One listing. `unreadable`: entries whose name is known but whose fields are not what they should be. */
export interface UserListing {
  users: ReadonlyMap<string, ListedUser>;
  unreadable: ReadonlyMap<string, string>;
  /** false: an entry had not even a name, or users are left out, so nothing that is missing here is proved absent. */
  complete: boolean;
}

/**
 * All users that the token may see; without rights that is an empty list, so ask for the rights first. Whoever may see
 * everybody sees the owner of the token too: a listing without it is short, whatever the rights say.
 */
export async function listUsers(client: ProxmoxClient, log: Log, signal: AbortSignal): Promise<UserListing> {
  const entries = await client.get({ route: USERS_ROUTE, query: { full: '1' } }, anyList, signal);
  const users = new Map<string, ListedUser>();
  const unreadable = new Map<string, string>();
  let nameless = false;
  for (const entry of entries) {
    const parsed = listedUser.safeParse(entry);
    if (parsed.success) {
      users.set(parsed.data.userid, parsed.data);
      continue;
    }
    const userid = (entry as { userid?: unknown } | null)?.userid;
    if (typeof userid === 'string' && userid !== '') unreadable.set(userid, oddity(parsed.error));
    else nameless = true;
  }
  const short = !users.has(client.tokenOwner) && !unreadable.has(client.tokenOwner);
  if (unreadable.size > 0 || nameless || short) {
    log('proxmox.listing.unreadable', { users: [...unreadable.keys()].slice(0, 20), nameless, short });
  }
  return { users, unreadable, complete: !nameless && !short };
}

/** The user; undefined where PVE says that there is none. */
export async function readUser(
  client: ProxmoxClient,
  userid: string,
  signal: AbortSignal,
): Promise<SingleUser | undefined> {
  try {
    return await client.get({ route: USER_ROUTE, params: { userid } }, singleUser, signal);
  } catch (error) {
    if (error instanceof ProxmoxError && error.kind === 'no-such-user') return undefined;
    throw error;
  }
}

export interface GroupListing {
  /** Group -> the userids that it names, also of users that do not exist. */
  members: ReadonlyMap<string, readonly string[]>;
  complete: boolean;
}

/** All groups that the token may see, with their members. */
export async function listGroups(client: ProxmoxClient, signal: AbortSignal): Promise<GroupListing> {
  const entries = await client.get({ route: '/access/groups' }, anyList, signal);
  const parsed = entries.map((entry) => listedGroup.safeParse(entry));
  const members = new Map(parsed.flatMap(({ data }) => (data ? [[data.groupid, data.users] as const] : [])));
  // Set-up makes a group before anything else, so that no groups at all are a listing that was cut.
  return { members, complete: parsed.length > 0 && parsed.every(({ success }) => success) };
}

/**
 * Of these groups, those that provably do not exist. A listing leaves out groups on which the token has no rights,
 * so each that it does not show is asked for singly, which takes Sys.Audit on /access/groups alone.
 */
export async function absentGroups(
  client: ProxmoxClient,
  groups: readonly string[],
  signal: AbortSignal,
): Promise<string[]> {
  const absent: string[] = [];
  for (const groupid of groups) {
    try {
      await client.get({ route: '/access/groups/{groupid}', params: { groupid } }, singleGroup, signal);
    } catch (error) {
      if (!(error instanceof ProxmoxError) || error.kind !== 'no-such-group') throw error;
      absent.push(groupid);
    }
  }
  return absent;
}

/** PVE's names as ours. */
export function toProxmoxUser(userid: string, user: SingleUser): ProxmoxUser {
  return {
    userid,
    enabled: user.enable,
    comment: user.comment,
    firstName: user.firstname,
    lastName: user.lastname,
    email: user.email,
    groups: user.groups,
  };
}

function oddity(error: z.ZodError): string {
  const issue = error.issues[0];
  return issue ? `${issue.path.join('.')}: ${issue.message}` : 'unexpected shape';
}
