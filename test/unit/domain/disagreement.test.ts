import { describe, expect, it } from 'vitest';
import {
  type AgentRecord,
  compareRecords,
  heldBackBy,
  type RecordedAccount,
  sideToMend,
} from '../../../src/domain/disagreement.js';
import type { ProxmoxMark } from '../../../src/domain/proxmox-mark.js';
import { ALICE, BOB, entry, HOUR, NOW } from './builders.js';

function recorded(change: Partial<RecordedAccount> = {}): RecordedAccount {
  return { oid: ALICE, name: 'alice', uid: 20_001, state: 'whole', locked: false, adopted: false, ...change };
}

function agent(
  accounts: RecordedAccount[],
  strangers: Record<string, string> = {},
  givenBack: string[] = [],
): AgentRecord {
  return { accounts, givenBack: new Set(givenBack), strangers: new Map(Object.entries(strangers)) };
}

function mark(change: Partial<ProxmoxMark> = {}): ProxmoxMark {
  return { userid: 'alice@example.com@entra', oid: ALICE, enabled: true, state: 'active', ...change };
}

const known = (change: Parameters<typeof entry>[0] = {}) => entry({ uid: 20_001, ...change });
const kinds = (sides: Parameters<typeof compareRecords>[0]) => compareRecords(sides).items.map(({ kind }) => kind);

describe('records that agree', () => {
  it('are those of a host that is at rest, of a new one, and of one whose targets cannot be seen', () => {
    const none = { lost: undefined, items: [] };

    expect(compareRecords({ entries: [known()], agent: agent([recorded()]), marks: [mark()] })).toEqual(none);
    expect(compareRecords({ entries: [], agent: agent([]), marks: [] })).toEqual(none);
    expect(compareRecords({ entries: [known()] })).toEqual(none);
  });

  it.each<[string, Parameters<typeof compareRecords>[0]]>([
    ['a creation before it began', { entries: [entry()], agent: agent([]), marks: [] }],
    ['a creation before the ledger knew its name', { entries: [entry({ names: {} })], agent: agent([recorded()]) }],
    [
      'a lock before the ledger knew',
      {
        entries: [known()],
        agent: agent([recorded({ locked: true })]),
        marks: [mark({ state: 'grace', deleteAt: NOW })],
      },
    ],
    [
      'a deletion before the ledger knew',
      { entries: [known({ state: 'grace', deleteAt: NOW - 1 })], agent: agent([recorded({ state: 'deleted' })]) },
    ],
    [
      'a comeback after a deletion that waits for the agent',
      { entries: [known()], agent: agent([recorded({ state: 'deleted' })]) },
    ],
    ['a Proxmox user that somebody removed', { entries: [known()], agent: agent([recorded()]), marks: [] }],
    ['a rename', { entries: [known()], agent: agent([recorded()]), marks: [mark({ state: 'retired' })] }],
  ])('are what a crash leaves for the next pass: %s', (_what, sides) => {
    expect(compareRecords(sides)).toEqual({ lost: undefined, items: [] });
  });

  it('are those with an account that root has just adopted, or took back', () => {
    const adopted = { entries: [], agent: agent([recorded({ adopted: true })]), marks: [] };
    const takenBack = { entries: [known()], agent: agent([], {}, [ALICE]), marks: [] };

    expect(compareRecords(adopted)).toEqual({ lost: undefined, items: [] });
    expect(compareRecords(takenBack)).toEqual({ lost: undefined, items: [] });
  });

  it('are those where the ledger ends a countdown later than an older comment says', () => {
    const entries = [known({ state: 'grace', deleteAt: NOW + HOUR })];

    expect(kinds({ entries, marks: [mark({ state: 'grace', deleteAt: NOW })] })).toEqual([]);
    expect(kinds({ entries, marks: [mark({ state: 'grace', deleteAt: NOW + HOUR + 60_000 })] })).toEqual([]);
  });
});

