import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../lab/wait.js';
import { createTestAuthority } from '../simulators/tls.js';
import { openWard, sides, type Ward } from './bad-input-lab.js';

const TOKEN = '/{tenant}/oauth2/v2.0/token';

let ward: Ward;
beforeAll(async () => {
  ward = await openWard({ residents: ['alice', 'bob'], admins: ['bob'], settings: { CONFIRM_AFTER: '1h' } });
});
afterAll(() => ward?.close());

const foreground = () => ward.lab.entramox('sweep', '--json');

/** What an operator is told while Graph cannot be read. */
async function toldOf(words: RegExp): Promise<void> {
  const { problems } = await ward.shows(`a problem like ${words}`, (status) =>
    status.problems.some((problem) => words.test(problem)),
  );
  const ready = await ward.readyz();
  expect(ready).toMatchObject({ status: 503 });
  expect(ready.unready.map(({ detail }) => detail)).toEqual(expect.arrayContaining(problems));
  const { code, stdout } = await ward.lab.entramox('status');
  expect(code).toBe(4);
  expect(stdout).toMatch(words);
}

async function recovers(): Promise<void> {
  await ward.welcomesNewcomer();
  await ward.shows('no problem any more', ({ problems }) => problems.length === 0);
}

describe(`Graph that is unwell${sides}`, () => {
  it('with 503 for a while is asked again, and nobody notices', async () => {
    const before = ward.world();
    const fault = ward.lab.entra.faults.htmlUnavailable(/\$batch/, 2);

    await ward.welcomesNewcomer();

    expect(fault.hits()).toBe(2);
    await ward.heard('entra.call.retried');
    expect(ward.world()).toEqual(before);
  });

  it('with throttling is asked as late as it wants, and nobody notices', async () => {
    const before = ward.world();
    const batch = ward.lab.entra.faults.throttle(/\$batch/, 1, 1);
    const inner = ward.lab.entra.faults.throttle(({ inBatch, path }) => inBatch && path.startsWith('/users/'), 1, 1);

    await ward.welcomesNewcomer();

    expect([batch.hits(), inner.hits()]).toEqual([1, 1]);
    expect(ward.world()).toEqual(before);
  });

  it('for longer degrades the sweep and says so, locks nobody, and is forgotten without a restart', async () => {
    const before = ward.world();
    ward.lab.entra.faults.htmlUnavailable('*', Number.POSITIVE_INFINITY);

    const { code, stdout } = await foreground();

    expect(code).toBe(4);
    expect(JSON.parse(stdout)).toMatchObject({ result: 'degraded', why: expect.stringMatching(/status 503/) });
    await toldOf(/Graph is unwell/);
    expect(ward.world()).toEqual(before);
    ward.lab.entra.faults.clear();
    await recovers();
  });

  it('with answers that break off, and cut connections, concludes nothing from them', async () => {
    const before = ward.world();
    ward.lab.entra.faults.garbage(/\$batch/, 1);
    ward.lab.entra.faults.dropConnection(/\$batch/, 1);

    await ward.welcomesNewcomer();

    expect(ward.world()).toEqual(before);
  });
});

