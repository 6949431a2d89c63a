import { z } from 'zod';
import { type ObjectId, parseGuid } from '../domain/identity.js';
import type { Reading } from '../domain/reading.js';
import { readErrorBody } from './answers.js';
import { type BatchAnswer, MAX_BATCH } from './batch.js';
import type { GraphClient } from './graph-client.js';
import { saysNotFound } from './graph-errors.js';
import { chunk } from './identity-requests.js';
import { isOtherType } from './user-schema.js';

const deletedSchema = z.object({ '@odata.type': z.string().nullish(), id: z.string() });

/**
 * Settles a 404 of /users/{id}: a deleted user stands in deletedItems for 30 days (Graph: directory-deleteditems-get).
 * `soft-deleted` is positive evidence; `not-found` is not, for a lagging replica says the same.
 */
export async function readDeleted(
  graph: GraphClient,
  oids: readonly ObjectId[],
  signal: AbortSignal,
): Promise<Map<ObjectId, Reading>> {
  const readings = new Map<ObjectId, Reading>();
  for (const part of chunk(oids, MAX_BATCH)) {
    const answers = await graph.batch(
      part.map((oid) => ({ id: oid, method: 'GET', path: `/directory/deletedItems/${encodeURIComponent(oid)}` })),
      { signal },
    );
    for (const oid of part) readings.set(oid, conclude(oid, answers.get(oid)));
  }
  return readings;
}

function conclude(oid: ObjectId, answer: BatchAnswer | undefined): Reading {
  const unknown = (why: string): Reading => ({ certainty: 'unknown', oid, why });
  if (answer?.kind !== 'answer') {
    return unknown(`it is not among the users, and deletedItems cannot be read: ${answer?.why ?? 'no answer'}`);
  }
  const code = readErrorBody(answer.body)?.code;
  if (saysNotFound(answer.status, code)) return { certainty: 'absent', oid, evidence: 'not-found' };
  if (answer.status !== 200) {
    const hint = answer.status === 403 ? '; the app needs User.Read.All' : '';
    return unknown(`deletedItems cannot be read: status ${answer.status}${code ? ` ${code}` : ''}${hint}`);
  }
  const item = deletedSchema.safeParse(answer.body);
  if (!item.success || parseGuid(item.data.id) !== oid) {
    return unknown('deletedItems answered with something that is not this user');
  }
  // A member that is a group is told by its id alone, and Microsoft 365 groups lie in deletedItems too.
  if (isOtherType(item.data['@odata.type'])) return { certainty: 'absent', oid, evidence: 'not-found' };
  return { certainty: 'absent', oid, evidence: 'soft-deleted' };
}