describe('a lost ledger', () => {
  it('is one that knows nobody while the agent or Proxmox shows somebody who was ours', () => {
    expect(compareRecords({ entries: [], agent: agent([recorded()]) }).lost).toBe('ledger');
    expect(compareRecords({ entries: [], marks: [mark()] }).lost).toBe('ledger');
    expect(compareRecords({ entries: [entry({ oid: BOB, names: {} })], marks: [mark()] }).lost).toBe('ledger');
    expect(compareRecords({ entries: [], agent: agent([recorded({ adopted: true, locked: true })]) }).lost).toBe(
      'ledger',
    );
  });

  it('tells of each person once, with all that is theirs', () => {
    const { items } = compareRecords({ entries: [], agent: agent([recorded({ state: 'deleted' })]), marks: [mark()] });

    expect(items).toEqual([
      {
        kind: 'not-in-ledger',
        oid: ALICE,
        what: `the ledger does not know ${ALICE}, who has the deleted account alice (uid 20001) and the Proxmox user alice@example.com@entra (active)`,
      },
    ]);
  });

  it('misses what looks just adopted too, since it may have known that', () => {
    const adopted = recorded({ oid: BOB, name: 'bob', uid: 20_002, adopted: true });

    expect(compareRecords({ entries: [], agent: agent([recorded(), adopted]) }).items).toHaveLength(2);
    expect(compareRecords({ entries: [known()], agent: agent([recorded(), adopted]) }).items).toEqual([]);
  });

  it('is not one beside which another host of the cluster has marked its own people', () => {
    const others = [mark({ oid: BOB, userid: 'bob@example.com@entra' })];

    expect(compareRecords({ entries: [known()], agent: agent([recorded()]), marks: others }).items).toEqual([]);
    expect(compareRecords({ entries: [known()], marks: others }).items).toHaveLength(1);
  });

  it('is not one that only misses some', () => {
    const comparison = compareRecords({
      entries: [known()],
      agent: agent([recorded(), recorded({ oid: BOB, name: 'bob', uid: 20_002 })]),
    });

    expect(comparison.lost).toBeUndefined();
    expect(comparison.items.map(({ oid }) => oid)).toEqual([BOB]);
  });
});

describe("a lost record of the account agent's", () => {
  it('is an empty one while the ledger names accounts that were seen, or that stand on the host', () => {
    expect(compareRecords({ entries: [known()], agent: agent([]) }).lost).toBe('agent');
    expect(compareRecords({ entries: [entry()], agent: agent([], { [ALICE]: 'an account alice exists' }) }).lost).toBe(
      'agent',
    );
    expect(compareRecords({ entries: [known({ state: 'deleted' })], agent: agent([]) }).lost).toBe('agent');
  });

  it('is not one that only misses some; a deleted one is missed too, since its uid could be handed on', () => {
    const entries = [known({ state: 'deleted' }), known({ oid: BOB, names: { linux: 'bob' }, uid: 20_002 })];
    const comparison = compareRecords({ entries, agent: agent([recorded({ oid: BOB, name: 'bob', uid: 20_002 })]) });

    expect(comparison).toMatchObject({ lost: undefined, items: [{ kind: 'not-in-agent', oid: ALICE }] });
    expect(sideToMend('not-in-agent')).toBe('agent');
  });
});

describe('contradictions about one person', () => {
  it('are other names, other uids, and a countdown that ends sooner than Proxmox shows', () => {
    const entries = [known({ state: 'grace', deleteAt: NOW })];

    expect(kinds({ entries, agent: agent([recorded({ name: 'alice2' })]) })).toEqual(['name']);
    expect(kinds({ entries, agent: agent([recorded({ uid: 20_009 })]) })).toEqual(['uid']);
    expect(kinds({ entries, marks: [mark({ state: 'grace', deleteAt: NOW + HOUR })] })).toEqual(['countdown']);
    expect(sideToMend('countdown')).toBe('ledger');
  });
});

describe('a countdown that a wrong clock wrote into Proxmox', () => {
  it('says nothing: none that begins now could end so late', () => {
    const entries = [known({ state: 'grace', deleteAt: NOW })];
    const marks = [mark({ state: 'grace', deleteAt: NOW + 400 * 24 * HOUR })];

    expect(kinds({ entries, marks, latestEnd: NOW + 24 * HOUR })).toEqual([]);
    expect(kinds({ entries, marks })).toEqual(['countdown']);
  });
});

