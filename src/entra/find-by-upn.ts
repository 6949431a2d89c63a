import { z } from 'zod';
import { type ObjectId, parseGuid } from '../domain/identity.js';
import type { Log } from '../telemetry/log.js';
import type { GraphClient } from './graph-client.js';

const hitSchema = z.object({ id: z.string(), userPrincipalName: z.string().nullish() });

/**
 * The one user that carries this name now. By $filter, never by /users/{upn}: a name is not a path (`#EXT#` is cut off
 * there, which gives somebody else). Two hits are nobody. Throws SourceUnavailable when Graph cannot be asked.
 */
export async function findByUpn(
  { graph, log }: { graph: GraphClient; log: Log },
  upn: string,
  signal: AbortSignal,
): Promise<ObjectId | undefined> {
  const wanted = upn.trim();
  if (wanted === '') return undefined;
  const filter = encodeURIComponent(`userPrincipalName eq '${wanted.replaceAll("'", "''")}'`);
  const { items } = await graph.getAllPages(`/users?$filter=${filter}&$select=id,userPrincipalName`, hitSchema, {
    signal,
  });
  const folded = wanted.toLowerCase();
  const oids = new Set(
    items.filter((hit) => hit.userPrincipalName?.toLowerCase() === folded).map((hit) => parseGuid(hit.id)),
  );
  if (oids.size > 1) log('entra.upn.ambiguous', { upn: wanted, users: [...oids] });
  return oids.size === 1 ? [...oids][0] : undefined;
}
