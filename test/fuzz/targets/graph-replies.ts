import fc from 'fast-check';
import { Agent } from 'undici';
import { SourceUnavailable } from '../../../src/domain/errors.js';
import type { Reading } from '../../../src/domain/reading.js';
import { createEntraDirectory } from '../../../src/entra/directory.js';
import { createTestAuthority } from '../../simulators/tls.js';
import { hastyGraph } from '../hasty-graph.js';
import { type Edit, edit, mutate, type Touched } from '../mutate.js';
import { type RawAnswer, startRawServer } from '../raw-server.js';
import { checkOf, type FuzzTarget, must } from '../target.js';

const ALICE = '11111111-1111-4111-8111-111111111111';
const BOB = '22222222-2222-4222-8222-222222222222';
const GROUP = '33333333-3333-4333-8333-333333333333';
const SECOND = '44444444-4444-4444-8444-444444444444';
const UPN = { [ALICE]: 'alice@example.com', [BOB]: 'bob@example.com' };

const answer = fc.record({
  /** Which of the answers is mutated, counted from the first. */
  nth: fc.nat(2),
  edits: fc.array(edit, { minLength: 1, maxLength: 3 }),
  status: fc.oneof(
    { weight: 4, arbitrary: fc.constant(200) },
    fc.constantFrom(200, 201, 204, 206, 301, 304, 400, 401, 403, 404, 410, 429, 500, 503),
  ),
  type: fc.oneof(
    { weight: 4, arbitrary: fc.constant('application/json') },
    fc.constantFrom('text/html', 'text/plain', 'application/xml', ''),
  ),
  torn: fc.boolean().map((torn) => torn),
  wide: fc.boolean(),
});

/** Graph's answers for two enabled members, one of them spoilt, through the real client. */
export const graphReplies: FuzzTarget = {
  name: 'graph-replies',
  holds: 'a spoilt answer never reads as absent, disabled or out of a group, whatever is spoilt in it',
  runs: 200,
  async open() {
    const authority = await createTestAuthority();
    const tls = await authority.issue(['localhost', '127.0.0.1']);
    let spoil: { nth: number; edits: Edit[]; status: number; type: string; torn: boolean } | undefined;
    let asked = 0;
    let touched: Touched[] = [];
    const server = await startRawServer((request, body): RawAnswer => {
      const truth = answerTo(request.url ?? '', body);
      const now = asked;
      asked += 1;
      if (!spoil || now !== spoil.nth) return { status: 200, type: 'application/json', body: JSON.stringify(truth) };
      const { text, touched: done } = mutate(truth, spoil.edits);
      touched = done;
      return { status: spoil.status, type: spoil.type, body: text, torn: spoil.torn };
    }, tls);
    const dispatcher = new Agent({ connect: { ca: authority.cert } });
    const log = () => undefined;
    const graph = hastyGraph(server.port, dispatcher);
    const directory = createEntraDirectory({ graph, groups: [GROUP, SECOND], users: [], log });
    const check = checkOf(answer, async ({ wide, ...how }) => {
      spoil = how;
      asked = 0;
      touched = [];
      const { signal } = new AbortController();
      try {
        if (wide) {
          const { groups, identities } = await directory.readScope(signal);
          for (const reading of identities.values()) judge(reading, touched, true);
          for (const oid of [ALICE, BOB]) {
            const believed = [GROUP, SECOND].every((group) => groups.get(group)?.certainty === 'present');
            const honest = touched.some(isNamingAnother);
            must(
              identities.has(oid) || !believed || honest,
              'somebody fell out of a listing that is believed',
              oid,
              touched,
            );
          }
        } else {
          const readings = await directory.readIdentities([ALICE, BOB], signal);
          must(readings.length === 2, 'not one reading for each', readings);
          for (const reading of readings) judge(reading, touched, false);
        }
      } catch (error) {
        if (!(error instanceof SourceUnavailable)) throw error;
      }
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
    return { responses: requests.map(({ id, url: path }) => ({ id, status: 200, headers, body: singleOf(path) })) };
  }
  const value = [userOf(ALICE), userOf(BOB)];
  return { '@odata.context': 'https://graph/$metadata#users', '@odata.count': value.length, value };
}

function singleOf(path: string): unknown {
  if (path.includes('checkMemberGroups')) return { value: [GROUP, SECOND] };
  return userOf(path.includes(BOB) ? BOB : ALICE);
}

function userOf(oid: keyof typeof UPN): Record<string, unknown> {
  return {
    id: oid,
    userPrincipalName: UPN[oid],
    accountEnabled: true,
    displayName: 'A',
    givenName: 'A',
    surname: 'B',
    mail: null,
  };
}

function judge(reading: Reading, touched: readonly Touched[], wide: boolean): void {
  if (reading.certainty === 'unknown') return;
  must(reading.certainty === 'present', 'garbage reads as absent', reading, touched);
  // Who is said to be disabled in so many words is disabled.
  const said =
    touched.some(({ path, value }) => path.at(-1) === 'accountEnabled' && value === false) ||
    touched.some(holdsDisabled);
  must(reading.enabled || said, 'garbage reads as disabled', reading, touched);
  // An answer that leaves a group out, and is otherwise whole, says that somebody is not in it.
  const complete =
    wide || touched.some(isShorterList) || [GROUP, SECOND].every((group) => reading.groups.includes(group));
  must(complete, 'garbage reads as out of a group', reading, touched);
}

function holdsDisabled({ value }: Touched): boolean {
  return typeof value === 'object' && value !== null && JSON.stringify(value).includes('"accountEnabled":false');
}

/** The list of groups itself, shorter or of other proper ids: that is what Graph says of somebody who left. */
function isShorterList({ path, change, value }: Touched): boolean {
  const inChecks = path.includes('value');
  if (inChecks && change === 'drop' && typeof path.at(-1) === 'number') return true;
  const isIds = (list: unknown) => Array.isArray(list) && list.every((id) => typeof id === 'string' && GUID.test(id));
  return path.at(-1) === 'value' && isIds(value);
}

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** An entry that was taken out together with the count, or that bears another proper id. */
function isNamingAnother({ path, value }: Touched): boolean {
  const key = path.at(-1);
  return (
    (key === 'id' && typeof value === 'string' && GUID.test(value)) ||
    (key === '@odata.count' && Number.isInteger(value))
  );
}
