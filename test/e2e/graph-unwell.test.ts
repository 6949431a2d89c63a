import { randomUUID } from 'node:crypto';
import { renameSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { fetchFrom } from '../lab/look.js';
import { waitFor } from '../lab/wait.js';
import { openWard, type Ward } from './bad-input-lab.js';

const TOKEN = '/{tenant}/oauth2/v2.0/token';
const toGraph = ({ path }: { path: string }) => !path.endsWith('/oauth2/v2.0/token');

let ward: Ward;
beforeAll(async () => {
  // Proxmox alone: what is asked here is what becomes of a reading, which the targets have no part in.
  const settings = { CONFIRM_AFTER: '1h', GUARD_MAX_LOCKS: '1000' };
  ward = await openWard({ residents: ['alice', 'bob'], admins: ['bob'], linux: false, settings });
});
afterAll(() => ward?.close());
afterEach(() => ward.lab.entra.faults.clear());

const { MAX_SAFE_INTEGER: EVER } = Number;
const foreground = () => ward.lab.entramox('sweep', '--json');

/** The value of a metric without labels. */
async function gauge(name: string): Promise<number> {
  const { text } = await fetchFrom({ socketPath: join(ward.lab.dir, 'run/operator.sock') }, '/metrics');
  const line = text.split('\n').find((sample) => sample.startsWith(`${name} `));
  return Number(line?.split(' ')[1]);
}

/** Waits until a condition is told, by this name and in these words, and looks whether all places tell it alike. */
async function toldOf(condition: string, words: RegExp): Promise<{ since: string; mend?: string | undefined }> {
  const { conditions } = await ward.shows(`${condition}: ${words}`, (status) =>
    (status.conditions ?? []).some((item) => item.condition === condition && words.test(item.detail)),
  );
  const found = conditions?.find((item) => item.condition === condition);
  const ready = await ward.readyz();
  const { code, stdout } = await ward.lab.entramox('status');
  expect(ready.status).toBe(503);
  expect(ready.unready).toContainEqual(expect.objectContaining({ condition, since: found?.since }));
  expect(code).toBe(4);
  expect(stdout).toMatch(words);
  expect(stdout).toContain(`[since ${found?.since.slice(0, 16).replace('T', ' ')} UTC`);
  expect(await ward.metric('entramox_problem', `condition="${condition.split(':')[0]}"`)).toBe(1);
  await ward.heard('reconcile.problem.began', (line) => line.condition === condition);
  return { since: found?.since ?? '', mend: found?.mend };
}

/** Without anybody's doing: nothing is told any more, nobody waits, and work goes on. */
async function recovers(condition: string): Promise<void> {
  await ward.shows('no problem any more', ({ problems }) => problems.length === 0);
  await ward.welcomesNewcomer();
  await ward.shows('a good sweep', ({ lastSweep }) => {
    if (lastSweep?.result !== 'done') throw new Error(JSON.stringify(lastSweep));
    return true;
  });
  expect((await ward.readyz()).unready).toEqual([]);
  expect(await ward.metric('entramox_problem', `condition="${condition.split(':')[0]}"`)).toBe(0);
  const ended = await ward.heard('reconcile.problem.ended', (line) => line.condition === condition);
  expect(ended.lastedMs).toBeGreaterThan(0);
}

describe('Graph that gives 503 for hours', () => {
  it('is left alone but for a look now and then, and who left and who came meanwhile are settled at its end', async () => {
    const before = ward.world();
    const { entra, groups } = ward.lab;
    const leaver = await ward.welcomesNewcomer();
    await ward.rests();
    const leaverOid = ward.newcomers[leaver] ?? '';
    entra.faults.htmlUnavailable(toGraph, EVER);

    entra.directory.removeMember(groups.everybody, leaverOid);
    ward.lab.join('newcomer900');
    await toldOf('graph', /Graph is unwell: .*status 503/);
    const spool = join(ward.lab.dir, 'spool/pending');
    for (let index = 0; index < 1000; index += 1) writeFileSync(join(spool, `user-${randomUUID()}`), '');
    // One that has waited for long, as its file tells.
    const old = join(ward.lab.dir, 'old');
    writeFileSync(old, '');
    utimesSync(old, new Date(), new Date(Date.now() - 3_600_000));
    renameSync(old, join(spool, `user-${ward.people.alice}`));
    await ward.shows('the crowd', ({ queue }) => queue.pending >= 1000);
    entra.calls.clear();
    const looked = ward.events('entra.outage.lasts').length;
    await ward.heard('entra.outage.lasts', undefined, looked + 1);

    const looks = ward.events('entra.outage.lasts').length - looked;
    expect(entra.calls.count(toGraph, { outer: true })).toBeLessThanOrEqual(looks + 1);
    expect(await gauge('entramox_oldest_unproved_seconds')).toBeGreaterThanOrEqual(3600);
    expect((await ward.readyz()).unready).toContainEqual(expect.objectContaining({ condition: 'queue' }));
    expect((await ward.status()).queue.parked).toEqual([]);
    expect(ward.world()).toEqual(before);
    entra.faults.clear();
    await ward.shows('its end', ({ conditions = [] }) => conditions.every(({ condition }) => condition !== 'graph'));
    await waitFor('the lock', () => ward.lockedOut(leaver), 10_000);
    await waitFor('the joiner', () => ward.provisioned('newcomer900'), 10_000);
    await waitFor('an empty queue', async () => (await gauge('entramox_oldest_unproved_seconds')) === 0, 60_000, 200);
    await recovers('graph');
    expect(ward.world()).toEqual(before);
  });
});

describe('Graph that throttles', () => {
  it('every call, and says for whom, is told as that and left alone', async () => {
    const before = ward.world();
    const headers = {
      'Retry-After': '1',
      'x-ms-throttle-scope': 'Tenant_Application/ReadWrite/app/tenant',
      'x-ms-throttle-limit-percentage': '1.4',
      'x-ms-throttle-information': 'CPULimitExceeded',
    };
    ward.lab.entra.faults.failNext(toGraph, 429, EVER, headers);

    const { code } = await foreground();

    expect(code).toBe(4);
    const { mend } = await toldOf(
      'graph',
      /throttles this app: .*\(scope Tenant_Application\S+, at 1\.4 of the limit, CPU/,
    );
    expect(mend).toMatch(/nothing to do/);
    expect(ward.world()).toEqual(before);
    ward.lab.entra.faults.clear();
    await recovers('graph');
  });

  it('every item inside of batches, without saying for how long, is left alone as well', async () => {
    const before = ward.world();
    ward.lab.entra.faults.failNext(({ inBatch }) => inBatch, 429, EVER);
    ward.lab.join('newcomer901');

    await toldOf('graph', /throttles this app: every item of POST \S+ gave status 429/);

    expect(ward.provisioned('newcomer901')).toBe(false);
    expect((await ward.status()).queue.parked).toEqual([]);
    expect(ward.world()).toEqual(before);
    ward.lab.entra.faults.clear();
    await waitFor('the joiner', () => ward.provisioned('newcomer901'), 30_000);
    await recovers('graph');
  });
});

describe('A token that cannot be had', () => {
  it.each<[string, string, RegExp, () => void]>([
    [
      'because the endpoint is down',
      'login',
      /no access token: .*status 503/,
      () => ward.lab.entra.faults.tokenEndpointDown(),
    ],
    [
      'because connections to the endpoint are cut',
      'login',
      /no access token: .*the connection was cut/,
      () => ward.lab.entra.faults.dropConnection(TOKEN, EVER),
    ],
    [
      'because the endpoint throttles',
      'login',
      /no access token: .*status 429/,
      () => ward.lab.entra.faults.throttle(TOKEN, 1, EVER),
    ],
  ])('%s harms nobody and is over by itself', async (_why, condition, words, strike) => {
    const before = ward.world();
    strike();
    ward.lab.entra.credentials.revokeTokens();

    const { code } = await foreground();

    expect(code).toBe(4);
    const { mend } = await toldOf(condition, words);
    expect(mend).toMatch(/entramox doctor/);
    expect(ward.world()).toEqual(before);
    ward.lab.entra.faults.clear();
    await recovers(condition);
  });

  it('because the secret has expired is told with the page that mends it, and asked for ever more rarely', async () => {
    const before = ward.world();
    const { faults, credentials, calls } = ward.lab.entra;
    const error_description = 'AADSTS7000222: The provided client secret keys for app are expired. Trace ID: 1';
    const body = { error: 'invalid_client', error_description, error_codes: [7000222] };
    faults.answerWith(TOKEN, { status: 401, body }, EVER);
    credentials.revokeTokens();

    await foreground();

    const { mend } = await toldOf('credential', /the client secret of app \S+ has expired/);
    expect(mend).toMatch(/App registrations, Certificates & secrets.*ENTRA_CLIENT_SECRET, restart/);
    ward.lab.join('newcomer902');
    calls.clear();
    const looked = ward.events('entra.outage.lasts').length;
    await ward.heard('entra.outage.lasts', undefined, looked);
    expect(calls.count(TOKEN)).toBeLessThanOrEqual(ward.events('entra.outage.lasts').length - looked + 1);
    expect(ward.world()).toEqual(before);
    faults.clear();
    await waitFor('the joiner', () => ward.provisioned('newcomer902'), 30_000);
    await recovers('credential');
  });
});

describe('Consent that was withdrawn', () => {
  it('is named with what is missing, locks nobody, and works once it is given back, with no restart', async () => {
    const before = ward.world();
    const { credentials } = ward.lab.entra;
    credentials.setRoles(['GroupMember.Read.All']);
    credentials.revokeTokens();
    ward.lab.join('newcomer903');

    const { mend } = await toldOf('permissions', /needs User\.Read\.All: app \S+ lacks .*User\.Read\.All/);

    expect(mend).toMatch(/Grant admin consent/);
    const { code } = await foreground();
    expect(code).toBe(4);
    expect(ward.lockedOut('alice')).toBe(false);
    expect(ward.world()).toEqual(before);
    credentials.setRoles(['GroupMember.Read.All', 'User.Read.All']);
    await waitFor('the joiner', () => ward.provisioned('newcomer903'), 60_000);
    await recovers('permissions');
  });
});

describe('A configured group', () => {
  it('that is deleted keeps its members in, is told since when, and is believed again once it is back', async () => {
    const before = ward.world();
    const { directory } = ward.lab.entra;
    const { everybody } = ward.lab.groups;
    const members = Object.values(ward.people);
    directory.deleteGroup(everybody);

    const first = await toldOf(`group:${everybody}`, /the group is gone, or its id is wrong/);
    const { code } = await foreground();
    const again = await toldOf(`group:${everybody}`, /the group is gone, or its id is wrong/);

    expect(code).toBe(4);
    expect(again).toEqual(first);
    expect(first.mend).toMatch(/take its id out of the settings .* and restart/);
    expect((await ward.status()).queue.parked).toEqual([]);
    expect(ward.world()).toEqual(before);
    directory.addGroup({ id: everybody, displayName: 'entramox-everybody' });
    for (const oid of members) directory.addMember(everybody, oid);
    await recovers(`group:${everybody}`);
    expect(ward.world()).toEqual(before);
  });

  it('whose members are hidden all at once, by an empty list or by 403, loses nobody', async () => {
    const before = ward.world();
    const { directory, faults } = ward.lab.entra;
    const { everybody, admins } = ward.lab.groups;
    directory.updateGroup(everybody, { visibility: 'HiddenMembership' });
    faults.failNext(({ path }) => path.includes(admins), 403, EVER);

    const { code } = await foreground();

    expect(code).toBe(4);
    const { mend } = await toldOf(`group:${admins}`, /refuses to list it .*Member\.Read\.Hidden/);
    expect(mend).toMatch(/Member\.Read\.Hidden/);
    expect(ward.world()).toEqual(before);
    faults.clear();
    directory.updateGroup(everybody, { visibility: 'Private' });
    expect((await foreground()).code).toBe(0);
    await recovers(`group:${admins}`);
    expect(ward.world()).toEqual(before);
  });
});

describe('A listing that is not true', () => {
  it('because a member is missing in it, a page of it is missing, or it breaks off, takes nothing from anybody', async () => {
    const before = ward.world();
    const { faults } = ward.lab.entra;
    const ofEverybody = new RegExp(
      `^GET \\S*/groups/${ward.lab.groups.everybody}/transitiveMembers/microsoft.graph.user`,
    );
    const alice = ward.people.alice ?? '';

    faults.loseMembers(ward.lab.groups.everybody, [alice], 1);
    const short = await foreground();
    faults.answerWith(ofEverybody, { status: 200, body: { '@odata.count': 3, value: [] } }, EVER);
    const pageless = await foreground();
    faults.clear();
    faults.garbage(ofEverybody, 2);
    faults.dropConnection(ofEverybody, 1);
    const broken = await foreground();

    expect([short.code, pageless.code, broken.code]).toEqual([0, 4, 0]);
    expect(JSON.parse(pageless.stdout).why).toMatch(/1 groups unreadable/);
    expect(ward.world()).toEqual(before);
  });
});

describe('Readings that lag behind for long', () => {
  it('lock a leaver as soon as they show it, and never a member', async () => {
    const before = ward.world();
    const { directory, faults } = ward.lab.entra;
    const { everybody } = ward.lab.groups;
    await foreground();
    const name = await ward.welcomesNewcomer();
    const oid = ward.newcomers[name] ?? '';
    await ward.rests();
    faults.freezeReads(oid, EVER);
    directory.removeMember(everybody, oid);
    await ward.heard('reconcile.identity.settled', (line) => line.oid === oid, 1);
    const stale = ward.provisioned(name);
    faults.thawReads(oid);

    await foreground();

    expect(stale).toBe(true);
    await waitFor('the lock', () => ward.lockedOut(name), 15_000);
    expect(ward.world()).toEqual(before);
  });
});
