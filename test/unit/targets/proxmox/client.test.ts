import { expect, test } from 'vitest';
import { z } from 'zod';
import { Busy, Rejected, SourceUnavailable } from '../../../../src/domain/errors.js';
import { MAX_ANSWER_BYTES } from '../../../../src/targets/proxmox/answer.js';
import { createProxmoxClient } from '../../../../src/targets/proxmox/client.js';
import { ProxmoxError } from '../../../../src/targets/proxmox/proxmox-error.js';
import { createTestClock, errorWithCode, fakeApi, never, type Reply, SECRET, TOKEN } from './fake-api.js';

const VERSION = { route: '/version' };
const PUT_ALICE = {
  method: 'PUT' as const,
  route: '/access/users/{userid}',
  params: { userid: "o'neil+x#1%@entra" },
  body: { enable: 0 },
};

/** Answers with these one after the other, the last one for ever. */
function sequence(...replies: Reply[]): () => Reply {
  let next = 0;
  return () => replies[Math.min(next++, replies.length - 1)] ?? {};
}

function caught(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => {
      throw new Error('expected a rejection');
    },
    (error: Error) => error,
  );
}

test('sends the token header, the JSON body and the percent-encoded userid', async () => {
  const api = fakeApi(() => ({ data: null }));

  await api.client.write(PUT_ALICE, never());

  expect(api.calls).toHaveLength(1);
  expect(api.calls[0]).toMatchObject({
    method: 'PUT',
    path: "/api2/json/access/users/o'neil%2Bx%231%25%40entra",
    headers: { authorization: `PVEAPIToken=${TOKEN}`, 'content-type': 'application/json' },
    body: { enable: 0 },
  });
});

test('gives back the data of a good answer', async () => {
  const api = fakeApi(() => ({ data: { version: '9.2.11' } }));

  const answer = await api.client.get(VERSION, z.object({ version: z.string() }), never());

  expect(answer.version).toBe('9.2.11');
});

test('reports every attempt with the route template, the status and the time', async () => {
  const api = fakeApi(() => ({ data: null }));

  await api.client.write(PUT_ALICE, never());

  expect(api.reports).toEqual([{ method: 'PUT', route: '/access/users/{userid}', status: 200, durationMs: 0 }]);
});

test('tries a read again after a broken connection, with growing waits', async () => {
  const reset = { failure: errorWithCode('ECONNRESET', 'read ECONNRESET') };
  const api = fakeApi(sequence(reset, reset, { data: 'ok' }));

  const answer = await api.client.get(VERSION, z.string(), never());

  expect(answer).toBe('ok');
  expect(api.time.sleeps).toEqual([250, 1_000]);
});

test('gives a read up as SourceUnavailable after three attempts', async () => {
  const api = fakeApi(() => ({ failure: errorWithCode('ECONNREFUSED', 'connect ECONNREFUSED') }));

  const error = await caught(api.client.get(VERSION, z.string(), never()));

  expect(error).toBeInstanceOf(SourceUnavailable);
  expect(error.message).toContain('pve.example.test:8006');
  expect(error.message).toContain('PVE_API_URL');
  expect(api.calls).toHaveLength(3);
});

test('tries a write again when no connection came about', async () => {
  const refused = { failure: errorWithCode('ECONNREFUSED', 'connect ECONNREFUSED') };
  const api = fakeApi(sequence(refused, { data: null }));

  await api.client.write(PUT_ALICE, never());

  expect(api.calls).toHaveLength(2);
});

test('never repeats a write that broke on its way, and says Busy', async () => {
  const api = fakeApi(() => ({ failure: errorWithCode('UND_ERR_SOCKET', 'other side closed') }));

  const error = await caught(api.client.write(PUT_ALICE, never()));

  expect(error).toBeInstanceOf(Busy);
  expect(api.calls).toHaveLength(1);
});

test('repeats a write that did not get the lock, at most three times in all, then says Busy', async () => {
  const text = "cfs-lock 'file-user_cfg' error: got lock request timeout";
  const api = fakeApi(() => ({ status: 500, message: text }));

  const error = await caught(api.client.write(PUT_ALICE, never()));

  expect(error).toBeInstanceOf(Busy);
  expect((error as Busy).retryAfterMs).toBeGreaterThan(0);
  expect(error.cause).toMatchObject({ kind: 'lock-timeout', status: 500, text });
  expect(api.calls).toHaveLength(3);
});

test('puts other writes off unasked after one that found the lock held, for as long as that one is to wait', async () => {
  let held = true;
  const text = "cfs-lock 'file-user_cfg' error: got lock request timeout";
  const api = fakeApi(() => (held ? { status: 500, message: text } : {}));
  await caught(api.client.write(PUT_ALICE, never()));
  held = false;
  const asked = api.calls.length;

  const error = await caught(api.client.write(PUT_ALICE, never()));
  api.time.advance(10_000);
  await api.client.write(PUT_ALICE, never());

  expect(error).toBeInstanceOf(Busy);
  expect(error.cause).toMatchObject({ kind: 'lock-timeout' });
  expect(api.calls).toHaveLength(asked + 1);
});

