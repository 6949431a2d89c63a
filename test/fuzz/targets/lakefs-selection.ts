import fc from 'fast-check';
import { Agent } from 'undici';
import { SourceUnavailable } from '../../../src/domain/errors.js';
import { assignedGroups } from '../../../src/entra/app-assignments.js';
import { groupsById, groupsNamed } from '../../../src/entra/group-search.js';
import { selectGroups } from '../../../src/targets/lakefs/selection.js';
import { createTestAuthority } from '../../simulators/tls.js';
import { hastyGraph } from '../hasty-graph.js';
import { type Edit, edit, mutate, type Touched } from '../mutate.js';
import { type RawAnswer, startRawServer } from '../raw-server.js';
import { checkOf, type FuzzTarget, must } from '../target.js';

const APP = '99999999-1111-4111-8111-111111111111';
const GROUPS = ['1', '2', '3'].map((digit) => ({
  id: `${digit.repeat(8)}-1111-4111-8111-111111111111`,
  displayName: `Lake${digit}`,
}));
const IDS = GROUPS.map(({ id }) => id);
const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const spoilt = fc.record({
  source: fc.constantFrom('filter', 'ids', 'app-assignments'),
  /** Which of the answers is mutated, counted from the first. */
  nth: fc.nat(1),
  edits: fc.array(edit, { minLength: 1, maxLength: 3 }),
  status: fc.oneof(
    { weight: 9, arbitrary: fc.constant(200) },
    fc.constantFrom(201, 204, 301, 304, 400, 401, 403, 404, 410, 429, 500, 503),
  ),
  type: fc.constantFrom('application/json', 'application/json', 'application/json', 'text/html', ''),
  torn: fc.nat(9).map((n) => n === 0),
});

/** Graph's answers about which three groups lakeFS should have, one of them spoilt, through the real client. */
export const lakefsSelection: FuzzTarget = {
  name: 'lakefs-selection',
  holds: 'a spoilt answer never reads as a group that lakeFS should not have any more',
  runs: 200,
  async open() {
    const authority = await createTestAuthority();
    let spoil: { nth: number; edits: Edit[]; status: number; type: string; torn: boolean } | undefined;
    let asked = 0;
    let touched: Touched[] = [];
    const server = await startRawServer(
      (request, body): RawAnswer => {
        const truth = answerTo(request.url ?? '', body);
        const now = asked;
        asked += 1;
        if (!spoil || now !== spoil.nth) return { status: 200, type: 'application/json', body: JSON.stringify(truth) };
        const { text, touched: done } = mutate(truth, spoil.edits);
        touched = done;
        return { ...spoil, body: text };
      },
      await authority.issue(['localhost', '127.0.0.1']),
    );
    const dispatcher = new Agent({ connect: { ca: authority.cert } });
    const graph = hastyGraph(server.port, dispatcher);
    const check = checkOf(spoilt, async ({ source, ...how }) => {
      spoil = how;
      asked = 0;
      touched = [];
      const selection = await selectGroups({
        groups: {
          groupsNamed: (prefix, signal) => groupsNamed(graph, prefix, signal),
          groupsById: (ids, signal) => groupsById(graph, ids, signal),
          assignedGroups: (signal) => assignedGroups(graph, APP, signal),
        },
        rules: { source, filter: 'Lake*', groupIds: IDS, mapping: [], defaultPolicies: [], defaultAcl: undefined },
        owners: new Map(),
        signal: new AbortController().signal,
      }).catch((error: unknown) => {
        if (error instanceof SourceUnavailable) return undefined;
        throw error;
      });
      if (selection?.certainty !== 'complete' || touched.some(isSaid)) return;
      const there = [...selection.wanted, ...selection.conflicts].map(({ groupId }) => groupId);
      must(
        IDS.every((id) => there.includes(id)),
        'a group fell out of the selection',
        there,
        touched,
      );
    });
    return {
      check,
      async close() {
        await dispatcher.destroy();
        await server.close();
      },
    };
  },
};

/** What Graph would say if it were well. */
function answerTo(url: string, body: string): unknown {
  if (url.includes('$batch')) {
    const { requests } = JSON.parse(body) as { requests: { id: string; url: string }[] };
    const headers = { 'Content-Type': 'application/json' };
    const groupIn = (path: string) => GROUPS.find(({ id }) => path.includes(id));
    return { responses: requests.map(({ id, url: path }) => ({ id, status: 200, headers, body: groupIn(path) })) };
  }
  if (!url.includes('appRoleAssignedTo')) return { '@odata.context': 'https://graph/$metadata#groups', value: GROUPS };
  const person = { principalId: '77777777-1111-4111-8111-111111111111', principalType: 'User' };
  return { value: [person, ...IDS.map((principalId) => ({ principalId, principalType: 'Group' }))] };
}

/** Graph's own way to say that there are others: a shorter list, another proper id or kind, another name. */
function isSaid({ path, change, value }: Touched): boolean {
  const key = path.at(-1);
  if (change === 'insert text') return true;
  if (key === 'value') return Array.isArray(value);
  if (path.at(-2) === 'value' && typeof key === 'number') return change === 'drop';
  if (key === 'id' || key === 'principalId') return typeof value === 'string' && GUID.test(value);
  if (key === 'status') return value === 404;
  return key === 'displayName' && typeof value === 'string';
}