describe('what a contradiction says', () => {
  const said = (sides: Parameters<typeof compareRecords>[0]) => compareRecords(sides).items.map(({ what }) => what);
  const grace = known({ state: 'grace', deleteAt: NOW });

  it('is who, what one side says and what the other one', () => {
    expect(said({ entries: [known()], agent: agent([recorded({ name: 'alice2' })]) })).toEqual([
      `the ledger gives alice@example.com (${ALICE}) the account alice, the account agent alice2`,
    ]);
    expect(said({ entries: [known()], agent: agent([recorded({ uid: 20_009 })]) })).toEqual([
      `the ledger gives alice@example.com (${ALICE}) the uid 20001, the account agent 20009`,
    ]);
    expect(said({ entries: [grace], marks: [mark({ state: 'grace', deleteAt: NOW + HOUR })] })).toEqual([
      `the countdown of alice@example.com (${ALICE}) ends sooner in the ledger than Proxmox shows on alice@example.com@entra`,
    ]);
    expect(said({ entries: [known()], agent: agent([]) })).toEqual([
      `the ledger gives alice@example.com (${ALICE}) the account alice, which the account agent does not know: there is no such account on this host`,
    ]);
    expect(said({ entries: [known()], agent: agent([], { [ALICE]: 'it belongs to bob' }) })[0]).toMatch(
      /does not know: it belongs to bob$/,
    );
    expect(said({ entries: [], agent: agent([recorded()]) })).toEqual([
      `the ledger does not know ${ALICE}, who has the account alice (uid 20001)`,
    ]);
  });

  it('is only one thing about one account: another name, else another uid', () => {
    const other = agent([recorded({ name: 'alice2', uid: 20_009 })]);

    expect(kinds({ entries: [known()], agent: other })).toEqual(['name']);
    expect(kinds({ entries: [entry()], agent: agent([recorded({ uid: 20_009 })]) })).toEqual([]);
    expect(kinds({ entries: [known({ names: {} })], agent: other })).toEqual(['uid']);
  });
});

describe('an account that the agent does not know', () => {
  const others = [recorded({ oid: BOB, name: 'bob', uid: 20_002 })];

  it('was never made where nobody has seen its uid and nothing stands at its name', () => {
    expect(kinds({ entries: [entry()], agent: agent([]) })).toEqual([]);
    expect(compareRecords({ entries: [entry()], agent: agent([]) }).lost).toBeUndefined();
  });

  it('is missed where something stands at its name, unless it was deleted without ever being seen', () => {
    const strangers = { [ALICE]: 'an account alice exists' };
    const bob = known({ oid: BOB, uid: 20_002, names: { linux: 'bob' } });

    expect(kinds({ entries: [entry(), bob], agent: agent(others, strangers) })).toEqual(['not-in-agent']);
    expect(kinds({ entries: [entry({ state: 'deleted' }), bob], agent: agent(others, strangers) })).toEqual([]);
  });

  it('is nothing for somebody without an account, and nothing where no agent is in use', () => {
    expect(kinds({ entries: [known({ names: {} })], agent: agent([]) })).toEqual([]);
    expect(kinds({ entries: [known()], marks: [] })).toEqual([]);
    expect(compareRecords({ entries: [known({ names: {} })], agent: agent([]) }).lost).toBeUndefined();
  });

  it('makes no record lost that knows somebody, or whom root took back', () => {
    const takenBack = agent([], {}, [BOB]);

    expect(compareRecords({ entries: [known()], agent: takenBack })).toMatchObject({
      lost: undefined,
      items: [{ kind: 'not-in-agent' }],
    });
  });
});

describe('a ledger that lost somebody', () => {
  const bob = recorded({ oid: BOB, name: 'bob', uid: 20_002 });
  const bobsMark = mark({ oid: BOB, userid: 'bob@example.com@entra' });
  const missing = (sides: Parameters<typeof compareRecords>[0]) =>
    compareRecords(sides).items.filter(({ kind }) => kind === 'not-in-ledger');

  it('is told of their user beside their account', () => {
    const [item] = missing({ entries: [known()], agent: agent([recorded(), bob]), marks: [mark(), bobsMark] });

    expect(item?.what).toBe(
      `the ledger does not know ${BOB}, who has the account bob (uid 20002) and the Proxmox user bob@example.com@entra (active)`,
    );
  });

  it('knows of nobody without a name on any target', () => {
    const entries = [known({ names: {} })];

    expect(compareRecords({ entries, agent: agent([bob]), marks: [] }).lost).toBe('ledger');
    expect(compareRecords({ entries: [known({ names: { proxmox: 'x' } })], agent: agent([bob]) }).lost).toBeUndefined();
  });

  it('missed nobody who was adopted and neither locked nor deleted since', () => {
    const adopted = { ...bob, adopted: true };
    const found = (account: RecordedAccount) =>
      missing({ entries: [known()], agent: agent([recorded(), account]) }).length;

    expect([
      found(adopted),
      found({ ...adopted, state: 'partial' }),
      found({ ...adopted, locked: true }),
      found({ ...adopted, state: 'deleted' }),
      found(bob),
    ]).toEqual([0, 0, 1, 1, 1]);
  });
});

