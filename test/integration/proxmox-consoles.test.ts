import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { commentFor, retiredComment } from '../../src/domain/proxmox-comment.js';
import type { ProxmoxStep } from '../../src/domain/step.js';
import { createProxmoxClient } from '../../src/targets/proxmox/client.js';
import { createProxmoxTarget, type ProxmoxTarget } from '../../src/targets/proxmox/target.js';
import { systemClock as clock } from '../../src/telemetry/system-clock.js';
import { type ProxmoxSimulator, startProxmoxSimulator, type Task } from '../simulators/proxmox/index.js';
import { createClient } from '../simulators/proxmox/test-client.js';
import { createTestAuthority, type TestAuthority } from '../simulators/tls.js';

const REALM = 'entra';
const BASE = 'entramox-entra';
const OID = '11111111-2222-4333-8444-555555555555';
const MALLORY = 'mallory@example.com@entra';
const BOB = 'bob@example.com@entra';
const CONSOLES = ['vncproxy', 'vncshell', 'termproxy', 'spiceproxy', 'spiceshell'];
const ACTIVE = commentFor(
  OID,
  { presence: 'active', entitlement: { sudo: false, linuxGroups: [], pveGroups: [] } },
  undefined,
);
const LEFT = commentFor(
  OID,
  { presence: 'grace', deleteAt: Date.UTC(2026, 10, 23) },
  'in none of the configured groups',
);

let authority: TestAuthority;
let node: ProxmoxSimulator;
let token: string;
let targets: ProxmoxTarget[];
let problems: Map<string, string>;

beforeAll(async () => {
  authority = await createTestAuthority();
});

beforeEach(async () => {
  node = await startProxmoxSimulator({ authority });
  token = node.prepareFor({ realm: REALM, groups: ['entramox'] }).token;
  node.addUser({ userid: MALLORY, comment: ACTIVE, groups: [BASE] });
  node.addUser({ userid: BOB, comment: 'made by hand' });
  targets = [];
  problems = new Map();
});

afterEach(async () => {
  await Promise.all(targets.map((target) => target.close()));
  await node.close();
});

function targetOf(stopsConsoles = true): ProxmoxTarget {
  const log = () => undefined;
  const client = createProxmoxClient({ baseUrl: node.url, token, ca: authority.cert, timeoutMs: 5000, log, clock });
  const target = createProxmoxTarget({
    client,
    realm: REALM,
    managedGroups: [BASE],
    adoptExisting: false,
    stopsConsoles,
    problems,
    log,
    clock,
  });
  targets.push(target);
  return target;
}

/** What the token needs beside, so that it sees and may stop what others run. */
function grant(...privileges: string[]): void {
  node.addRole('Consoles', privileges);
  for (const [type, ugid] of [['user', 'entramox@pve'] as const, ['token', 'entramox@pve!sync'] as const]) {
    node.setAcl({ path: '/nodes', type, ugid, roleid: 'Consoles' });
  }
}

function lock(comment = LEFT): ProxmoxStep {
  const before = { enabled: true, comment: ACTIVE, firstName: '', lastName: '', email: '', groups: [BASE] };
  const change = { enabled: false, comment };
  return {
    target: 'proxmox',
    action: 'update',
    effect: 'lock',
    oid: OID,
    name: MALLORY,
    change,
    groups: [BASE],
    append: false,
    before,
  };
}

const never = () => new AbortController().signal;
const stateOf = ({ upid }: Task) => node.tasks().find((task) => task.upid === upid)?.state;

test('a lock ends the session and the API tokens of the person with the very next request, and unlocking brings both back', async () => {
  const ca = authority.cert;
  const callers = [
    createClient({ url: node.url, ca, session: node.session(MALLORY) }),
    createClient({ url: node.url, ca, token: node.createToken(MALLORY, 'separate') }),
    createClient({ url: node.url, ca, token: node.createToken(MALLORY, 'whole', { privsep: false }) }),
  ];
  const ask = () => Promise.all(callers.map(async (call) => (await call('GET', '/access/permissions')).status));
  const target = targetOf(false);
  const before = await ask();

  await target.apply(lock(), never());
  const locked = await ask();
  const seen = (await target.observe([{ oid: OID, name: MALLORY }], never())).get(OID);
  if (seen?.certainty !== 'present') throw new Error('the user is not seen');
  const unlock = { ...lock(ACTIVE), effect: 'grant', change: { enabled: true, comment: ACTIVE }, before: seen.value };
  await target.apply(unlock as ProxmoxStep, never());

  expect([before, locked, await ask()]).toEqual([
    [200, 200, 200],
    [401, 401, 401],
    [200, 200, 200],
  ]);
});

