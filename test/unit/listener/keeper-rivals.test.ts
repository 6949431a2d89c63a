import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GraphError } from '../../../src/entra/graph-errors.js';
import { eventually, guid } from '../queue/fixtures.js';
import { type Bed, type Installation, OUR_URL, openBed, signal, TICK_MS } from './keeper-bed.js';

const THEIR_URL = 'https://other.example.org';
const OURS = `${OUR_URL}/graph/notifications`;
const THEIRS = `${THEIR_URL}/graph/notifications`;

let bed: Bed;

beforeEach(async () => {
  bed = await openBed();
});
afterEach(() => bed.remove());

async function takeTurns(installations: readonly Installation[], ticks: number): Promise<void> {
  for (let n = 0; n < ticks; n += 1) {
    for (const { keeper } of installations) await keeper.tick(signal);
    bed.clock.advance(TICK_MS);
  }
}

const standing = ({ keeper }: Installation) => keeper.list().map(({ state }) => state);

describe('two installations on one app registration', () => {
  it('end with one of them live and the other standing back, which names both', async () => {
    const one = await bed.start();
    const two = await bed.start({ publicUrl: THEIR_URL });

    await takeTurns([one, two], 30);

    expect([standing(one), standing(two)]).toEqual([['live'], ['missing']]);
    expect(two.keeper.list()[0]?.problem).toContain(`another installation (${OURS})`);
    expect(two.keeper.list()[0]?.problem).toContain(`this one (${THEIRS})`);
    expect(two.named('listener.subscription.contested')).toMatchObject([{ theirs: OURS, ours: THEIRS }]);
    // Once each: the second takes the first's, which takes it back.
    expect(bed.calls(/^delete/).length).toBeLessThanOrEqual(2);
    expect(bed.calls(/^create/).length).toBeLessThanOrEqual(8);
  });

  it('do not begin anew with every restart', async () => {
    const one = await bed.start();
    const two = await bed.start({ publicUrl: THEIR_URL });
    await takeTurns([one, two], 5);
    const deleted = bed.calls(/^delete/).length;

    for (let n = 0; n < 5; n += 1) {
      await takeTurns([await bed.start({ at: one.path }), await bed.start({ publicUrl: THEIR_URL, at: two.path })], 3);
    }

    expect(bed.calls(/^delete/).length).toBe(deleted);
  });

  it('never take for an obstacle what is about other changes, where a 409 names none', async () => {
    const foreign = bed.api.hold({ resource: '/users', changeType: 'updated', notificationUrl: THEIRS });
    const one = await bed.start();
    bed.api.nextCreates = [{ kind: 'exists', existingId: undefined }];

    await takeTurns([one], 3);

    expect(bed.api.held.has(foreign)).toBe(true);
    expect(one.keeper.list()).toMatchObject([{ state: 'live', problem: undefined }]);
  });

  it('leave the field to the one that stays', async () => {
    const one = await bed.start();
    const two = await bed.start({ publicUrl: THEIR_URL });
    await takeTurns([one, two], 5);
    await one.keeper.deleteAll(signal);

    await takeTurns([two], 2);

    expect(two.keeper.list()).toMatchObject([{ state: 'live', problem: undefined }]);
    expect(two.gaps).toHaveLength(1);
  });

  it('let an operator decide at once', async () => {
    const one = await bed.start();
    const two = await bed.start({ publicUrl: THEIR_URL });
    await takeTurns([one, two], 5);

    await two.keeper.renewAll(signal);

    expect(two.keeper.list()).toMatchObject([{ state: 'live', problem: undefined }]);
    expect([...bed.api.held.values()].map(({ notificationUrl }) => notificationUrl)).toEqual([THEIRS]);
  });

  it('never touch what the other one has on other resources', async () => {
    const foreign = bed.api.hold({ resource: `/groups/${guid(3)}`, notificationUrl: THEIRS });
    const one = await bed.start();

    await takeTurns([one], 10);
    await one.keeper.deleteAll(signal);

    expect([...bed.api.held.keys()]).toEqual([foreign]);
  });
});

