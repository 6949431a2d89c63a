import { describe, expect, it } from 'vitest';
import { createExpiryWatch, type Expiry, expiryLevel, expiryViews } from '../../../src/telemetry/expiry.js';
import { createMetrics } from '../../../src/telemetry/metrics.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const END = Date.parse('2027-11-22T00:00:00Z');
const SECRET: Expiry = { credential: 'entra-client-secret', expiresAt: END };

function watching(expiries: readonly Expiry[], start: number) {
  let now = start;
  const lines: { event: string; fields: Record<string, unknown> }[] = [];
  const metrics = createMetrics();
  const watch = createExpiryWatch({
    expiries,
    now: () => now,
    log: (event, fields = {}) => void lines.push({ event, fields }),
    metrics,
  });
  return {
    lines,
    metrics,
    watch,
    /** Looks once an hour until then. */
    lookHourlyUntil(end: number) {
      for (; now <= end; now += HOUR) watch.look();
    },
  };
}

describe('the end of a credential', () => {
  it.each([
    [31 * DAY, 'far'],
    [30 * DAY + 1, 'far'],
    [30 * DAY, '30 days'],
    [7 * DAY + 1, '30 days'],
    [7 * DAY, '7 days'],
    [DAY + 1, '7 days'],
    [DAY, '1 day'],
    [1, '1 day'],
    [0, 'expired'],
    [-DAY, 'expired'],
  ])('%i ms away is %s', (leftMs, level) => {
    expect(expiryLevel(END, END - leftMs)).toBe(level);
  });

  it('is told with whole days and with what to do', () => {
    const views = expiryViews([SECRET], END - 6.5 * DAY);

    expect(views).toEqual([
      {
        credential: 'entra-client-secret',
        expiresAt: '2027-11-22T00:00:00.000Z',
        level: '7 days',
        daysLeft: 6,
        remedy: expect.stringContaining('make a new client secret'),
      },
    ]);
  });

  it('is logged once a day from the thirtieth day on, at once when a level is reached, and not before', () => {
    const { lines, lookHourlyUntil } = watching([SECRET], END - 40 * DAY);

    lookHourlyUntil(END - 30 * DAY - 1);
    const before = lines.length;
    lookHourlyUntil(END - 1);

    expect(before).toBe(0);
    const days = lines.map(({ fields }) => fields.daysLeft);
    expect(days).toEqual(Array.from({ length: 30 }, (_, n) => 30 - n));
    expect(new Set(lines.map(({ event }) => event))).toEqual(new Set(['config.credential.expiring']));
  });

  it('is logged as an error once it is past, once a day', () => {
    const { lines, lookHourlyUntil } = watching([SECRET], END);

    lookHourlyUntil(END + 2 * DAY - 1);

    expect(lines.map(({ event }) => event)).toEqual(['config.credential.expired', 'config.credential.expired']);
  });

  it('is told of each credential by itself', () => {
    const token: Expiry = { credential: 'pve-api-token', expiresAt: END + 10 * DAY };
    const { lines, watch } = watching([SECRET, token], END - 5 * DAY);

    watch.look();
    watch.look();

    expect(lines.map(({ fields }) => [fields.credential, fields.daysLeft])).toEqual([
      ['entra-client-secret', 5],
      ['pve-api-token', 15],
    ]);
  });

  it('is a metric in seconds, also long before and after', async () => {
    const later: Expiry = { credential: 'listener-certificate', expiresAt: END + 100 * DAY };
    const { metrics, watch } = watching([SECRET, later], END + 60_000);

    watch.measure();

    const text = await metrics.registry.metrics();
    expect(text).toMatch(/^entramox_credential_expiry_seconds\{credential="entra-client-secret"\} -60$/m);
    expect(text).toMatch(/^entramox_credential_expiry_seconds\{credential="listener-certificate"\} 8639940$/m);
  });
});
