import { describe, expect, it } from 'vitest';
import { Busy, Conflict, Rejected } from '../../../../src/domain/errors.js';
import type { LinuxStep } from '../../../../src/domain/step.js';
import type { AccountsClient, Ask } from '../../../../src/targets/linux/accounts-client.js';
import { AgentBlocked, errorOf } from '../../../../src/targets/linux/failure.js';
import { createLinuxTarget } from '../../../../src/targets/linux/target.js';
import type { EventCode } from '../../../../src/telemetry/events/index.js';

const OID = '11111111-1111-4111-8111-111111111111';
const signal = new AbortController().signal;
const account = {
  oid: OID,
  name: 'alice',
  uid: 20001,
  state: 'whole',
  locked: false,
  gecos: 'A',
  shell: '/bin/sh',
  groups: ['b', 'a'],
  sudo: true,
};

/** A client that answers with a function and keeps what it was asked. */
function scripted(answer: (ask: Ask) => unknown) {
  const asked: Ask[] = [];
  const client: AccountsClient = {
    request: async (ask) => {
      asked.push(ask);
      return answer(ask);
    },
    close: async () => undefined,
  };
  const logged: [EventCode, unknown][] = [];
  const target = createLinuxTarget({ client, log: (event, fields) => logged.push([event, fields]) });
  return { asked, logged, target };
}

describe('observing accounts', () => {
  it('shows an account under the name it really has, with its groups sorted', async () => {
    const { target } = scripted(() => ({ accounts: [account], names: {} }));

    const sights = await target.observe([{ oid: OID, name: 'alice.new' }], signal);

    const { oid: _, shell: __, ...value } = account;
    expect(sights.get(OID)).toEqual({ certainty: 'present', value: { ...value, groups: ['a', 'b'] } });
  });

  it.each([
    ['free', { certainty: 'absent' }],
    ['foreign', { certainty: 'foreign', what: 'why', remedy: expect.stringContaining('adopt') }],
    ['reserved', { certainty: 'foreign', what: 'why', remedy: expect.any(String) }],
    ['tombstoned', { certainty: 'foreign', what: 'why', remedy: expect.stringContaining('second person') }],
    ['invalid', { certainty: 'foreign', what: 'why', remedy: expect.any(String) }],
  ])('reads a name that is %s', async (state, sight) => {
    const { target } = scripted(() => ({ accounts: [], names: { [OID]: { name: 'alice', state, why: 'why' } } }));

    expect((await target.observe([{ oid: OID, name: 'alice' }], signal)).get(OID)).toEqual(sight);
  });

  it('passes on what the agent says to do, and what stands there where root may hand it over', async () => {
    const found = { name: 'alice', uid: 30_001, gecos: 'Old Hand', home: '/home/alice', shell: '/bin/sh' };
    const account = { ...found, groups: ['b', 'a'], allGroups: ['a', 'audio', 'b'], locked: true, sudo: false };
    const standing = { name: 'alice', state: 'foreign', why: 'there', remedy: 'do this', account };
    const { target } = scripted(() => ({ accounts: [], names: { [OID]: standing } }));

    const sight = (await target.observe([{ oid: OID, name: 'alice' }], signal)).get(OID);

    expect(sight).toMatchObject({
      certainty: 'foreign',
      remedy: 'do this',
      adoptable: { name: 'alice', uid: 30_001, state: 'whole', locked: false, groups: ['a', 'b'] },
    });
    expect(sight?.certainty === 'foreign' && sight.facts?.join()).toContain('locked by somebody else');
  });

  it('knows an account that root took back', async () => {
    const standing = { name: 'alice', state: 'foreign', why: 'taken back', released: true };
    const { target } = scripted(() => ({ accounts: [], names: { [OID]: standing } }));

    const sight = (await target.observe([{ oid: OID, name: 'alice' }], signal)).get(OID);

    expect(sight).toMatchObject({ certainty: 'foreign', released: true });
  });

  it('gives one uid to neither of two identities, with one remedy for both, and leaves a third one be', async () => {
    const [rival, third] = ['22222222-2222-4222-8222-222222222222', '33333333-3333-4333-8333-333333333333'];
    const free = (uid: number, otherUid: number) => ({ name: 'x', state: 'free', uid, otherUid });
    const names = { [OID]: free(20_001, 20_500), [rival]: free(20_001, 20_600), [third]: free(20_002, 20_700) };
    const { target } = scripted(() => ({ accounts: [], names }));

    const sights = await target.observe(
      [OID, rival, third].map((oid, n) => ({ oid, name: `name${n}` })),
      signal,
    );

    const remedy = expect.stringContaining(`"uids": {"${rival}": 20600}`);
    expect(sights.get(OID)).toMatchObject({ certainty: 'foreign', what: expect.stringContaining(rival), remedy });
    expect(sights.get(rival)).toMatchObject({ certainty: 'foreign', what: expect.stringContaining(OID), remedy });
    expect(sights.get(third)).toEqual({ certainty: 'absent' });
  });

  it.each([
    ['cannot be asked', () => Promise.reject(new Busy('no account agent'))],
    ['answers without the fields that count', () => ({ accounts: [{ ...account, locked: null }], names: {} })],
    ['says nothing about the identity', () => ({ accounts: [], names: {} })],
    [
      'calls the name ours and shows no account',
      () => ({ accounts: [], names: { [OID]: { name: 'alice', state: 'ours' } } }),
    ],
  ])('concludes nothing when the agent %s', async (_, answer) => {
    const { target } = scripted(answer);

    const sight = (await target.observe([{ oid: OID, name: 'alice' }], signal)).get(OID);

    expect(sight).toEqual({ certainty: 'unknown', why: expect.any(String) });
  });

  it('asks nothing about nobody', async () => {
    const { target, asked } = scripted(() => ({ accounts: [], names: {} }));

    expect((await target.observe([], signal)).size).toBe(0);
    expect(asked).toEqual([]);
  });

  it('keeps every request of a sweep within the limit of a line, whatever the names', async () => {
    const { target, asked } = scripted((ask) => ({
      accounts: [],
      names: Object.fromEntries(
        (ask.verb === 'observe' ? (ask.names ?? []) : []).map(({ oid, name }) => [oid, { name, state: 'free' }]),
      ),
    }));
    const asks = Array.from({ length: 1000 }, (_, n) => ({
      oid: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
      name: '😀'.repeat(500),
    }));

    const sights = await target.observe(asks, signal);

    expect([...sights.values()].every(({ certainty }) => certainty === 'absent')).toBe(true);
    expect(Math.max(...asked.map((ask) => Buffer.byteLength(JSON.stringify(ask))))).toBeLessThan(64 * 1024);
  });
});