describe('a countdown', () => {
  const marks = (change: Partial<ProxmoxMark>) => [mark({ state: 'grace', ...change })];
  const grace = (deleteAt: number | undefined) => [known({ state: 'grace', deleteAt })];
  const latestEnd = NOW + 24 * HOUR;

  it('is compared to the minute that the comment shows', () => {
    expect(kinds({ entries: grace(NOW), marks: marks({ deleteAt: NOW + 60_000 }) })).toEqual([]);
    expect(kinds({ entries: grace(NOW), marks: marks({ deleteAt: NOW + 60_001 }) })).toEqual(['countdown']);
    expect(kinds({ entries: grace(NOW), marks: marks({ deleteAt: latestEnd + 60_000 }), latestEnd })).toEqual([
      'countdown',
    ]);
    expect(kinds({ entries: grace(NOW), marks: marks({ deleteAt: latestEnd + 60_001 }), latestEnd })).toEqual([]);
  });

  it('is not compared where either side has none', () => {
    const deleteAt = NOW + HOUR;

    expect(kinds({ entries: grace(undefined), marks: marks({ deleteAt }) })).toEqual([]);
    expect(kinds({ entries: grace(NOW), marks: marks({}) })).toEqual([]);
    expect(kinds({ entries: grace(NOW), marks: marks({ state: 'suspended', deleteAt }) })).toEqual([]);
    expect(kinds({ entries: [known({ state: 'active', deleteAt: NOW })], marks: marks({ deleteAt }) })).toEqual([]);
    expect(kinds({ entries: grace(NOW), marks: marks({ oid: BOB, deleteAt }), agent: agent([recorded()]) })).toEqual(
      [],
    );
  });
});

describe('the side to mend', () => {
  it('is the ledger, except where the agent does not know an account', () => {
    expect((['not-in-ledger', 'not-in-agent', 'name', 'uid', 'countdown'] as const).map(sideToMend)).toEqual([
      'ledger',
      'agent',
      'ledger',
      'ledger',
      'ledger',
    ]);
  });
});

describe('what waits meanwhile', () => {
  it('is whoever a contradiction is about, and nobody else', () => {
    const comparison = compareRecords({
      entries: [known(), known({ oid: BOB, names: {} })],
      agent: agent([recorded({ uid: 20_009 })]),
    });

    expect(heldBackBy(comparison, ALICE, known(), true)).toContain('the uid 20001');
    expect(heldBackBy(comparison, BOB, known({ oid: BOB }), false)).toBeUndefined();
  });

  it('is every removal while the ledger is lost, but no newcomer', () => {
    const comparison = compareRecords({ entries: [], marks: [mark()] });

    expect(heldBackBy(comparison, ALICE, undefined, true)).toContain('does not know');
    expect(heldBackBy(comparison, BOB, entry({ oid: BOB }), false)).toContain('nobody is removed');
    expect(heldBackBy(comparison, BOB, undefined, true)).toBeUndefined();
  });

  it("is everybody while the agent's record is lost, since it knows which names and uids were given out", () => {
    const comparison = compareRecords({ entries: [known()], agent: agent([]) });

    expect(heldBackBy(comparison, BOB, undefined, true)).toContain('record is lost');
    expect(heldBackBy({ lost: undefined, items: [] }, BOB, known({ oid: BOB }), false)).toBeUndefined();
  });

  it('is nobody who stays, or of whom the ledger knows nothing, while the ledger is lost', () => {
    const lost = { lost: 'ledger', items: [] } as const;

    expect(heldBackBy(lost, BOB, entry({ oid: BOB }), true)).toBeUndefined();
    expect(heldBackBy(lost, BOB, undefined, false)).toBeUndefined();
    expect(heldBackBy(lost, BOB, entry({ oid: BOB }), false)).toBe('the ledger is lost, so nobody is removed');
  });
});
