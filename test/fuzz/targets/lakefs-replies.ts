import fc from 'fast-check';
import { SourceUnavailable } from '../../../src/domain/errors.js';
import type { MemberStrategy } from '../../../src/domain/lakefs.js';
import type { LakefsPersonSight } from '../../../src/domain/plan-lakefs-sight.js';
import { createLakefsClient, type LakefsClient } from '../../../src/targets/lakefs/client.js';
import { LakefsError } from '../../../src/targets/lakefs/errors.js';
import { markOfGroup } from '../../../src/targets/lakefs/marks.js';
import { survey } from '../../../src/targets/lakefs/observe.js';
import { observePeople } from '../../../src/targets/lakefs/people.js';
import { systemClock } from '../../../src/telemetry/system-clock.js';
import { type Edit, edit, mutate, type Touched } from '../mutate.js';
import { type RawAnswer, startRawServer } from '../raw-server.js';
import { checkOf, type FuzzTarget, must } from '../target.js';

const SECRET = 'the-secret-of-that-key';
const GROUP = '6f9c0000-0000-4000-8000-000000000001';
const OPAQUE = 'a/b|c d';
const POLICIES = ['AuthManageOwnCredentials', 'FSReadAll'];
const PEOPLE = ['1', '2', '3', '4', '5'].map((digit) => {
  const oid = `${digit.repeat(8)}-1111-4111-8111-111111111111`;
  return { oid, user: `waad|${oid}`, upn: `user${digit}@example.com` };
});
const STRATEGIES: MemberStrategy[] = [{ field: 'id', template: 'waad|{oid}', text: 'id-template:waad|{oid}' }];

const inGroup = `/auth/groups/${encodeURIComponent(OPAQUE)}`;

const spoilt = fc.record({
  /** Which path is answered wrongly. */
  where: fc.constantFrom(
    '/auth/groups',
    '/auth/users',
    '/auth/policies',
    `${inGroup}/members`,
    `${inGroup}/members`,
    `${inGroup}/policies`,
    /** What is asked of one person, whoever that is. */
    'person',
    'person',
  ),
  edits: fc.array(edit, { minLength: 1, maxLength: 3 }),
  status: fc.oneof(
    { weight: 9, arbitrary: fc.constant(200) },
    fc.constantFrom(201, 204, 301, 400, 401, 403, 404, 409, 429, 500, 501, 503),
  ),
  type: fc.constantFrom('application/json', 'application/json', 'text/html', ''),
  torn: fc.nat(9).map((n) => n === 0),
  /** As a sweep looks, or as a notification has it looked. */
  asks: fc.constantFrom('all', 'single'),
});

/** lakeFS's answers about a group of ours with five members, one of them spoilt, through the real client. */
export const lakefsReplies: FuzzTarget = {
  name: 'lakefs-replies',
  holds: 'a spoilt answer never reads as a group that is absent, nor as somebody or a policy taken out of one',
  runs: 240,
  async open() {
    let spoil: { where: string; edits: Edit[]; status: number; type: string; torn: boolean } | undefined;
    let touched: Touched[] = [];
    const server = await startRawServer((request): RawAnswer => {
      const path = new URL(request.url ?? '/', 'http://lakefs').pathname.replace('/api/v1', '');
      const truth = answerTo(path);
      const isIt = spoil?.where === 'person' ? path.startsWith('/auth/users/') : path === spoil?.where;
      if (!spoil || !isIt) return { status: 200, type: 'application/json', body: JSON.stringify(truth) };
      const { text, touched: done } = mutate(truth, spoil.edits);
      touched.push(...done);
      return { ...spoil, body: text };
    });
    const client = createLakefsClient({
      endpoint: `http://127.0.0.1:${server.port}`,
      accessKeyId: 'AKIA',
      secretAccessKey: SECRET,
      timeoutMs: 3_000,
      // Patience is not what is tried here: a second attempt would meet the same answer.
      retry: { firstMs: 1, longestMs: 1, deadlineMs: 0 },
      log: () => undefined,
      clock: systemClock,
    });
    const check = checkOf(spoilt, async ({ asks, ...how }) => {
      spoil = how;
      touched = [];
      try {
        await (asks === 'all' ? judgeSweep(client, () => touched) : judgePeople(client, () => touched));
      } catch (error) {
        if (!(error instanceof SourceUnavailable || error instanceof LakefsError)) throw error;
        must(!error.message.includes(SECRET), 'the words hold the secret', error.message);
      }
    });
    return {
      check,
      async close() {
        await client.close();
        await server.close();
      },
    };
  },
};

