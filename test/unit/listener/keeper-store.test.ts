import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { discardSubscriptionStore } from '../../../src/listener/subscriptions/discard.js';
import { openSubscriptionStore } from '../../../src/listener/subscriptions/store.js';
import { createTestLog, guid } from '../queue/fixtures.js';
import { type Bed, openBed, signal, TICK_MS } from './keeper-bed.js';

const STATE = 'a-client-state-that-nobody-may-ever-see-0';
/** As written before gaps, debts and rivals were recorded. */
const OLD_RECORD = {
  id: guid(0xa),
  resource: '/users',
  changeType: 'updated,deleted',
  clientState: STATE,
  expiresAt: Date.UTC(2026, 10, 24, 9),
  createdAt: Date.UTC(2026, 10, 21, 9),
  renewedAt: Date.UTC(2026, 10, 22, 8),
  touchedAt: Date.UTC(2026, 10, 22, 8),
};

let bed: Bed;
let path: string;
let events: ReturnType<typeof createTestLog>['events'];

beforeEach(async () => {
  bed = await openBed();
  path = (await bed.start({ wanted: () => [] })).path;
  await mkdir(dirname(path), { recursive: true });
});
afterEach(() => bed.remove());

function open() {
  const testLog = createTestLog();
  events = testLog.events;
  return openSubscriptionStore({
    path,
    onBroken: (why) => discardSubscriptionStore({ path, why, now: bed.clock.now(), log: testLog.log }),
  });
}

const aside = async () => (await readdir(dirname(path))).filter((name) => name.endsWith('.aside'));

describe('the record of an older release', () => {
  it('is understood, and its subscription goes on', async () => {
    await writeFile(path, JSON.stringify({ version: 1, subscriptions: [OLD_RECORD] }));
    bed.api.hold({ ...OLD_RECORD });
    const { keeper, gaps } = await bed.start({ at: path, store: await open() });

    await keeper.tick(signal);

    expect(keeper.list()).toMatchObject([{ id: OLD_RECORD.id, state: 'live', gaps: 0, lastGap: undefined }]);
    expect(bed.calls(/^(create|delete|renew)/)).toEqual([]);
    expect([gaps, await aside()]).toEqual([[], []]);
  });

  it('gives the begin of a gap by its last renewal', async () => {
    await writeFile(path, JSON.stringify({ version: 1, subscriptions: [OLD_RECORD] }));
    const { keeper, gaps } = await bed.start({ at: path, store: await open() });

    await keeper.tick(signal);

    expect(gaps).toMatchObject([{ kind: 'gone', from: OLD_RECORD.renewedAt }]);
  });

  it('with a creation that was never answered is no sign of a rival', async () => {
    await writeFile(path, JSON.stringify({ version: 1, subscriptions: [{ ...OLD_RECORD, id: null }] }));
    bed.api.hold({ ...OLD_RECORD });
    const { keeper, store } = await bed.start({ at: path, store: await open() });

    await keeper.tick(signal);

    expect(keeper.list()).toMatchObject([{ state: 'live' }]);
    expect(store.data().replacements).toBeUndefined();
  });
});

describe('a record that cannot be understood', () => {
  it.each([
    ['is torn', `{"version":1,"subscriptions":[{"clientState":"${STATE}`],
    ['is empty', ''],
    ['is something else', JSON.stringify({ version: 1, subscriptions: [{ ...OLD_RECORD, id: 7 }] })],
    ['quotes badly', `{"clientState": ${STATE}}`],
  ])('because it %s is moved aside at the start, and all is made anew', async (_what, text) => {
    await writeFile(path, text);
    const ours = bed.api.hold({ ...OLD_RECORD });
    const theirs = bed.api.hold({ resource: `/groups/${guid(3)}`, notificationUrl: 'https://other.example.org/x' });
    const { keeper, puts } = await bed.start({ at: path, store: await open() });

    await keeper.tick(signal);

    const [name = ''] = await aside();
    expect(await readFile(join(dirname(path), name), 'utf8')).toBe(text);
    expect(keeper.list()).toMatchObject([{ state: 'live', problem: undefined }]);
    expect([bed.api.held.has(ours), bed.api.held.has(theirs), bed.api.held.size]).toEqual([false, true, 2]);
    expect(puts).toContain('sweep');
    expect(events).toMatchObject([{ event: 'listener.store.discarded', fields: { path } }]);
    expect(JSON.stringify(events)).not.toContain(STATE.slice(0, 10));
  });

  it('while we run is written again from what we know', async () => {
    const { keeper, store } = await bed.start({ at: path, store: await open() });
    await keeper.tick(signal);
    const before = keeper.list();
    await writeFile(path, '{"version":1,"subscr');
    bed.clock.advance(TICK_MS);

    await keeper.tick(signal);

    expect(keeper.list().map(({ id }) => id)).toEqual(before.map(({ id }) => id));
    expect(bed.calls(/^create/)).toHaveLength(1);
    expect(await aside()).toHaveLength(1);
    expect(JSON.parse(await readFile(path, 'utf8')).subscriptions).toEqual(store.list());
  });

  it('since it is of a newer version stops the start, and is left as it is', async () => {
    const text = '{"version":2,"subscriptions":[]}';
    await writeFile(path, text);

    await expect(open()).rejects.toThrow(/version 2.*newer Entramox/);

    expect([await readFile(path, 'utf8'), await aside()]).toEqual([text, []]);
  });
});
