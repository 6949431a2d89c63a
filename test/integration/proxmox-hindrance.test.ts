import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { Busy } from '../../src/domain/errors.js';
import type { ProxmoxFields, ProxmoxStep } from '../../src/domain/step.js';
import { createProxmoxClient } from '../../src/targets/proxmox/client.js';
import { createProxmoxTarget, type ProxmoxTarget } from '../../src/targets/proxmox/target.js';
import { systemClock as clock } from '../../src/telemetry/system-clock.js';
import { type ProxmoxSimulator, startProxmoxSimulator } from '../simulators/proxmox/index.js';
import { createTestAuthority, type TestAuthority } from '../simulators/tls.js';

const BASE = 'entramox-entra';
const NOTE = 'proxmox-writes';

let authority: TestAuthority;
let node: ProxmoxSimulator;
let target: ProxmoxTarget;
let problems: Map<string, string>;

beforeAll(async () => {
  authority = await createTestAuthority();
});

beforeEach(async () => {
  node = await startProxmoxSimulator({ authority, lockDeadlineMs: 20, userCfgCapBytes: 3000 });
  const { token } = node.prepareFor({ realm: 'entra', groups: ['entramox'] });
  problems = new Map();
  // Waits between attempts are skipped, deadlines are not.
  const hasty = {
    now: clock.now,
    sleep: (ms: number, signal?: AbortSignal) => clock.sleep(ms <= 1000 ? 1 : ms, signal),
  };
  const log = () => undefined;
  const client = createProxmoxClient({
    baseUrl: node.url,
    token,
    ca: authority.cert,
    timeoutMs: 5000,
    log,
    clock: hasty,
  });
  target = createProxmoxTarget({
    client,
    realm: 'entra',
    managedGroups: [BASE],
    adoptExisting: false,
    problems,
    log,
    clock,
  });
});

afterEach(async () => {
  await target.close();
  await node.close();
});

const never = () => new AbortController().signal;
const oidOf = (n: number) => `11111111-2222-4333-8444-${String(n).padStart(12, '0')}`;
const nameOf = (n: number) => `person${n}@example.com@entra`;

function fieldsOf(n: number, comment = ''): ProxmoxFields {
  const mark = `${comment}entra:${oidOf(n)}`;
  return { enabled: true, comment: mark, firstName: '', lastName: '', email: '', groups: [BASE] };
}

function create(n: number, comment?: string): ProxmoxStep {
  return {
    target: 'proxmox',
    action: 'create',
    effect: 'create',
    oid: oidOf(n),
    name: nameOf(n),
    fields: fieldsOf(n, comment),
  };
}

function disable(n: number): ProxmoxStep {
  return {
    target: 'proxmox',
    action: 'update',
    effect: 'lock',
    oid: oidOf(n),
    name: nameOf(n),
    change: { enabled: false, comment: `left ${'x'.repeat(600)}; entra:${oidOf(n)}` },
    groups: [BASE],
    append: false,
    before: fieldsOf(n),
  };
}

async function failureOf(work: Promise<void>): Promise<unknown> {
  return work.then(
    () => 'it went well',
    (error: unknown) => error,
  );
}

test('a held lock fails the write as Busy with nothing done, is told, and recovers by itself', async () => {
  const release = await node.faults.holdLock();
  const before = JSON.stringify(node.users());

  const failure = await failureOf(target.apply(create(1), never()));
  const told = problems.get(NOTE);
  const after = JSON.stringify(node.users());
  release();
  await target.tend(never());
  // Another attempt is let through as soon as the time is up that the first one was told to wait.
  await expect
    .poll(() => failureOf(target.apply(create(1), never())), { timeout: 15_000, interval: 500 })
    .toBe('it went well');

  expect(failure).toBeInstanceOf(Busy);
  expect((failure as Busy).retryAfterMs).toBeGreaterThan(0);
  expect(told).toMatch(/got lock request timeout.*another task holds the lock on user\.cfg/);
  expect(after).toBe(before);
  expect(node.user(nameOf(1))?.enabled).toBe(true);
  expect(problems.has(NOTE)).toBe(false);
}, 30_000);

test('while the lock is held one write asks and the others wait unasked; a leaver is tried all the same', async () => {
  await target.apply(create(1), never());
  const release = await node.faults.holdLock();
  node.resetCounters();

  const failures = [];
  for (const n of [2, 3, 4]) failures.push(await failureOf(target.apply(create(n), never())));
  const posts = node.calls({ method: 'POST' }).map(({ status }) => status);
  release();
  const leaver = await failureOf(target.apply(disable(1), never()));

  expect(failures.every((failure) => failure instanceof Busy)).toBe(true);
  expect(posts).toEqual([500, 500, 500]);
  expect(leaver).toBe('it went well');
  expect(node.user(nameOf(1))?.enabled).toBe(false);
  expect(node.user(nameOf(2))).toBeUndefined();
});

test('without quorum nothing is done and it is told, and the next write after that goes through', async () => {
  await target.apply(create(1), never());
  node.faults.loseQuorum(true);
  const before = JSON.stringify(node.users());

  const failures = [
    await failureOf(target.apply(create(2), never())),
    await failureOf(target.apply(disable(1), never())),
  ];

  expect(failures.every((failure) => failure instanceof Busy)).toBe(true);
  expect(JSON.stringify(node.users())).toBe(before);
  expect(problems.get(NOTE)).toMatch(/no quorum.*pvecm status/);
  node.faults.loseQuorum(false);
  expect(await failureOf(target.apply(disable(1), never()))).toBe('it went well');
  expect(node.user(nameOf(1))?.enabled).toBe(false);
  expect(problems.has(NOTE)).toBe(false);
});

test('a full user.cfg takes no joiner and still shuts the leaver out, and the note stays until something fits again', async () => {
  await target.apply(create(1), never());
  let made = 1;
  while ((await failureOf(target.apply(create(made + 1), never()))) === 'it went well') made += 1;
  const told = problems.get(NOTE);

  const leaver = await failureOf(target.apply(disable(1), never()));

  expect(leaver).toBeInstanceOf(Busy);
  expect(node.user(nameOf(1))?.enabled).toBe(false);
  expect(told).toMatch(/File too large.*limit of 1 MiB; delete users, tokens or ACLs/);
  expect(problems.has(NOTE)).toBe(true);
  node.removeUser(nameOf(2));
  node.removeUser(nameOf(3));
  expect(await failureOf(target.apply(create(made + 1), never()))).toBe('it went well');
  expect(problems.has(NOTE)).toBe(false);
});

test('a sweep begins without the note of the one before', async () => {
  node.faults.loseQuorum(true);
  await failureOf(target.apply(create(1), never()));
  node.faults.loseQuorum(false);

  await target.tend(never());

  expect(problems.size).toBe(0);
});