describe('two listeners with one address and a record each', () => {
  it('end with one of them live, and the other one saying so', async () => {
    const one = await bed.start();
    await takeTurns([one], 2);
    const two = await bed.start();

    await takeTurns([one, two], 30);

    const states = [standing(one), standing(two)].flat().sort();
    const loser = standing(one)[0] === 'live' ? two : one;
    expect(states).toEqual(['live', 'missing']);
    expect(loser.keeper.list()[0]?.problem).toContain(`another listener has the same PUBLIC_URL (${OURS})`);
    expect(bed.calls(/^delete/).length).toBeLessThanOrEqual(2);
  });

  it('say so also where each watches what the other does not, and leave each other alone', async () => {
    const one = await bed.start({ wanted: () => [`/groups/${guid(1)}`] });
    await takeTurns([one], 2);
    const two = await bed.start({ wanted: () => [`/groups/${guid(2)}`] });

    await takeTurns([one, two], 40);

    expect(bed.calls(/^delete/).length).toBeLessThanOrEqual(2);
    expect([standing(one), standing(two)]).toEqual([['live'], ['live']]);
    expect([one, two].some(({ keeper }) => keeper.list()[0]?.problem?.includes('the same PUBLIC_URL'))).toBe(true);
  });

  it('do not fill Graph where it lets both have one', async () => {
    bed.api.lax = true;
    const one = await bed.start();
    await takeTurns([one], 2);
    const two = await bed.start();

    await takeTurns([one, two], 40);

    expect(bed.api.held.size).toBeLessThanOrEqual(2);
    expect(bed.calls(/^delete/).length).toBeLessThanOrEqual(2);
  });

  it('are suspected where a subscription goes again and again', async () => {
    const one = await bed.start();
    for (let n = 0; n < 4; n += 1) {
      await takeTurns([one], 2);
      bed.api.held.clear();
    }
    await takeTurns([one], 2);

    expect(one.keeper.list()).toMatchObject([{ state: 'live', gaps: 4 }]);
    expect(one.keeper.list()[0]?.problem).toMatch(/gone at Graph 3 times within a day/);
  });
});

describe('a creation without an answer', () => {
  it('is made good, however often it happens, and is no rival', async () => {
    const one = await bed.start();
    for (let n = 0; n < 5; n += 1) {
      bed.api.deaf = /^create/;
      await takeTurns([one], 1);
      bed.api.deaf = undefined;
    }
    await takeTurns([one], 1);

    expect(bed.api.held.size).toBe(1);
    expect(one.keeper.list()).toMatchObject([{ state: 'live', problem: undefined }]);
    expect(one.keeper.find([...bed.api.held.keys()][0] ?? '')?.clientState).toBe(
      bed.api.states.get([...bed.api.held.keys()][0] ?? ''),
    );
  });

  it('is no rival either where Graph refuses the next attempts for another reason', async () => {
    const one = await bed.start();
    for (let n = 0; n < 3; n += 1) {
      bed.api.held.clear();
      bed.api.deaf = /^create/;
      await takeTurns([one], 1);
      bed.api.deaf = undefined;
      bed.api.failing = /^list/;
      bed.api.nextCreates = [{ kind: 'endpoint-failed', explanation: 'no answer' }];
      await takeTurns([one], 1);
      bed.api.nextCreates = [new GraphError('POST /subscriptions: 400', 400, 'BadRequest', 'no', undefined)];
      await takeTurns([one], 1);
      await takeTurns([one], 2);
      bed.api.failing = undefined;
      expect(one.keeper.list()).toMatchObject([{ state: 'live', problem: undefined }]);
    }

    expect(one.store.data().replacements).toBeUndefined();
  });

  it('leaves no second one where Graph would let it be', async () => {
    bed.api.lax = true;
    const one = await bed.start();
    bed.api.deaf = /^create/;
    await takeTurns([one], 1);
    bed.api.deaf = undefined;

    await takeTurns([one], 1);

    expect([...bed.api.held.keys()]).toEqual([one.keeper.list()[0]?.id]);
  });

  it('is told from a crash of ours before the answer was stored', async () => {
    const first = await bed.start();
    const die = new AbortController();
    bed.api.onCall = (line) => {
      if (line.startsWith('create')) die.abort(new Error('killed'));
    };
    bed.api.deaf = /^create/;
    await first.keeper.tick(die.signal);
    bed.api.onCall = undefined;
    bed.api.deaf = undefined;
    const second = await bed.start({ at: first.path });

    await takeTurns([second], 1);

    expect([...bed.api.held.keys()]).toEqual([second.keeper.list()[0]?.id]);
    expect(JSON.parse(await readFile(first.path, 'utf8')).replacements).toBeUndefined();
  });
});

