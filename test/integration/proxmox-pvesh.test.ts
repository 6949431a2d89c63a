import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Clock } from '../../src/domain/clock.js';
import { Busy, Rejected, SourceUnavailable } from '../../src/domain/errors.js';
import { MAX_ANSWER_BYTES } from '../../src/targets/proxmox/answer.js';
import { createClientOver, type ProxmoxClient, type ProxmoxWrite } from '../../src/targets/proxmox/client.js';
import { ProxmoxError } from '../../src/targets/proxmox/proxmox-error.js';
import { createRights, READ_ALL } from '../../src/targets/proxmox/rights.js';
import { pveshTransport } from '../../src/targets/proxmox/transport/pvesh.js';
import { restTransport } from '../../src/targets/proxmox/transport/rest.js';
import { ticketCredential } from '../../src/targets/proxmox/transport/ticket-credential.js';
import { systemClock } from '../../src/telemetry/system-clock.js';
import { type ProxmoxSimulator, startProxmoxSimulator } from '../simulators/proxmox/index.js';
import { installPvesh, type Pvesh } from '../simulators/proxmox/pvesh.js';
import type { PveshAnswer } from '../simulators/proxmox/pvesh-answer.js';
import { createTestAuthority, type TestAuthority } from '../simulators/tls.js';

let authority: TestAuthority;
let node: ProxmoxSimulator;
let dir: string;
let pvesh: Pvesh;
let client: ProxmoxClient;

beforeAll(async () => {
  authority = await createTestAuthority();
  node = await startProxmoxSimulator({ authority, lockDeadlineMs: 50 });
});

beforeEach(async () => {
  node.faults.clear();
  for (const { userid } of node.users()) if (userid !== 'root@pam') node.removeUser(userid);
  dir = mkdtempSync(join(tmpdir(), 'entramox-pvesh-'));
  pvesh = await installPvesh({ node, authority, dir });
  client = over(pvesh.command);
});

afterEach(async () => {
  await client.close();
  await pvesh.close();
  rmSync(dir, { recursive: true, force: true });
});

afterAll(() => node.close());

/** The waits between attempts take no time; deadlines do. */
const clock: Clock = {
  now: systemClock.now,
  sleep: (ms, until) => (ms <= 1_000 ? Promise.resolve() : systemClock.sleep(ms, until)),
};

function over(command: string, timeoutMs = 60_000): ProxmoxClient {
  return createClientOver(pveshTransport({ command, uid: 0 }), { timeoutMs, log: () => undefined, clock });
}

const signal = () => AbortSignal.timeout(120_000);

function caught(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => {
      throw new Error('expected a rejection');
    },
    (error: Error) => error,
  );
}

const createUser = (userid: string, comment = '') =>
  client.write({ method: 'POST', route: '/access/users', body: { userid, comment, enable: 1 } }, signal());

const setComment = (userid: string, comment: string) =>
  client.write({ method: 'PUT', route: '/access/users/{userid}', params: { userid }, body: { comment } }, signal());