test('never puts off a write that shuts somebody out', async () => {
  const text = "cfs-lock 'file-user_cfg' error: got lock request timeout";
  const api = fakeApi(() => ({ status: 500, message: text }));
  await caught(api.client.write(PUT_ALICE, never()));
  const asked = api.calls.length;

  await caught(api.client.write({ ...PUT_ALICE, urgent: true }, never()));

  expect(api.calls.length).toBeGreaterThan(asked);
});

test('asks again at once after one that met no quorum, since that answer costs no time', async () => {
  let quorate = false;
  const api = fakeApi(() => (quorate ? {} : { status: 500, message: "cfs-lock 'file-user_cfg' error: no quorum!" }));
  await caught(api.client.write(PUT_ALICE, never()));
  quorate = true;

  await api.client.write(PUT_ALICE, never());

  expect(api.calls).toHaveLength(2);
});

test('says Busy at once where the cluster has no quorum', async () => {
  const api = fakeApi(() => ({ status: 500, message: "cfs-lock 'file-user_cfg' error: no quorum!" }));

  const error = await caught(api.client.write(PUT_ALICE, never()));

  expect(error).toBeInstanceOf(Busy);
  expect(error.message).toContain('pvecm status');
  expect(api.calls).toHaveLength(1);
});

test.each([502, 503, 595, 596])(
  'takes status %i of a read for a source that is away, after repeating it',
  async (status) => {
    const api = fakeApi(() => ({ status, raw: '' }));

    const error = await caught(api.client.get(VERSION, z.string(), never()));

    expect(error).toBeInstanceOf(SourceUnavailable);
    expect(error.cause).toMatchObject({ kind: 'unavailable', status });
    expect(api.calls).toHaveLength(3);
  },
);

test('never repeats a write that a proxy answered with 503', async () => {
  const api = fakeApi(() => ({ status: 503, raw: '' }));

  const error = await caught(api.client.write(PUT_ALICE, never()));

  expect(error).toBeInstanceOf(Busy);
  expect(api.calls).toHaveLength(1);
});

test('throws a ProxmoxError that names call, reply, host and token id', async () => {
  const api = fakeApi(() => ({ status: 403, message: 'Permission check failed (/access/groups, User.Modify)' }));

  const error = await caught(api.client.write(PUT_ALICE, never()));

  expect(error).toBeInstanceOf(ProxmoxError);
  expect(error).toMatchObject({ kind: 'permission', status: 403 });
  expect(error.message).toContain("PUT /access/users/o'neil+x#1%@entra");
  expect(error.message).toContain('User.Modify on /access/groups');
  expect(error.message).toContain('svc@pve!entramox');
});

test('reads the reason phrase of a 401, whose body is empty', async () => {
  const api = fakeApi(() => ({ status: 401, raw: '' }));

  const error = await caught(api.client.get(VERSION, z.string(), never()));

  expect(error).toMatchObject({ kind: 'unauthenticated', status: 401 });
  expect(error.message).toContain('PVE_API_TOKEN');
});

test('adds the errors of single parameters to the text of a 400', async () => {
  const api = fakeApi(() => ({
    status: 400,
    message: 'Parameter verification failed.',
    errors: { email: 'invalid format' },
  }));

  const error = await caught(api.client.write(PUT_ALICE, never()));

  expect(error).toMatchObject({ kind: 'bad-parameter', text: 'Parameter verification failed. email: invalid format' });
});

test('follows no redirect', async () => {
  const api = fakeApi(() => ({ status: 301, raw: '', headers: { location: 'https://evil.example/' } }));

  const error = await caught(api.client.get(VERSION, z.string(), never()));

  expect(error.message).toContain('redirect');
  expect(api.calls).toHaveLength(1);
});

test.each([
  ['a page of HTML', '<html><body>Login</body></html>'],
  ['truncated JSON', '{"data":[{"userid":"a@ent'],
  ['JSON without data', '{"success":1}'],
  ['an array', '[]'],
  ['nothing', ''],
  ['null', 'null'],
])('takes %s with status 200 for an unusable source', async (_, raw) => {
  const api = fakeApi(() => ({ raw }));

  const error = await caught(api.client.get(VERSION, z.array(z.unknown()), never()));

  expect(error).toBeInstanceOf(SourceUnavailable);
  expect(error.message).toContain('PVE_API_URL');
});

test('names the place where the shape of an answer is wrong', async () => {
  const api = fakeApi(() => ({ data: { version: 9 } }));

  const error = await caught(api.client.get(VERSION, z.object({ version: z.string() }), never()));

  expect(error).toBeInstanceOf(SourceUnavailable);
  expect(error.message).toContain('data.version');
});

test('does not read an answer that announces a gigabyte', async () => {
  const api = fakeApi(() => ({ raw: '{"data":[]}', headers: { 'content-length': String(2 ** 30) } }));

  const error = await caught(api.client.get(VERSION, z.array(z.unknown()), never()));

  expect(error).toBeInstanceOf(SourceUnavailable);
  expect(error.message).toContain(String(2 ** 30));
});

