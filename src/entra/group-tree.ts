import { z } from 'zod';
import { messageOf } from '../domain/errors.js';
import type { GroupBranch, GroupFacts, GroupTree, NestedReading } from '../domain/group-tree.js';
import { type GroupId, parseGuid } from '../domain/identity.js';
import { firstIssue, readErrorBody } from './answers.js';
import { type BatchAnswer, type BatchItem, MAX_BATCH } from './batch.js';
import type { GraphClient } from './graph-client.js';
import { saysNotFound } from './graph-errors.js';
import { chunk } from './identity-requests.js';

/** Graph: list transitive members; the largest page it gives. */
const PAGE_SIZE = 999;
/** Two items for each group: itself, and what is below it. */
const GROUPS_PER_BATCH = MAX_BATCH / 2;
/** The cast to groups is an advanced query, which needs this and $count. */
const ADVANCED = { ConsistencyLevel: 'eventual' };
const FACTS_SELECT = 'id,displayName,groupTypes,membershipRule,visibility';

/** Properties that Graph shows as null to whoever may not read them (limited information). */
const text = z.string().nullish().catch(undefined);
const factsSchema = z
  .object({
    '@odata.type': text,
    id: z.string(),
    displayName: text,
    groupTypes: z.array(z.string()).nullish().catch(undefined),
    membershipRule: text,
    visibility: text,
  })
  .transform((group, context): GroupFacts => {
    const id = parseGuid(group.id);
    const type = group['@odata.type']?.toLowerCase() ?? '#microsoft.graph.group';
    if (!id || type !== '#microsoft.graph.group') {
      context.addIssue({ code: 'custom', message: 'is no group' });
      return z.NEVER;
    }
    const { displayName, groupTypes, membershipRule, visibility } = group;
    return {
      id,
      displayName: displayName ?? undefined,
      kind: kindOf(groupTypes ?? undefined, membershipRule ?? undefined),
      hidden: visibility?.toLowerCase() === 'hiddenmembership',
    };
  });

const nestedSchema = z.object({
  value: z.array(factsSchema),
  '@odata.nextLink': z.string().nullish(),
  '@odata.count': z.number().int().nonnegative().nullish(),
});

function kindOf(groupTypes: readonly string[] | undefined, rule: string | undefined): GroupFacts['kind'] {
  if (groupTypes?.some((type) => type.toLowerCase() === 'dynamicmembership')) return 'dynamic';
  if (rule !== undefined && rule.trim() !== '') return 'dynamic';
  return groupTypes ? 'assigned' : undefined;
}

/**
 * Every configured group with its name, kind and the groups nested below it at any depth, ten groups a request. A
 * branch that cannot be read for any reason is unknown, never empty; a cycle ends, since a group is never below itself.
 * Throws only when aborted.
 */
export async function readGroupTree(
  graph: GraphClient,
  configured: readonly GroupId[],
  signal: AbortSignal,
): Promise<GroupTree> {
  const tree = new Map<GroupId, GroupBranch>();
  let away: string | undefined;
  for (const part of chunk([...new Set(configured)], GROUPS_PER_BATCH)) {
    const answers = away === undefined ? await ask(graph, part, signal) : away;
    if (typeof answers === 'string') away = answers;
    for (const id of part) {
      const branch: GroupBranch =
        typeof answers === 'string'
          ? { id, facts: undefined, below: { certainty: 'unknown', why: answers } }
          : await branchOf(graph, id, answers, signal);
      tree.set(id, branch);
    }
  }
  return tree;
}

/** The answers of one batch by their item; in words why there are none where Graph cannot be asked. */
async function ask(graph: GraphClient, groups: readonly GroupId[], signal: AbortSignal) {
  const items = groups.flatMap((id): BatchItem[] => [
    { id: `facts:${id}`, method: 'GET', path: `/groups/${encodeURIComponent(id)}?$select=${FACTS_SELECT}` },
    { id: `below:${id}`, method: 'GET', path: nestedPath(id), headers: ADVANCED },
  ]);
  return await whatOrWhy(() => graph.batch(items, { signal }), signal);
}

