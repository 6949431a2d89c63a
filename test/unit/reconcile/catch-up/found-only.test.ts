import { beforeEach, describe, expect, it } from 'vitest';
import type { LedgerEntry } from '../../../../src/domain/ledger-entry.js';
import { createFoundOnly, type FoundOnly, type Settled } from '../../../../src/reconcile/catch-up/found-only.js';
import type { Outcome } from '../../../../src/reconcile/settle.js';
import { createMetrics } from '../../../../src/telemetry/metrics.js';
import { ALICE, BOB, entry, LAB } from '../../domain/builders.js';
import { createFakeClock, type FakeClock } from '../fakes/clock.js';
import { oidOf } from '../fakes/world.js';

let clock: FakeClock;
let events: { event: string; fields: Record<string, unknown> | undefined }[];
let watch: FoundOnly;
let metrics: ReturnType<typeof createMetrics>;

beforeEach(() => begin());

function begin({ isPushed = true } = {}): void {
  clock = createFakeClock();
  events = [];
  metrics = createMetrics();
  watch = createFoundOnly({ clock, log: (event, fields) => void events.push({ event, fields }), metrics, isPushed });
}

const told = (by: 'push' | 'catch-up' | undefined, oid = ALICE) =>
  watch.claimed({ key: `user:${oid}`, since: clock.now(), removedAt: undefined, attempts: 0, told: by });

const disabled = (oid = ALICE, change: Partial<LedgerEntry> = {}): Settled => ({
  outcome: { oid, result: 'applied' },
  before: entry({ oid }),
  after: entry({ oid, state: 'suspended', ...change }),
});

const applied = (settled: Settled = disabled()) => watch.settled(settled);

/** A good round that named these; time passes before it and in it. */
function round(...found: string[]): void {
  clock.time += 1000;
  const startedAt = clock.now();
  watch.roundBegan(startedAt);
  clock.time += 10;
  watch.roundEnded(startedAt, new Set(found));
  for (const oid of found) told('catch-up', oid);
  clock.time += 10;
}

/** A sweep that settled these. */
function sweep(...settled: Settled[]): void {
  clock.time += 1000;
  const startedAt = clock.now();
  clock.time += 100;
  watch.swept(startedAt, settled);
}

const counts = () => {
  const { 'catch-up': caught, sweep: swept } = watch.counts();
  return [caught, swept];
};

describe('a change that catch-up told', () => {
  it('counts as found only by it where nobody pushed it, with who it was', async () => {
    round();
    round(ALICE);
    applied();

    expect(counts()).toEqual([1, 0]);
    expect(watch.counts().last).toEqual({ by: 'catch-up', oid: ALICE, upn: 'alice@example.com', at: clock.now() });
    expect(events).toEqual([
      { event: 'reconcile.change.untold', fields: { by: 'catch-up', oid: ALICE, upn: 'alice@example.com' } },
    ]);
    expect(await metrics.registry.metrics()).toContain('entramox_found_only_total{by="catch-up"} 1');
  });

  it('is forgotten at last where ids without end are made up, and memory is not filled with them', () => {
    round();
    round(ALICE);

    for (let n = 0; n < 100_000; n += 1) told('push', oidOf(n));
    applied();

    expect(counts()).toEqual([0, 0]);
  });

  it.each<[string, () => void, () => void]>([
    ['since the round before', () => told('push'), () => undefined],
    ['after the round, and before it was applied', () => undefined, () => told('push')],
  ])('was no discovery where it was pushed %s', (_, before, after) => {
    round();
    before();
    round(ALICE);
    after();
    applied();

    expect(counts()).toEqual([0, 0]);
  });

  it('is another one than what was pushed before the round before', () => {
    told('push');
    applied();
    round();
    round();
    round(ALICE);
    applied();

    expect(counts()).toEqual([1, 0]);
  });

  it('still is a discovery where a lock had to wait for a second reading, and rounds went by', () => {
    round(ALICE);
    watch.settled({ ...disabled(), outcome: { oid: ALICE, result: 'confirming' } });
    round();
    round();
    told(undefined);
    applied();

    expect(counts()).toEqual([1, 0]);
  });

  it('counts once, not at each later change', () => {
    round(ALICE);
    applied();
    applied({ ...disabled(), before: entry({ state: 'suspended' }), after: entry() });

    expect(counts()).toEqual([1, 0]);
  });

  it.each<[string, Partial<Settled>]>([
    ['nothing was applied', { outcome: { oid: ALICE, result: 'unchanged' } }],
    ['only a target had drifted', { after: entry() }],
    ['a countdown ended', { after: entry({ state: 'deleted' }) }],
    ['the ledger had been rebuilt', { before: entry({ groupsUnknown: true }) }],
    ['nothing is remembered', { after: undefined }],
  ])('is none where %s', (_, change) => {
    round(ALICE);
    applied({ ...disabled(), ...change });

    expect(counts()).toEqual([0, 0]);
  });

  it.each<[string, Partial<Settled>]>([
    ['somebody joined', { before: undefined, after: entry() }],
    ['a group was left', { before: entry({ groups: [LAB] }), after: entry({ groups: [] }) }],
    ['the name changed', { after: entry({ displayName: 'Alice Other' }) }],
  ])('is one where %s', (_, change) => {
    round(ALICE);
    applied({ ...disabled(), ...change });

    expect(counts()).toEqual([1, 0]);
  });

  it('is what catch-up is there for where nobody pushes', () => {
    begin({ isPushed: false });

    round(ALICE);
    applied();

    expect(counts()).toEqual([0, 0]);
    expect(events).toEqual([]);
  });
});

describe('a change that a sweep applied', () => {
  it('counts as found only by it once a later round has not told of it either', () => {
    sweep();
    sweep(disabled());
    const atOnce = counts();
    round();

    expect([atOnce, counts()]).toEqual([
      [0, 0],
      [0, 1],
    ]);
    expect(watch.counts().last).toMatchObject({ by: 'sweep', oid: ALICE });
  });

  it('proves nothing in the first sweep of a process: who was told before is not known', () => {
    sweep(disabled());
    round();

    expect(counts()).toEqual([0, 0]);
  });

  it('was told where a push came since the sweep before', () => {
    sweep();
    told('push');
    sweep(disabled(ALICE), disabled(BOB));
    round();

    expect(counts()).toEqual([0, 1]);
    expect(watch.counts().last?.oid).toBe(BOB);
  });

  it('is of catch-up where the next round names it, or one since the sweep before did', () => {
    sweep();
    round(BOB);
    sweep(disabled(ALICE), disabled(BOB));
    round(ALICE);

    expect(counts()).toEqual([2, 0]);
  });

  it('waits for a round that began after it', () => {
    sweep();
    watch.roundBegan(clock.now());
    const startedAt = clock.now();
    sweep(disabled());
    watch.roundEnded(startedAt, new Set());
    const early = counts();
    round();

    expect([early, counts()]).toEqual([
      [0, 0],
      [0, 1],
    ]);
  });

  it('is seen also where nobody pushes, since then catch-up had missed it', () => {
    begin({ isPushed: false });

    sweep();
    sweep(disabled(ALICE), disabled(BOB));
    round(BOB);

    expect(counts()).toEqual([0, 1]);
  });

  it('does not count what the sweep left alone', () => {
    const left: Outcome['result'][] = ['unchanged', 'held', 'failed', 'unknown', 'ignored'];

    sweep();
    sweep(...left.map((result): Settled => ({ ...disabled(), outcome: { oid: ALICE, result } })));
    round();

    expect(counts()).toEqual([0, 0]);
  });
});