describe('applying a step', () => {
  it('asks for what the step says and passes on no more', async () => {
    const { target, asked } = scripted(() => ({}));
    const shared = { target: 'linux', oid: OID, name: 'alice' } as const;
    const steps: LinuxStep[] = [
      { ...shared, action: 'create', effect: 'create', gecos: 'A' },
      { ...shared, action: 'lock', effect: 'lock' },
      { ...shared, action: 'unlock', effect: 'grant' },
      { ...shared, action: 'groups', effect: 'grant', groups: ['adm'], before: [] },
      { ...shared, action: 'sudo', effect: 'revoke', granted: false },
      { ...shared, action: 'delete', effect: 'delete' },
    ];

    for (const step of steps) await target.apply(step, signal);

    expect(asked).toEqual([
      { verb: 'create', oid: OID, name: 'alice', gecos: 'A' },
      { verb: 'lock', oid: OID },
      { verb: 'unlock', oid: OID },
      { verb: 'groups', oid: OID, groups: ['adm'] },
      { verb: 'sudo', oid: OID, granted: false },
      { verb: 'delete', oid: OID },
    ]);
  });

  it('tells of what a lock could not reach', async () => {
    const { target, logged } = scripted(() => ({ notes: ['another rule'] }));

    await target.apply({ target: 'linux', action: 'lock', effect: 'lock', oid: OID, name: 'alice' }, signal);

    expect(logged).toEqual([['linux.agent.note', { oid: OID, name: 'alice', note: 'another rule' }]]);
  });

  it.each([
    ['conflict', Conflict],
    ['busy', Busy],
    ['ceiling', Busy],
    ['too-early', Busy],
    ['invalid', Rejected],
    ['refused', Rejected],
    ['failed', Error],
  ] as const)('turns %s into the error that decides what happens next', (code, kind) => {
    const error = errorOf({ code, message: 'what', remedy: 'do this' });

    expect(error.constructor).toBe(kind);
    expect(code === 'conflict' ? (error as Conflict).remedy : error.message).toContain('do this');
  });
});

describe('the check', () => {
  it('is good when the agent answers and nothing is in its way', async () => {
    const { target } = scripted(() => ({ accounts: [], names: {}, troubles: [] }));

    expect(await target.check(signal)).toMatchObject({ ok: true });
  });

  it('names what is in the way', async () => {
    const { target } = scripted(() => ({ accounts: [], names: {}, troubles: ['/etc/shadow.lock is stale'] }));

    expect(await target.check(signal)).toMatchObject({ ok: false, mend: '/etc/shadow.lock is stale' });
  });

  it('tells programs from whatever else is in the way', async () => {
    const tools = ['/usr/bin/sudo: missing'];
    const { target } = scripted(() => ({ accounts: [], names: {}, troubles: [...tools, 'a lock'], tools }));

    expect(await target.check(signal)).toMatchObject({ ok: false, troubles: [...tools, 'a lock'], tools });
  });

  it('tells an agent that is blocked from one that cannot be asked, and from one that fails otherwise', async () => {
    const blocked = errorOf({ code: 'failed', message: 'no policy', blocked: 'policy' });
    const seen = await Promise.all(
      [blocked, new Busy('nobody there'), new Error('broken')].map((error) =>
        scripted(() => Promise.reject(error)).target.check(signal),
      ),
    );

    expect(blocked).toBeInstanceOf(AgentBlocked);
    expect(seen.map((look) => look.blocked)).toEqual(['policy', 'reach', 'other']);
  });

  it('says why the agent cannot be asked', async () => {
    const { target } = scripted(() => Promise.reject(new Busy('no account agent at /run/x')));

    expect(await target.check(signal)).toMatchObject({ ok: false, saw: 'no account agent at /run/x' });
  });
});