describe('the API through pvesh', () => {
  it('reads and writes as root, with a clean environment and the command line of pvesh', async () => {
    await createUser('svc@pve', 'made by hand');

    const users = await client.get(
      { route: '/access/users', query: { full: '1' } },
      z.array(z.object({ userid: z.string() })),
      signal(),
    );
    const missing = await createRights({ client, clock }).missing([READ_ALL], signal());

    expect(users.map(({ userid }) => userid).sort()).toEqual(['root@pam', 'svc@pve']);
    expect(missing).toEqual([]);
    expect(pvesh.runs()[0]).toMatchObject({
      arguments: [
        'create',
        '/access/users',
        '--userid=svc@pve',
        '--comment=made by hand',
        '--enable=1',
        '--output-format=json',
      ],
      environment: { HOME: '/root', LC_ALL: 'C.UTF-8', PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    });
    expect(Object.keys(pvesh.runs()[0]?.environment ?? {}).sort()).toEqual(['HOME', 'LC_ALL', 'PATH']);
  });

  it.each([
    '; touch /tmp/x; #',
    '$(touch /tmp/x) `id` $HOME',
    '--enable=0',
    '--',
    '-',
    '--comment',
    '=x=',
    'two\nlines\n',
    `'single' "double" \\back`,
    'Größe 東京 🙂',
    '',
    ' ',
    '%2e%2e%00',
    '*?[a]{b,c}~',
  ])('hands the comment %j over as it is', async (comment) => {
    await createUser('svc@pve', comment);

    expect(node.user('svc@pve')).toMatchObject({ comment, enabled: true });
  });

  it.each(["it's", '$(id)', '-x', '--delete', 'a;b', 'a+b#c%20', '*'])(
    'reaches the user %j by its path and nobody else',
    async (name) => {
      const userid = `${name}@pve`;
      node.addUser({ userid });
      node.addUser({ userid: 'other@pve' });

      await setComment(userid, 'found');
      await client.write({ method: 'DELETE', route: '/access/users/{userid}', params: { userid } }, signal());

      expect(node.user(userid)).toBeUndefined();
      expect(node.user('other@pve')).toMatchObject({ comment: '' });
    },
  );

  it.each(['a/b@pve', '..', '.', '', 'a\0b@pve'])('runs nothing for a name like %j in a path', async (userid) => {
    const error = await caught(setComment(userid, 'x'));

    expect(error).toBeInstanceOf(Rejected);
    expect(error.message).toContain('cannot stand in the Proxmox VE path');
    expect(pvesh.runs()).toEqual([]);
  });

  it('runs nothing for a value that no program can be told', async () => {
    const error = await caught(createUser('svc@pve', 'a\0b'));

    expect(error).toBeInstanceOf(Rejected);
    expect(pvesh.runs()).toEqual([]);
  });

  it.each([
    ['POST', '/access/domains', { realm: 'entra', type: 'openid', 'client-key': 'hunter22' }],
    ['PUT', '/access/password', { userid: 'svc@pve', password: 'hunter22' }],
    ['POST', '/access/ticket', { username: 'root@pam', otp: 'hunter22' }],
  ] as const)('refuses %s %s, whose secret everybody could read, and names the remedy', async (method, route, body) => {
    const error = await caught(client.write({ method, route, body }, signal()));

    expect(error).toBeInstanceOf(Rejected);
    expect(error.message).toMatch(/--admin-user or --admin-token-file/);
    expect(error.message).not.toContain('hunter22');
    expect(pvesh.runs()).toEqual([]);
  });

  it('gets the secret of a new token back, which no argument ever held', async () => {
    node.addUser({ userid: 'svc@pve' });
    const token = z.object({ 'full-tokenid': z.string(), value: z.string() });

    const made = await client.write(
      {
        method: 'POST',
        route: '/access/users/{userid}/token/{tokenid}',
        params: { userid: 'svc@pve', tokenid: 'ci' },
        body: { privsep: 1 },
      },
      signal(),
      token,
    );

    expect(made['full-tokenid']).toBe('svc@pve!ci');
    expect(made.value).toMatch(/^[0-9a-f-]{36}$/);
    expect(JSON.stringify(pvesh.runs())).not.toContain(made.value);
  });
});

/** Calls that fail, each with what must be so before. */
const FAILURES: readonly [string, ProxmoxWrite, (() => void)?][] = [
  ['a user that exists', { method: 'POST', route: '/access/users', body: { userid: 'svc@pve' } }],
  ['a user that does not', { method: 'PUT', route: '/access/users/{userid}', params: { userid: 'no@pve' }, body: {} }],
  ['an unknown group', { method: 'POST', route: '/access/users', body: { userid: 'new@pve', groups: 'none' } }],
  [
    'a value that breaks a rule',
    { method: 'POST', route: '/access/users', body: { userid: 'new@pve', email: "o'n@x" } },
  ],
  ['two such values', { method: 'POST', route: '/access/users', body: { userid: 'new@pve', email: '@', expire: -1 } }],
  ['a parameter that is missing', { method: 'POST', route: '/access/users', body: { comment: 'x' } }],
  ['a parameter that there is not', { method: 'POST', route: '/access/roles', body: { roleid: 'R', comment: 'x' } }],
  ['a built-in role', { method: 'PUT', route: '/access/roles/PVEAdmin', body: { privs: 'VM.Audit' } }],
  ['an unknown privilege', { method: 'POST', route: '/access/roles', body: { roleid: 'R', privs: 'VM.Nothing' } }],
  [
    'a list on several lines',
    { method: 'PUT', route: '/access/acl', body: { path: '/', roles: 'Nothing', users: 'svc@pve' } },
  ],
  ['a refusal', { method: 'DELETE', route: '/access/users/{userid}', params: { userid: 'svc@pve' } }, refuse],
  ['no quorum', { method: 'POST', route: '/access/roles', body: { roleid: 'R' } }, () => node.faults.loseQuorum(true)],
];

function refuse(): void {
  const text = 'Permission check failed (/access/groups, User.Modify)';
  node.faults.failNext({ method: 'DELETE' }, { status: 403, text }, 9);
}

describe('an error through pvesh', () => {
  it.each(FAILURES)('means the same as over HTTPS: %s', async (_what, call, prepare) => {
    node.addUser({ userid: 'svc@pve' });
    node.setUser('root@pam', { password: 'correct horse' });
    const password = () => 'correct horse';
    const credential = ticketCredential({ userid: 'root@pam', password, from: 'a test', clock });
    const rest = createClientOver(
      restTransport({ baseUrl: node.url, ca: authority.cert, timeoutMs: 30_000, credential }),
      {
        timeoutMs: 30_000,
        log: () => undefined,
        clock,
      },
    );
    prepare?.();

    const here = await caught(client.write(call, signal()));
    const there = await caught(rest.write(call, signal()));
    await rest.close();

    const kinds = [here, there].map((error) => [error.name, meaningOf(error)]);
    expect(kinds[0]).toEqual(kinds[1]);
    expect(kinds[0]?.[1]).toMatchObject({ kind: expect.any(String) });
  });

  it('of a lock that stays held is tried again and then says Busy', async () => {
    const release = await node.faults.holdLock();

    const error = await caught(createUser('svc@pve'));
    release();

    expect(error).toBeInstanceOf(Busy);
    expect(error.cause).toMatchObject({ kind: 'lock-timeout' });
    expect((error.cause as ProxmoxError).text).not.toContain('trying to acquire');
    expect(pvesh.runs()).toHaveLength(3);
  });

  it('of a cluster file system that does not run is a source that is away', async () => {
    node.faults.failNext({ path: '/version' }, { status: 595, text: 'Connection refused' }, 3);

    const error = await caught(client.get({ route: '/version' }, z.unknown(), signal()));

    expect(error).toBeInstanceOf(SourceUnavailable);
    expect(error.message).toContain('ipcc_send_rec');
    expect(pvesh.runs()).toHaveLength(3);
  });

  it.each<[string, PveshAnswer, RegExp]>([
    ['no word at all', { end: 7 }, /pvesh ended with 7 and said nothing/],
    [
      'complaints of perl about the locale before it',
      {
        end: 2,
        stderr:
          'perl: warning: Setting locale failed.\nperl: warning: Please check that your locale settings:\n\tLC_ALL = "x"\n    are supported and installed on your system.\nno such user (\'a@b\')\n',
      },
      /answered POST \/access\/users with "500 no such user \('a@b'\)"/,
    ],
    ['a method that is not there', { end: 1, stderr: "No 'create' handler defined for '/x'\n" }, /501 No 'create'/],
  ])('is read with %s', async (_what, answer, words) => {
    pvesh.answerNext(answer);

    const error = await caught(createUser('svc@pve'));

    expect(error.name).toBe('ProxmoxError');
    expect(error.message).toMatch(words);
  });

  it.each<[string, PveshAnswer]>([
    ['no JSON', { end: 0, stdout: '┌──────┐\n│ key  │\n' }],
    ['half of it', { end: 0, stdout: '{"version":' }],
    ['another shape', { end: 0, stdout: '[]' }],
  ])('is that the source is unusable where it prints %s', async (_what, answer) => {
    pvesh.answerNext(answer);

    const error = await caught(client.get({ route: '/version' }, z.object({ version: z.string() }), signal()));

    expect(error).toBeInstanceOf(SourceUnavailable);
    expect(error.message).toContain('is');
  });

  it('names root where pvesh says that it wants it', async () => {
    pvesh.answerNext({ end: 255, stderr: 'please run as root\n' });

    const error = await caught(client.get({ route: '/version' }, z.unknown(), signal()));

    expect(error).toBeInstanceOf(Rejected);
    expect(error.message).toContain('works for root alone');
  });
});

/** What the caller is to make of an error, whichever way it came. */
function meaningOf(error: Error): unknown {
  const { kind, status, text } = (error instanceof ProxmoxError ? error : error.cause) as ProxmoxError;
  return { kind, status, words: [...text.split(/\s+/)].sort() };
}

describe('the death of pvesh', () => {
  it.each(['before', 'after'] as const)(
    'in a write, %s it was done, is not repeated, and its outcome not known',
    async (when) => {
      node.faults.dropNext({ method: 'POST' }, 1, when);

      const error = await caught(createUser('svc@pve'));

      expect(error).toBeInstanceOf(Busy);
      expect(error.message).toMatch(/ended by SIGKILL/);
      expect(pvesh.runs()).toHaveLength(1);
      expect(node.user('svc@pve') !== undefined).toBe(when === 'after');
    },
  );

  it('in a read is made good by another one', async () => {
    node.faults.dropNext({ path: '/version' });

    const version = await client.get({ route: '/version' }, z.object({ version: z.string() }), signal());

    expect(version.version).toBe('9.1.4');
    expect(pvesh.runs()).toHaveLength(2);
  });

  it('comes with the end of patience, and leaves no process behind', async () => {
    pvesh.answerNext({ end: 'hang', stdout: '' });
    const patience = new AbortController();
    const waiting = caught(client.get({ route: '/version' }, z.unknown(), patience.signal));
    const pid = await until(() => pvesh.runs()[0]?.pid);

    patience.abort(new Error('no more patience'));

    expect((await waiting).message).toBe('no more patience');
    await until(() => (isAlive(pid) ? undefined : true));
    expect(isAlive(pid)).toBe(false);
  });

  it('comes with far too long an answer', async () => {
    pvesh.answerNext({ end: 0, stdout: 'x'.repeat(MAX_ANSWER_BYTES + 1) });

    const error = await caught(createUser('svc@pve'));

    expect(error).toBeInstanceOf(Busy);
    expect(error.message).toMatch(new RegExp(`more than ${MAX_ANSWER_BYTES} bytes`));
  });
});

async function until<T>(look: () => T | undefined): Promise<T> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const found = look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error('it did not come about within a minute');
    await sleep(20);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

describe('a host without pvesh', () => {
  it('is told so, with the remedy', async () => {
    const error = await caught(over(join(dir, 'none')).get({ route: '/version' }, z.unknown(), signal()));

    expect(error).toBeInstanceOf(Rejected);
    expect(error.message).toMatch(/cannot be started .*on a node of Proxmox VE alone/);
  });

  it('or a user who is not root is refused before anything runs', () => {
    expect(() => pveshTransport({ command: pvesh.command, uid: 1000 })).toThrow(/root alone/);
  });
});
