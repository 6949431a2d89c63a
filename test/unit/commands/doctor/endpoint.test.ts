import { describe, expect, it } from 'vitest';
import { checkEndpoint, type EndpointPorts } from '../../../../src/commands/doctor/endpoint.js';
import { checkEventHub, type EventHubPorts } from '../../../../src/commands/doctor/event-hub.js';
import type { Looked } from '../../../../src/commands/doctor/look.js';
import { answered, failed, NOW } from './looked.js';
import { provoked, unwell } from './provoked.js';

const never = new AbortController().signal;
const URLS = ['https://hooks.example.org/graph/notifications', 'https://hooks.example.org/graph/lifecycle'];

/** What the address answers, given the token that it was asked with. */
function visit(answer: (token: string, path: string) => Looked, change: Partial<EndpointPorts> = {}) {
  return checkEndpoint(
    {
      urls: URLS,
      look: async (url) => answer(url.searchParams.get('validationToken') ?? '', url.pathname),
      newToken: async () => 'Validation: <a&b> random',
      ownRoots: new Set(),
      isRealGraph: true,
      now: () => NOW,
      ...change,
    },
    never,
  );
}

const echo = (token: string) => answered({ body: token });

describe('the public address', () => {
  it('is fine where both paths give the token back as text, whatever characters it has', async () => {
    const tokens: string[] = [];

    const checks = await visit((token) => {
      tokens.push(token);
      return echo(token);
    });

    expect(unwell(checks)).toEqual({});
    expect(tokens).toHaveLength(2);
    expect(tokens.every((token) => /[ <&>]/.test(token))).toBe(true);
  });

  it('that gives no answer in time is unreachable, and what follows from it is not looked at', async () => {
    const checks = await visit(() => failed({ code: '', text: 'no answer within 6 s' }));

    expect(provoked('endpoint.reach', checks, 'unreachable').mend).toContain('try from elsewhere: curl');
    expect(unwell(checks)).toEqual({
      'endpoint.reach': 'unreachable',
      'endpoint.tls': 'skipped',
      'endpoint.handshake': 'skipped',
      'endpoint.time': 'skipped',
    });
  });

  it('whose name nobody knows is wrong', async () => {
    provoked('endpoint.reach', await visit(() => failed({ code: 'ENOTFOUND', certain: true })));
  });

  it.each<[string, Partial<Looked & { kind: 'answered' }>, RegExp, RegExp]>([
    ['a login or a firewall stands before it', { status: 403 }, /403: something asks for a login/, /without a login/],
    ['something else answers there', { status: 200, body: '<html>' }, /not with the token/, /LISTEN_PORT/],
    ['the path does not reach the listener', { status: 404 }, /answers 404/, /infra\/reverse-proxy/],
    ['the listener does not run behind the proxy', { status: 502 }, /does not reach the listener/, /systemctl start/],
    ['it redirects', { status: 301 }, /follows no redirect/, /PUBLIC_URL/],
    ['it answers something else', { status: 500 }, /Graph wants 200/, /journalctl/],
  ])('is wrong where %s', async (_what, change, saw, mend) => {
    const check = provoked('endpoint.handshake', await visit(() => answered(change)));

    expect(check.saw).toMatch(saw);
    expect(check.mend).toMatch(mend);
  });

  it('is wrong where only one of both paths works, or where the text is given as a page', async () => {
    const half = await visit((token, path) => (path.endsWith('lifecycle') ? answered({ status: 404 }) : echo(token)));
    const page = await visit((token) => answered({ body: token, contentType: 'text/html' }));

    expect(provoked('endpoint.handshake', half).saw).toContain('/graph/lifecycle');
    expect(provoked('endpoint.handshake', page).saw).toContain('Graph wants text/plain');
  });

  it('is wrong with a chain that is incomplete, or of a root that Graph does not have', async () => {
    const chain = await visit((token) => answered({ body: token, distrust: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' }));
    const own = await visit(echo, { ownRoots: new Set(['AA:BB']) });
    const lab = await visit(echo, { ownRoots: new Set(['AA:BB']), isRealGraph: false });

    expect(provoked('endpoint.tls', chain).mend).toContain('fullchain.pem');
    expect(provoked('endpoint.tls', own).saw).toContain('Graph does not have that root');
    expect(unwell(lab)).toEqual({ 'endpoint.tls': 'remark' });
  });

  it('is wrong with a certificate in its last days', async () => {
    const certificate = { ...answered().certificate, endsAt: NOW + 3 * 86_400_000 } as never;

    expect(provoked('endpoint.tls', await visit((token) => answered({ body: token, certificate }))).mend).toContain(
      'renew',
    );
  });

  it('is remarked on above two seconds, and wrong above three', async () => {
    const slow = await visit((token) => answered({ body: token, answerMs: 2_500 }));
    const tooSlow = await visit((token) => answered({ body: token, answerMs: 3_200 }));

    provoked('endpoint.time', slow, 'remark');
    expect(provoked('endpoint.time', tooSlow).saw).toContain('3.2 s');
  });
});

describe('the event hub', () => {
  const look = (change: Partial<EventHubPorts>) =>
    checkEventHub(
      {
        place: 'ns.servicebus.windows.net/changes ($Default)',
        partitions: async () => ['0', '1'],
        checkpoints: async () => [{ partition: '0', storedAt: NOW - 60_000 }],
        now: NOW,
        ...change,
      },
      never,
    );
  const failing = (code: string) => ({
    partitions: () => Promise.reject(Object.assign(new Error(`it says ${code}`), { code })),
  });

  it('is fine where it answers and was read lately', async () => {
    expect(unwell(await look({}))).toEqual({});
  });

  it('that refuses us is wrong, and one that does not answer is unreachable; its checkpoints are not looked at', async () => {
    const refused = await look(failing('UnauthorizedError'));
    const silent = await look(failing('ETIMEDOUT'));

    expect(provoked('eventhub.reach', refused).mend).toContain('Data Receiver');
    expect(provoked('eventhub.reach', silent, 'unreachable').mend).toContain('TCP 5671');
    expect(refused[1]).toMatchObject({ name: 'eventhub.checkpoint', state: 'skipped' });
  });

  it('whose checkpoints are torn is wrong, and one that was quiet for a day is remarked on', async () => {
    const torn = await look({ checkpoints: () => Promise.reject(new Error('checkpoints.json is torn')) });
    const quiet = await look({ checkpoints: async () => [{ partition: '0', storedAt: NOW - 30 * 3_600_000 }] });
    const fresh = await look({ checkpoints: async () => [] });

    expect(provoked('eventhub.checkpoint', torn).saw).toContain('torn');
    expect([unwell(quiet), unwell(fresh)]).toEqual([
      { 'eventhub.checkpoint': 'remark' },
      { 'eventhub.checkpoint': 'remark' },
    ]);
  });
});
