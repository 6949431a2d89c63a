import { describe, expect, it } from 'vitest';
import { readAddressRange } from '../../../src/config/types/network.js';
import { createAllowList } from '../../../src/listener/allow-list.js';
import { createProbeTokens } from '../../../src/listener/probe-tokens.js';

const allow = (...entries: string[]) => createAllowList(entries.flatMap((entry) => readAddressRange(entry) ?? []));

describe('an allow-list', () => {
  it('lets everybody in when it is empty', () => {
    expect([allow()('203.0.113.9'), allow()(undefined)]).toEqual([true, true]);
  });

  it.each([
    ['52.159.23.209', true],
    ['::ffff:52.159.23.209', true],
    ['::FFFF:52.159.23.209', true],
    ['52.159.23.209:51234', true],
    ['[2603:1000:0:1::5]:51234', true],
    ['52.159.23.210', false],
    ['52.159.23.210:51234', false],
    ['20.20.32.1', true],
    ['20.20.64.1', false],
    ['2603:1000:0:1::5', true],
    ['2603:0FFF::5', false],
    ['not an address', false],
    ['', false],
    [undefined, false],
  ])('judges %s', (address, expected) => {
    const isAllowed = allow('52.159.23.209', '20.20.32.0/19', '2603:1000::/24');

    expect(isAllowed(address)).toBe(expected);
  });
});

describe('tokens of our own probes', () => {
  it('are known for a minute, and nobody else can make one', () => {
    let now = 0;
    let count = 0;
    const tokens = createProbeTokens((bytes) => Buffer.alloc(bytes, ++count), { now: () => now });

    const token = tokens.random(16).toString('hex');
    const known = [tokens.isOurs(token), tokens.isOurs(token.replace('0', '1')), tokens.isOurs('')];
    now = 60_001;

    expect(known).toEqual([true, false, false]);
    expect(tokens.isOurs(token)).toBe(false);
  });

  it('cost a bounded memory: the oldest are forgotten', () => {
    let count = 0;
    const tokens = createProbeTokens(() => Buffer.from([count >> 8, count++ & 255]), { now: () => 0 });

    const made = Array.from({ length: 300 }, () => tokens.random(2).toString('hex'));

    expect(made.filter(tokens.isOurs)).toEqual(made.slice(-100));
  });
});
