import { z } from 'zod';
import { messageOf } from '../domain/errors.js';
import { type GroupId, type ObjectId, parseGuid } from '../domain/identity.js';
import type { PresentReading, Reading, UnknownReading } from '../domain/reading.js';
import { firstIssue, readErrorBody } from './answers.js';
import type { BatchAnswer } from './batch.js';
import { readDeleted } from './deleted-items.js';
import type { GraphClient } from './graph-client.js';
import { saysNotFound } from './graph-errors.js';
import { type CheckedGroups, checkItem, groupChecks, identityBatches, userItem } from './identity-requests.js';
import { toReading, userSchema } from './user-schema.js';

/** What the first batch said of one identity, before deletedItems is asked. */
type FirstLook = Reading | { certainty: 'missing'; oid: ObjectId };

/**
 * Reads the identities of one chunk: one batch, and a second one for those that are not there, which tells deleted
 * from never seen. One identity's trouble stays its own. Throws SourceUnavailable when the batch cannot be sent.
 */
export async function readChunk(
  graph: GraphClient,
  oids: readonly ObjectId[],
  groups: CheckedGroups,
  signal: AbortSignal,
): Promise<Map<ObjectId, Reading>> {
  const answers = new Map<string, BatchAnswer>();
  for (const items of identityBatches(oids, groups)) {
    for (const [id, answer] of await graph.batch(items, { signal })) answers.set(id, answer);
  }
  const looks = oids.map((oid) => look(oid, groups, answers));
  const missing = looks.filter((reading) => reading.certainty === 'missing').map(({ oid }) => oid);
  const settled = missing.length > 0 ? await settle(graph, missing, signal) : new Map<ObjectId, Reading>();
  const readings = new Map<ObjectId, Reading>();
  for (const seen of looks) {
    const reading =
      seen.certainty === 'missing'
        ? (settled.get(seen.oid) ?? unknown(seen.oid, 'deletedItems said nothing of it'))
        : seen;
    readings.set(seen.oid, reading);
  }
  return readings;
}

/** The first batch was answered, so Graph is there: a failure of the second one concerns only those it was about. */
async function settle(graph: GraphClient, oids: ObjectId[], signal: AbortSignal): Promise<Map<ObjectId, Reading>> {
  try {
    return await readDeleted(graph, oids, signal);
  } catch (error) {
    signal.throwIfAborted();
    const why = `it is not among the users, and deletedItems cannot be read: ${messageOf(error)}`;
    return new Map(oids.map((oid) => [oid, unknown(oid, why)]));
  }
}

function look(oid: ObjectId, groups: CheckedGroups, answers: ReadonlyMap<string, BatchAnswer>): FirstLook {
  const answer = answers.get(userItem(oid));
  if (answer?.kind !== 'answer') return unknown(oid, answer?.why ?? 'no answer');
  const member = memberOf(oid, groups, answers);
  const code = readErrorBody(answer.body)?.code;
  if (saysNotFound(answer.status, code)) {
    // Two replicas that disagree: one shows the user's groups, the other has no such user.
    if (member.kind === 'groups' && member.checked) {
      return unknown(oid, 'Graph has no such user, yet tells its groups; its replicas disagree');
    }
    return { certainty: 'missing', oid };
  }
  if (answer.status !== 200) return unknown(oid, refusal('the user', answer.status, code));
  const user = userSchema.safeParse(answer.body);
  if (!user.success) return unknown(oid, `Graph answered in an unexpected shape: ${firstIssue(user.error)}`);
  if (user.data.id !== oid) return unknown(oid, `Graph answered with another user (${user.data.id})`);
  if (member.kind === 'unknown') return unknown(oid, member.why);
  const reading = toReading(user.data, member.groups);
  return reading.certainty === 'present' && member.unclear ? { ...reading, unclear: member.unclear } : reading;
}

/** An entry that is no object id may be a garbled one of a group that the identity is in. */
const checkSchema = z.object({ value: z.array(z.string().refine((id) => parseGuid(id) !== undefined)) });

/** `checked`: Graph told of at least one group whether the identity is in it. */
type Membership =
  | { kind: 'groups'; groups: GroupId[]; checked: boolean; unclear: PresentReading['unclear'] }
  | { kind: 'unknown'; why: string };

/** The groups that contain the identity, in the order given; unknown when any part of those it rests on is. */
function memberOf(oid: ObjectId, asked: CheckedGroups, answers: ReadonlyMap<string, BatchAnswer>): Membership {
  const found = new Set<string>();
  const unclear: GroupId[] = [];
  let checked = false;
  let why: string | undefined;
  for (const [index, { groupIds, isMore }] of groupChecks(asked).entries()) {
    const answer = membersIn(answers.get(checkItem(oid, index)));
    if ('ids' in answer) {
      checked = true;
      for (const id of answer.ids) found.add(id);
    } else if (isMore) {
      why ??= answer.why;
      unclear.push(...groupIds);
    } else return { kind: 'unknown', why: answer.why };
  }
  const groups = [...asked.groups, ...asked.more].filter((group) => found.has(group));
  return { kind: 'groups', groups, checked, unclear: why === undefined ? undefined : { groups: unclear, why } };
}

function membersIn(answer: BatchAnswer | undefined): { ids: string[] } | { why: string } {
  if (answer?.kind !== 'answer') return { why: `its groups are not known: ${answer?.why ?? 'no answer'}` };
  const checked = checkSchema.safeParse(answer.body);
  if (answer.status === 200 && checked.success) return { ids: checked.data.value.map((id) => parseGuid(id) ?? '') };
  return { why: refusal('its groups', answer.status, readErrorBody(answer.body)?.code) };
}

function refusal(what: string, status: number, code: string | undefined): string {
  const hint = status === 403 ? '; the app needs User.Read.All and GroupMember.Read.All' : '';
  return `Graph does not show ${what}: status ${status}${code ? ` ${code}` : ''}${hint}`;
}

function unknown(oid: ObjectId, why: string): UnknownReading {
  return { certainty: 'unknown', oid, why };
}