describe('with PVE_STOP_TASKS', () => {
  test('a lock stops the open consoles of the person and of their API tokens, of every kind', async () => {
    grant('Sys.Audit', 'Sys.Modify');
    const own = CONSOLES.map((type) => node.startTask({ authid: MALLORY, type, id: '101' }));
    const byToken = node.startTask({ authid: `${MALLORY}!ci`, type: 'termproxy', id: '102' });

    await targetOf().apply(lock(), never());

    expect([...own, byToken].map(stateOf)).toEqual(own.map(() => 'stopped').concat('stopped'));
    expect(node.user(MALLORY)?.enabled).toBe(false);
    expect(problems.size).toBe(0);
  });

  test('nothing else is stopped: no backup or migration of the person, and no console of anybody else', async () => {
    grant('Sys.Audit', 'Sys.Modify');
    const others = [
      node.startTask({ authid: MALLORY, type: 'vzdump', id: '101' }),
      node.startTask({ authid: MALLORY, type: 'qmigrate', id: '101' }),
      node.startTask({ authid: BOB, type: 'vncproxy', id: '101' }),
      node.startTask({ authid: `not-${MALLORY}`, type: 'vncproxy', id: '101' }),
      node.startTask({ authid: `${MALLORY}2`, type: 'termproxy', id: '101' }),
    ];

    await targetOf().apply(lock(), never());

    expect(others.map(stateOf)).toEqual(others.map(() => 'running'));
  });

  test('whoever only has a new name keeps what runs under the former one', async () => {
    grant('Sys.Audit', 'Sys.Modify');
    const task = node.startTask({ authid: MALLORY, type: 'vncproxy', id: '101' });
    const target = targetOf();

    await target.apply(lock(retiredComment(OID, 'm.allory@example.com@entra')), never());
    await target.tend(never());

    expect(stateOf(task)).toBe('running');
  });

  test.each([
    ['neither', []],
    ['only the right to see them', ['Sys.Audit']],
  ])('a token with %s locks all the same, and status names what is lacking', async (_what, privileges) => {
    grant(...privileges);
    const task = node.startTask({ authid: MALLORY, type: 'vncproxy', id: '101' });

    await targetOf().apply(lock(), never());

    expect(node.user(MALLORY)?.enabled).toBe(false);
    expect(stateOf(task)).toBe('running');
    expect(problems.get('proxmox-consoles')).toMatch(
      /consoles of mallory@example.com@entra may go on: .*lacks .*Sys\.Modify on \/nodes/,
    );
  });

  test('what an earlier pass could not stop the next sweep stops, and the note is gone', async () => {
    grant();
    const task = node.startTask({ authid: MALLORY, type: 'vncproxy', id: '101' });
    const target = targetOf();
    await target.apply(lock(), never());
    expect(problems.size).toBe(1);

    grant('Sys.Audit', 'Sys.Modify');
    await target.tend(never());

    expect(stateOf(task)).toBe('stopped');
    expect(problems.size).toBe(0);
  });

  test('a sweep stops what a crash between lock and stop left open, and leaves whoever is enabled alone', async () => {
    grant('Sys.Audit', 'Sys.Modify');
    const leavers = node.startTask({ authid: MALLORY, type: 'vncproxy', id: '101' });
    const bobs = node.startTask({ authid: BOB, type: 'vncproxy', id: '101' });
    node.setUser(MALLORY, { enabled: false, comment: LEFT });
    node.setUser(BOB, { enabled: false });

    await targetOf().tend(never());

    expect([leavers, bobs].map(stateOf)).toEqual(['stopped', 'running']);
  });

  test('a node that refuses is a note and no failed lock', async () => {
    grant('Sys.Audit', 'Sys.Modify');
    node.startTask({ authid: MALLORY, type: 'vncproxy', id: '101' });
    node.faults.failNext({ method: 'DELETE' }, { status: 500, text: 'broken' });

    await targetOf().apply(lock(), never());

    expect(node.user(MALLORY)?.enabled).toBe(false);
    expect(problems.get('proxmox-consoles')).toContain('broken');
  });

  test('doctor asks for both privileges, and prints what grants them', async () => {
    const lacking = (await targetOf().check(never())).find(({ saw }) => saw.includes('lacks'));
    const unasked = (await targetOf(false).check(never())).find(({ saw }) => saw.includes('lacks'));
    grant('Sys.Audit', 'Sys.Modify');
    const granted = (await targetOf().check(never())).find(({ saw }) => saw.includes('lacks'));

    expect(lacking?.saw).toContain('Sys.Audit on /nodes, Sys.Modify on /nodes');
    expect(lacking?.mend).toContain('pveum acl modify /nodes');
    expect([unasked, granted]).toEqual([undefined, undefined]);
  });
});

test('without PVE_STOP_TASKS no task is looked at or stopped', async () => {
  grant('Sys.Audit', 'Sys.Modify');
  const task = node.startTask({ authid: MALLORY, type: 'vncproxy', id: '101' });
  const target = targetOf(false);

  await target.apply(lock(), never());
  await target.tend(never());

  expect(stateOf(task)).toBe('running');
  expect(node.calls({ path: /^\/nodes/ })).toEqual([]);
});