const ASKS = PEOPLE.map(({ oid, upn, user }) => ({ oid, person: { oid, upn }, recorded: [user] }));

async function judgeSweep(client: LakefsClient, touchedBy: () => readonly Touched[]): Promise<void> {
  const options = { client, strategies: STRATEGIES, members: true, policies: true };
  const entry = { groupId: GROUP, displayName: 'Data', name: 'Data', origin: 'made' as const, since: 0 };
  const ask = { groupId: GROUP, name: 'Data', entry: { ...entry, policies: [], members: {} }, takes: undefined };
  const seen = await survey(options, [ask], new AbortController().signal);
  const touched = touchedBy();
  const explained = touched.some(isSaid);
  const group = seen.group(GROUP);
  must(explained || group.certainty === 'present', 'a group of ours is not there', group, touched);
  must(explained || !seen.simplified, 'garbage changes the kind of lakeFS', touched);
  if (group.certainty === 'present' && group.policies.certainty === 'present') {
    const { policies } = group.policies;
    must(explained || `${policies}` === `${POLICIES}`, 'other policies', policies, touched);
  }
  const members = seen.members(GROUP)?.length ?? PEOPLE.length;
  must(members === PEOPLE.length || touched.some(isRecount), 'another number of members', members, touched);
  for (const one of ASKS) judge(seen.person(one), one.recorded[0] ?? '', touched, explained);
}

async function judgePeople(client: LakefsClient, touchedBy: () => readonly Touched[]): Promise<void> {
  const options = { client, strategies: STRATEGIES };
  const sights = await observePeople(options, ASKS, new Map([[OPAQUE, GROUP]]), new AbortController().signal);
  const touched = touchedBy();
  must(sights.size === ASKS.length, 'not one sight for each', [...sights]);
  for (const { oid, recorded } of ASKS) {
    const sight = sights.get(oid) ?? { certainty: 'unknown', why: '' };
    if (sight.certainty === 'unknown') must(!sight.why.includes(SECRET), 'the words hold the secret', sight.why);
    judge(sight, recorded[0] ?? '', touched, touched.some(isSaid));
  }
}

/** Whoever is believed to be out of the group would be taken off its record, or put in again. */
function judge(sight: LakefsPersonSight, user: string, touched: readonly Touched[], explained: boolean): void {
  if (sight.certainty === 'unknown' || explained) return;
  must(sight.match.kind === 'one' && sight.match.user === user, 'another user, or none', sight.match, touched);
  const isIn = sight.memberships.get(user)?.has(GROUP) === true;
  must(isIn || sight.unread.has(GROUP), 'somebody fell out of the group', user, touched);
}

/** What lakeFS would say if it were well. */
function answerTo(path: string): unknown {
  if (path === '/auth/groups') return pageOf([groupOf(OPAQUE), { id: 'Admins', name: 'Admins', creation_date: 1 }]);
  if (path === '/auth/policies' || path === `${inGroup}/policies`) return pageOf(POLICIES.map(policyOf));
  if (path === '/auth/users' || path === `${inGroup}/members`) return pageOf(PEOPLE.map(({ user }) => userOf(user)));
  const [, user = '', groups] = /^\/auth\/users\/([^/]+)(\/groups)?$/.exec(path) ?? [];
  return groups ? pageOf([groupOf(OPAQUE)]) : userOf(decodeURIComponent(user));
}

function pageOf(results: readonly unknown[]): unknown {
  return { pagination: { has_more: false, next_offset: '', results: results.length, max_per_page: 0 }, results };
}

function groupOf(id: string): unknown {
  return { id, name: 'Data', description: markOfGroup(GROUP), creation_date: 1 };
}

function policyOf(id: string): unknown {
  return { id, creation_date: 1, statement: [{ effect: 'allow', resource: '*', action: ['fs:Read*'] }] };
}

function userOf(id: string): unknown {
  return { id, creation_date: 1, friendly_name: id, email: `${id}@example.com` };
}

/** lakeFS's own way to say that there are others: another id or mark, also by text that slips into one. */
function isSaid(touched: Touched): boolean {
  const key = touched.path.at(-1);
  return key === 'id' || key === 'description' || touched.change === 'insert text' || isRecount(touched);
}

/** Its way to say that there are fewer. */
function isRecount({ path }: Touched): boolean {
  return path.join('.') === 'pagination' || path.join('.') === 'pagination.results';
}