test('stops reading an answer that grows past the limit', async () => {
  const api = fakeApi(() => ({ raw: `{"data":"${'x'.repeat(MAX_ANSWER_BYTES)}"}` }));

  const error = await caught(api.client.get(VERSION, z.string(), never()));

  expect(error).toBeInstanceOf(SourceUnavailable);
  expect(error.message).toContain(String(MAX_ANSWER_BYTES));
});

test.each([
  ['CERT_FOR_OTHER_NAMES', 'does not match'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'not trusted'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'not trusted'],
  ['CERT_HAS_EXPIRED', 'has expired'],
])('explains the certificate error %s with host and PVE_CA_FILE, and does not insist', async (code, words) => {
  const api = fakeApi(() => ({ failure: errorWithCode(code, 'bad certificate') }));

  const error = await caught(api.client.write(PUT_ALICE, never()));

  expect(error).toBeInstanceOf(SourceUnavailable);
  expect(error.message).toContain('pve.example.test:8006');
  expect(error.message).toContain('PVE_CA_FILE');
  expect(error.message).toContain(words);
  expect(api.calls).toHaveLength(1);
});

test('rejects with the reason of an abort, and sends nothing', async () => {
  const api = fakeApi(() => ({ data: null }));

  const error = await caught(api.client.write(PUT_ALICE, AbortSignal.abort(new Error('stopping'))));

  expect(error.message).toBe('stopping');
  expect(api.calls).toHaveLength(0);
});

test('leaves no timer behind after a call', async () => {
  const api = fakeApi(() => ({ data: 'ok' }));

  await api.client.get(VERSION, z.string(), never());

  expect(api.time.waiting()).toBe(0);
});

test.each<[string, Reply]>([
  ['an error text', { status: 500, message: `you sent PVEAPIToken=${TOKEN}` }],
  ['the errors of parameters', { status: 400, message: 'no', errors: { x: TOKEN } }],
  ['a page', { raw: `<p>${TOKEN}</p>` }],
  ['a key of a strange answer', { data: { [SECRET]: TOKEN } }],
  ['an error of the connection', { failure: errorWithCode('ECONNRESET', `cannot send ${TOKEN}`) }],
])('keeps the secret out of errors and logs where %s repeats it', async (_, reply) => {
  const api = fakeApi(() => reply);

  const read = await caught(api.client.get(VERSION, z.record(z.string(), z.number()), never()));
  const write = await caught(api.client.write(PUT_ALICE, never(), z.record(z.string(), z.number())));

  for (const error of [read, write]) {
    expect(error.message).not.toContain(SECRET);
    expect(String(error.stack)).not.toContain(SECRET);
    expect(JSON.stringify({ ...error, cause: error.cause })).not.toContain(SECRET);
  }
  expect(JSON.stringify(api.logged)).not.toContain(SECRET);
});

test('quotes nothing of an answer in JSON, which may hold a secret that was made just now', async () => {
  const fresh = '0d5f1f0e-1111-4222-8333-444455556666';
  const api = fakeApi(() => ({ data: { value: fresh, info: 'strange' } }));

  const error = await caught(api.client.write(PUT_ALICE, never(), z.object({ value: z.string(), info: z.object({}) })));

  expect(error.message).toMatch(/unexpected shape at data\.info/);
  expect(error.message + JSON.stringify(api.logged)).not.toContain(fresh.slice(0, 8));
});

test.each(['', 'svc@pve', 'svc@pve!x', `svc!x=${SECRET}`, `PVEAPIToken=${SECRET}`, `svc@pve!x=${SECRET}\r\nX: y`])(
  'refuses the malformed token %j without repeating it',
  async (token) => {
    const build = (): unknown => fakeApi(() => ({}), { token: token });

    // An empty text must not fall back to a default of the test's own.
    expect(build).toThrow(Rejected);
    expect(build).toThrow(/PVE_API_TOKEN/);
    expect(build).not.toThrow(new RegExp(SECRET));
  },
);

test.each(['http://pve.example.test:8006', 'pve.example.test', 'ftp://x', 'https://root:x@pve.example.test'])(
  'refuses the address %s',
  (baseUrl) => {
    const { clock } = createTestClock();

    const build = (): unknown =>
      createProxmoxClient({ baseUrl, token: TOKEN, timeoutMs: 1, log: () => undefined, clock });

    expect(build).toThrow(/PVE_API_URL/);
  },
);

test('refuses a PVE_CA_FILE that holds no certificate', () => {
  const { clock } = createTestClock();
  const options = { baseUrl: 'https://127.0.0.1:8006', token: TOKEN, timeoutMs: 1, log: () => undefined, clock };
  const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';

  expect(() => createProxmoxClient({ ...options, ca: 'hello' })).toThrow(/PVE_CA_FILE/);
  expect(() => createProxmoxClient({ ...options, ca: broken })).toThrow(/PVE_CA_FILE/);
});
