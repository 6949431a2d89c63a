import { z } from 'zod';
import type { ProxmoxClient } from '../../client.js';
import { listedGroup, text } from '../../schema.js';

/** A PVE group as far as set-up goes. */
export interface SeenGroup {
  comment: string;
  /** Also names of users that do not exist. */
  members: readonly string[];
}

const groups = z.array(listedGroup.extend({ comment: text }));

/** All groups, by name. PVE leaves out what the caller may not see, so its rights must have been looked at before. */
export async function seeGroups(client: ProxmoxClient, signal: AbortSignal): Promise<ReadonlyMap<string, SeenGroup>> {
  const listed = await client.get({ route: '/access/groups' }, groups, signal);
  return new Map(listed.map(({ groupid, comment, users }) => [groupid, { comment, members: users }]));
}