describe(`A token that is not to be had${sides}`, () => {
  const noToken = () => ward.lab.entra.credentials.revokeTokens();

  it('because the endpoint is down is told, harms nobody, and comes back without a restart', async () => {
    const before = ward.world();
    const down = ward.lab.entra.faults.tokenEndpointDown();
    noToken();

    const { code, stdout } = await foreground();

    expect(code).toBe(4);
    expect(JSON.parse(stdout).why).toMatch(/no access token: .*(unwell|503)/);
    await toldOf(/no access token/);
    expect(ward.world()).toEqual(before);
    down.clear();
    await recovers();
  });

  it('because the secret has expired is told in words that help, without the secret', async () => {
    const before = ward.world();
    const { faults } = ward.lab.entra;
    const error_description = `AADSTS7000222: The provided client secret keys for app are expired. Trace ID: 1`;
    const expired = { status: 401, body: { error: 'invalid_client', error_description, error_codes: [7000222] } };
    const fault = faults.answerWith(TOKEN, expired, Number.POSITIVE_INFINITY);
    noToken();

    const { code } = await foreground();

    expect(code).toBe(4);
    await toldOf(/the client secret of app \S+ has expired; make a new one/);
    expect(ward.world()).toEqual(before);
    expect(ward.lab.log()).not.toContain(ward.lab.entra.clientSecret);
    fault.clear();
    await recovers();
  });

  it('of an expired secret is to be had with a new one, and the leaver of the meantime is locked', async () => {
    const before = ward.world();
    const gone = 'newcomer810';
    const oid = ward.lab.join(gone);
    await waitFor('the person', () => ward.provisioned(gone));
    ward.lab.entra.credentials.expireSecret();
    noToken();
    ward.lab.entra.directory.removeMember(ward.lab.groups.everybody, oid);
    await toldOf(/has expired/);
    expect(ward.provisioned(gone)).toBe(true);

    await ward.restart({ ENTRA_CLIENT_SECRET: ward.lab.entra.credentials.rotateSecret() });

    await waitFor('the lock', () => ward.lockedOut(gone), 30_000);
    expect(ward.world()).toEqual(before);
    await recovers();
  });
});

describe(`A missing permission${sides}`, () => {
  it('to read people and groups is named, locks nobody, and works once it is granted', async () => {
    const { credentials } = ward.lab.entra;
    const before = ward.world();
    credentials.setRoles([]);
    credentials.revokeTokens();

    const { code } = await foreground();
    const doctor = await ward.lab.entramox('doctor');

    expect(code).toBe(4);
    expect(ward.world()).toEqual(before);
    expect(doctor.code).toBe(1);
    expect(doctor.stdout).toMatch(/missing:\s+GroupMember\.Read\.All,\s+User\.Read\.All/);
    expect(doctor.stdout).toMatch(/Grant\s+admin\s+consent/);
    const { problems } = await ward.status();
    expect(problems.join('\n')).toMatch(/needs? .*GroupMember\.Read\.All/);
    credentials.setRoles(['GroupMember.Read.All', 'User.Read.All']);
    credentials.revokeTokens();
    await ward.welcomesNewcomer();
    expect((await foreground()).code).toBe(0);
    expect((await ward.readyz()).status).toBe(200);
  });
});

describe(`A Graph whose certificate nobody vouches for${sides}`, () => {
  it('gets no secret and is believed nothing; the start says which setting it is', async () => {
    const before = ward.world();
    const trusted = join(ward.lab.dir, 'ca.pem');
    const other = await createTestAuthority('Somebody else');
    const file = join(ward.lab.dir, 'other-ca.pem');
    writeFileSync(file, other.cert);
    ward.lab.entra.calls.clear();

    await ward.restart({ CA_FILE: file });
    await toldOf(/cannot be reached: its certificate .*CA_FILE/);

    expect(ward.lab.entra.calls.count('*')).toBe(0);
    expect(ward.world()).toEqual(before);
    await ward.restart({ CA_FILE: trusted });
    await ward.lab.ready();
    await recovers();
  });
});

describe(`GRAPH_FAIL_OPEN=false${sides}`, () => {
  it('lets the sweep fail loudly when Graph cannot be read, and still locks nobody', async () => {
    const before = ward.world();
    await ward.restart({ GRAPH_FAIL_OPEN: 'false' });
    await ward.lab.ready();
    const error_description = 'AADSTS7000222: The provided client secret keys for app are expired.';
    const answer = { status: 401, body: { error: 'invalid_client', error_description, error_codes: [7000222] } };
    ward.lab.entra.faults.answerWith(TOKEN, answer, Number.POSITIVE_INFINITY);
    ward.lab.entra.credentials.revokeTokens();

    const { code, stdout } = await foreground();

    expect(code).toBe(1);
    expect(JSON.parse(stdout).result).toBe('failed');
    expect(ward.world()).toEqual(before);
    ward.lab.entra.faults.clear();
    await recovers();
  });
});