function nestedPath(id: GroupId): string {
  return (
    `/groups/${encodeURIComponent(id)}/transitiveMembers/microsoft.graph.group` +
    `?$count=true&$select=${FACTS_SELECT}&$top=${PAGE_SIZE}`
  );
}

async function branchOf(
  graph: GraphClient,
  id: GroupId,
  answers: ReadonlyMap<string, BatchAnswer>,
  signal: AbortSignal,
): Promise<GroupBranch> {
  const facts = read(answers.get(`facts:${id}`), factsSchema);
  if (typeof facts === 'string') return { id, facts: undefined, below: { certainty: 'unknown', why: facts } };
  if (facts.id !== id) {
    return { id, facts: undefined, below: { certainty: 'unknown', why: `Graph answered with the group ${facts.id}` } };
  }
  const below = await nestedOf(graph, facts, answers.get(`below:${id}`), signal);
  return { id, facts, below };
}

async function nestedOf(
  graph: GraphClient,
  facts: GroupFacts,
  answer: BatchAnswer | undefined,
  signal: AbortSignal,
): Promise<NestedReading> {
  const page = read(answer, nestedSchema);
  if (typeof page === 'string') return { certainty: 'unknown', why: page };
  const path = nestedPath(facts.id);
  const whole = page['@odata.nextLink']
    ? await whatOrWhy(() => graph.getAllPages(path, factsSchema, { signal, headers: ADVANCED }), signal)
    : { items: page.value, count: page['@odata.count'] ?? undefined };
  if (typeof whole === 'string') return { certainty: 'unknown', why: whole };
  const all = new Map(whole.items.map((group) => [group.id, group]));
  if (whole.count !== all.size) {
    return {
      certainty: 'unknown',
      why: `Graph counts ${whole.count ?? 'no'} nested groups, its pages held ${all.size}`,
    };
  }
  if (all.size === 0 && facts.hidden && !(await showsAnyMember(graph, facts.id, signal))) {
    return {
      certainty: 'unknown',
      why: 'its membership is hidden and Graph shows no member at all: without Member.Read.Hidden that says nothing',
    };
  }
  all.delete(facts.id);
  return { certainty: 'present', groups: [...all.values()] };
}

/** Whoever may not see hidden members gets an empty list for them; one member that shows proves that we may. */
async function showsAnyMember(graph: GraphClient, id: GroupId, signal: AbortSignal): Promise<boolean> {
  const path = `/groups/${encodeURIComponent(id)}/members?$select=id&$top=1`;
  const anyone = z.object({ value: z.array(z.unknown()) });
  const answer = await whatOrWhy(() => graph.get(path, anyone, { signal }), signal);
  return typeof answer !== 'string' && answer.value.length > 0;
}

/** What Graph answered in the shape that we need, or in words why that is not known. */
function read<T>(answer: BatchAnswer | undefined, schema: z.ZodType<T>): T | string {
  if (answer?.kind !== 'answer') return answer?.why ?? 'no answer';
  const code = readErrorBody(answer.body)?.code;
  if (saysNotFound(answer.status, code)) return 'the group is gone, or its id is wrong';
  if (answer.status !== 200) {
    const hint = answer.status === 403 ? '; the app needs GroupMember.Read.All' : '';
    return `Graph does not show it: status ${answer.status}${code ? ` ${code}` : ''}${hint}`;
  }
  const parsed = schema.safeParse(answer.body);
  return parsed.success ? parsed.data : `Graph answered in an unexpected shape: ${firstIssue(parsed.error)}`;
}

async function whatOrWhy<T extends object>(work: () => Promise<T>, signal: AbortSignal): Promise<T | string> {
  try {
    return await work();
  } catch (error) {
    signal.throwIfAborted();
    return messageOf(error);
  }
}