describe('orphans', () => {
  it('are none while they are being made', async () => {
    const one = await bed.start();
    await one.keeper.tick(signal);
    const [first] = bed.api.held.keys();
    bed.api.held.clear();
    let answer: (() => void) | undefined;
    let listed = false;
    // The creation is answered only after the other look has listed what it made.
    bed.api.onCall = async (line) => {
      if (line === 'list') listed = true;
    };
    const create = bed.api.create;
    bed.api.create = async (...given) => {
      const outcome = await create(...given);
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
      return outcome;
    };
    const removed = one.keeper.handleLifecycle({ event: 'subscriptionRemoved', subscriptionId: first ?? '' }, signal);
    await eventually(() => answer !== undefined);
    bed.clock.advance(2 * 3600_000);
    const tick = one.keeper.tick(signal);
    await eventually(() => listed);
    answer?.();
    await Promise.all([removed, tick]);

    expect(bed.calls(/^delete/)).toEqual([]);
    expect([...bed.api.held.keys()]).toEqual([one.keeper.list()[0]?.id]);
  });

  it('of a lost record are deleted at the start, whatever they watch', async () => {
    bed.api.hold({ resource: `/groups/${guid(1)}` });
    bed.api.hold({ resource: 'Users', notificationUrl: OURS.replace('hooks', 'HOOKS') });
    const one = await bed.start();

    await takeTurns([one], 1);

    expect([...bed.api.held.values()].map(({ resource }) => resource)).toEqual(['/users']);
  });

  it('of another keeper of this process are not asked for', async () => {
    const theirs = bed.api.hold({ resource: '/users', notificationUrl: 'EventHub:https://a.example/eventhubname/b' });
    const one = await bed.start({ isSibling: (id) => id === theirs });

    await takeTurns([one], 3);

    expect([...bed.api.held.keys()]).toEqual([theirs]);
    expect(one.keeper.list()[0]?.problem).toMatch(/other change source of this installation/);
  });

  it('at an address of Event Hubs are told from those of webhooks', async () => {
    const hub = 'EventHub:https://space.servicebus.windows.net/eventhubname/hub?tenantId=example.org';
    const webhook = bed.api.hold({ resource: `/groups/${guid(1)}` });
    bed.api.hold({
      resource: `/groups/${guid(2)}`,
      notificationUrl: hub.toUpperCase().replace('EVENTHUB:', 'EventHub:'),
    });
    const one = await bed.start({ urls: { notifications: hub, lifecycle: hub } });

    await takeTurns([one], 1);

    expect([...bed.api.held.keys()]).toEqual([webhook, one.keeper.list()[0]?.id]);
  });

  it('are none where another keeper of this process has made them at what is our address now', async () => {
    const theirs = bed.api.hold({ resource: '/users', changeType: 'updated' });
    const one = await bed.start({ isSibling: (id) => id === theirs });

    await takeTurns([one], 2);

    expect(bed.calls(/^delete/)).toEqual([]);
    expect(one.store.data().replacements).toBeUndefined();
  });

  it('that are suspected while a look is under way are looked for at the next one', async () => {
    const one = await bed.start();
    await takeTurns([one], 2);
    const [first] = bed.api.held.keys();
    bed.api.held.clear();
    bed.clock.advance(2 * 3600_000);
    bed.api.deaf = /^create/;
    const { list } = bed.api;
    bed.api.list = async (...given) => {
      const before = await list(...given);
      await one.keeper.handleLifecycle({ event: 'subscriptionRemoved', subscriptionId: first ?? '' }, signal);
      return before;
    };
    await one.keeper.tick(signal);
    bed.api.list = list;
    bed.api.calls = [];
    bed.clock.advance(1000);
    await one.keeper.tick(signal);

    expect(bed.calls(/^list/)).toHaveLength(1);
    expect(one.named('listener.subscriptions.orphans-unknown')).toEqual([]);
  });

  it('that were fought over are told of no more once an operator has deleted all', async () => {
    const one = await bed.start();
    bed.api.hold({ resource: `/groups/${guid(1)}` });
    await takeTurns([one], 1);
    bed.api.hold({ resource: `/groups/${guid(1)}` });
    await takeTurns([one], 5);
    const before = one.keeper.list()[0]?.problem;

    await one.keeper.deleteAll(signal);

    expect(before).toMatch(/another listener has the same PUBLIC_URL/);
    expect(one.keeper.list()[0]?.problem).toBeUndefined();
  });
});

describe('a new address', () => {
  it('replaces the recorded subscriptions of the old one, and no others', async () => {
    const first = await bed.start();
    await takeTurns([first], 1);
    const foreign = bed.api.hold({ resource: `/groups/${guid(5)}` });
    const second = await bed.start({ at: first.path, publicUrl: 'https://moved.example.org' });

    await takeTurns([second], 2);

    expect([...bed.api.held.values()].map(({ resource, notificationUrl }) => [resource, notificationUrl])).toEqual([
      [`/groups/${guid(5)}`, OURS],
      ['/users', 'https://moved.example.org/graph/notifications'],
    ]);
    expect(bed.api.held.has(foreign)).toBe(true);
    expect(second.gaps).toMatchObject([{ kind: 'changed' }]);
  });

  it('finds no rival in a subscription of ours that Graph goes on naming after its deletion', async () => {
    const first = await bed.start();
    await takeTurns([first], 1);
    const remove = bed.api.delete;
    bed.api.delete = async () => true;
    const second = await bed.start({ at: first.path, publicUrl: 'https://moved.example.org' });
    await takeTurns([second], 12);
    const meanwhile = second.keeper.list();
    bed.api.delete = remove;

    await takeTurns([second], 4);

    expect(meanwhile).toMatchObject([
      { state: 'missing', problem: expect.stringMatching(/also after it was deleted/) },
    ]);
    expect(second.keeper.list()).toMatchObject([{ state: 'live', problem: undefined }]);
    expect(second.store.data().replacements).toBeUndefined();
  });

  it('may change as often as the operator likes', async () => {
    const { path, keeper } = await bed.start();
    await keeper.tick(signal);
    for (let n = 0; n < 6; n += 1) {
      const next = await bed.start({ at: path, publicUrl: `https://host-${n}.example.org` });
      await takeTurns([next], 1);
    }

    expect([...bed.api.held.values()].map(({ notificationUrl }) => notificationUrl)).toEqual([
      'https://host-5.example.org/graph/notifications',
    ]);
  });
});
