import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bootstrapPaths } from '../../src/commands/parts/bootstrap-paths.js';
import { liveExpiries } from '../../src/commands/parts/live-expiries.js';
import {
  believedUntil,
  expiriesIn,
  type KeptEnd,
  keepTokenEnds,
  ownersElsewhere,
  readTokenEnds,
} from '../../src/commands/parts/token-ends-file.js';
import type { Settings } from '../../src/config/settings.js';
import type { Expiry } from '../../src/telemetry/expiry.js';
import { createMetrics } from '../../src/telemetry/metrics.js';

const NOW = Date.parse('2026-11-22T09:00:00Z');
const DAY_MS = 86_400_000;
const TOKEN = 'terraform-prov@pve!terraform';

let dir: string;
let settings: Pick<Settings, 'expiries' | 'paths'>;
let lines: string[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'entramox-ends-'));
  lines = [];
  const paths = { stateDir: join(dir, 'state'), logDir: join(dir, 'log') } as Settings['paths'];
  settings = { expiries: [{ credential: 'pve-api-token', expiresAt: NOW + 100 * DAY_MS }], paths };
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

const place = () => bootstrapPaths(settings.paths).tokenExpiries;
const open = () =>
  liveExpiries(
    settings,
    (event) => void lines.push(event),
    () => NOW,
  );

function end(changes: Partial<KeptEnd> = {}): KeptEnd {
  return { token: TOKEN, current: `${TOKEN}-2`, isRenewed: false, former: [], ...changes };
}

function declarations(name: string): string {
  const path = join(dir, name);
  writeFileSync(path, '{}');
  return path;
}

describe('what is known of the declared tokens', () => {
  it('is kept for the reconciler, which is another user, whatever the umask, and comes back as it was', async () => {
    const umask = process.umask(0o077);
    await keepTokenEnds(place(), declarations('a.json'), [end({ endsAt: NOW + DAY_MS, told: '1 day' })], NOW);
    process.umask(umask);

    expect(statSync(place()).mode & 0o777).toBe(0o644);
    expect(Object.values(readTokenEnds(place()).files)).toEqual([
      { at: NOW, tokens: [end({ endsAt: NOW + DAY_MS, told: '1 day' })] },
    ]);
  });

  it('stays known for each file of declarations, until that file is gone', async () => {
    const [first, second] = [declarations('a.json'), declarations('b.json')];
    await keepTokenEnds(place(), first, [end()], NOW);
    await keepTokenEnds(place(), second, [end({ token: 'b@pve!b' })], NOW);
    const both = Object.keys(readTokenEnds(place()).files);
    rmSync(first);

    await keepTokenEnds(place(), second, [end({ token: 'b@pve!b' })], NOW);

    expect(both).toEqual([first, second]);
    expect(Object.keys(readTokenEnds(place()).files)).toEqual([second]);
  });

  it('says whose tokens another file declares, as long as that file is there', async () => {
    const [first, second] = [declarations('a.json'), declarations('b.json')];
    await keepTokenEnds(place(), first, [end({ token: 'a@pve!a' })], NOW);
    await keepTokenEnds(place(), second, [end({ token: 'b@pve!b' })], NOW);

    const owners = ownersElsewhere(place(), second);
    rmSync(first);

    expect([...owners]).toEqual([['a@pve', first]]);
    expect(ownersElsewhere(place(), second).size).toBe(0);
  });

  it('tells how far the clock is believed: a month beyond the last look', async () => {
    const file = declarations('a.json');
    const before = believedUntil(place(), file);
    await keepTokenEnds(place(), file, [], NOW);

    expect([before, believedUntil(place(), file)]).toEqual([undefined, NOW + 30 * DAY_MS]);
  });

  it('that cannot be read stops nothing: it is said once, and the next command writes it anew', async () => {
    await keepTokenEnds(place(), declarations('a.json'), [end()], NOW);
    writeFileSync(place(), readFileSync(place(), 'utf8').slice(0, 20));
    const live = open();

    live.all();
    const known = live.all();
    await keepTokenEnds(place(), declarations('a.json'), [end()], NOW);

    expect(known.map(({ credential }) => credential)).toEqual(['pve-api-token']);
    expect(lines).toEqual(['proxmox.tokens.unreadable']);
    expect(Object.keys(readTokenEnds(place()).files)).toHaveLength(1);
  });

  it.each<[string, Partial<KeptEnd>, Expiry['credential'][]]>([
    ['one that never ends', {}, []],
    ['one with a declared end', { endsAt: NOW + DAY_MS }, ['proxmox-token']],
    ['one that a rotation renews in time', { endsAt: NOW + DAY_MS, isRenewed: true, rotatesAt: NOW + 1 }, []],
    [
      'one that nobody has rotated in time',
      { endsAt: NOW + DAY_MS, isRenewed: true, rotatesAt: NOW - 3 * DAY_MS },
      ['proxmox-token-rotation', 'proxmox-token'],
    ],
    ['one that has ended', { endsAt: NOW - 1, isRenewed: true, rotatesAt: NOW - 1 }, ['proxmox-token']],
    ['one whose rotation is due today', { rotatesAt: NOW - DAY_MS }, []],
    ['one whose former token may still be used', { former: [{ token: 'a@pve!a', revokeAfter: NOW - DAY_MS }] }, []],
    [
      'one whose former token should have been revoked',
      { former: [{ token: 'a@pve!a', revokeAfter: NOW - 3 * DAY_MS }] },
      ['proxmox-token-rotation'],
    ],
    ['one whose rotation is late', { rotatesAt: NOW - 3 * DAY_MS }, ['proxmox-token-rotation']],
  ])('has a warning for what needs somebody: %s', (_what, changes, expected) => {
    const files = { a: { at: NOW, tokens: [end(changes)] } };

    expect(expiriesIn({ version: 1, files }, NOW).map(({ credential }) => credential)).toEqual(expected);
  });

  it('is in the metrics, and what is no longer declared is not', async () => {
    const metrics = createMetrics();
    const live = open();
    const file = declarations('a.json');
    await keepTokenEnds(
      place(),
      file,
      [end({ endsAt: NOW + DAY_MS, rotatesAt: NOW }), end({ token: 'b@pve!b', endsAt: NOW })],
      NOW,
    );
    live.measure(metrics);
    await keepTokenEnds(place(), file, [end({ endsAt: NOW + DAY_MS, rotatesAt: NOW })], NOW);

    live.measure(metrics);

    const text = await metrics.registry.metrics();
    expect(text).toContain(`entramox_token_expiry_timestamp_seconds{token="${TOKEN}"} ${(NOW + DAY_MS) / 1000}`);
    expect(text).toContain(`entramox_token_rotation_timestamp_seconds{token="${TOKEN}"} ${NOW / 1000}`);
    expect(text).not.toContain('b@pve!b');
  });
});

describe('the end of our own token', () => {
  it('is what Proxmox says, rather than what somebody wrote down', () => {
    const live = open();
    const before = live.all();
    live.noteOwnToken(NOW + DAY_MS);
    const after = live.all();
    live.noteOwnToken(undefined);

    expect(before).toEqual(settings.expiries);
    expect(after).toEqual([{ credential: 'pve-api-token', expiresAt: NOW + DAY_MS }]);
    expect(live.all()).toEqual([]);
  });
});
