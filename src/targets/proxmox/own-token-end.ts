import { z } from 'zod';
import type { ProxmoxClient } from './client.js';

/** What Proxmox VE tells of when the token of this client ends: `endsAt` in epoch ms, undefined where it never does. */
export type OwnTokenEnd = { shown: true; endsAt: number | undefined } | { shown: false };

const listedTokens = z.array(
  z.object({
    userid: z.string(),
    tokens: z.array(z.object({ tokenid: z.string(), expire: z.coerce.number().nullish() })).nullish(),
  }),
);

/**
 * Asks the listing of users, which shows the token to whoever may see its owner (Sys.Audit or User.Modify on
 * /access/groups, as the service's own token has it); GET of the token itself would need User.Modify over its owner.
 */
export async function readOwnTokenEnd(client: ProxmoxClient, signal: AbortSignal): Promise<OwnTokenEnd> {
  const listed = await client.get({ route: '/access/users', query: { full: '1' } }, listedTokens, signal);
  const owner = listed.find(({ userid }) => userid === client.tokenOwner);
  const token = owner?.tokens?.find(({ tokenid }) => `${client.tokenOwner}!${tokenid}` === client.tokenId);
  if (!token) return { shown: false };
  return { shown: true, endsAt: token.expire ? token.expire * 1000 : undefined };
}
