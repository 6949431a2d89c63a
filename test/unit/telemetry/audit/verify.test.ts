import {
  appendFileSync,
  copyFileSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPlace, type Place, step } from './fixture.js';

let place: Place;

beforeEach(() => {
  place = createPlace();
});
afterEach(() => place.remove());

/** What releases before the chain wrote. */
const OLD = '{"at":"2026-01-01T00:00:00.000Z","by":"sweep","action":"lock","outcome":"done"}';

describe('a whole audit log', () => {
  it('is found whole, from its first record to its last', async () => {
    place.tell('create', 'groups', 'lock');

    const result = await place.verify();

    expect(result).toMatchObject({ records: 3, beforeTheChain: 0, begins: { seq: 1 }, ends: { seq: 3 }, findings: [] });
  });

  it('goes on in the same chain after a restart', async () => {
    place.tell('create');
    place.tell('lock');

    expect(await place.verify()).toMatchObject({ records: 2, ends: { seq: 2 }, findings: [], notes: [] });
  });

  it('may be empty, or not be there yet', async () => {
    expect(await place.findings()).toEqual([]);

    place.tell();

    expect(await place.findings()).toEqual([]);
  });

  it('names what an earlier release wrote before the chain, and vouches for it', async () => {
    place.tell();
    place.setLines([OLD, OLD]);
    place.tell('lock');

    expect(await place.verify()).toMatchObject({ records: 1, beforeTheChain: 2, begins: { seq: 1 }, findings: [] });

    place.setLines(place.lines().slice(1));

    expect(await place.findings()).toEqual([expect.stringContaining('what stands before the first record')]);
  });

  it('is whole across rotated files, packed or not, whatever they are called', async () => {
    place.tell('a', 'b');
    renameSync(place.path, `${place.path}-20261121-1795251600`);
    place.tell('c', 'd');
    writeFileSync(`${place.path}.1.gz`, gzipSync(readFileSync(place.path)));
    rmSync(place.path);
    place.tell('e');

    const { files, ...result } = await place.verify();

    expect(result).toMatchObject({ records: 5, begins: { seq: 1 }, ends: { seq: 5 }, findings: [] });
    expect(files.map((file) => file.slice(place.path.length))).toEqual(['-20261121-1795251600', '.1.gz', '']);
  });

  it('may begin later, where the oldest files are gone by rotation', async () => {
    place.tell('a', 'b');
    renameSync(place.path, `${place.path}.1`);
    place.tell('c');
    rmSync(`${place.path}.1`);

    expect(await place.verify()).toMatchObject({ begins: { seq: 3 }, findings: [] });
    expect(await place.findings({ from: 3 })).toEqual([]);
    expect(await place.findings({ from: 1 })).toEqual(['record 1 is not in the log any more']);
  });

  it('still holds what was anchored elsewhere', async () => {
    place.tell('a');
    const { ends } = await place.verify();
    place.tell('b', 'c');

    expect(await place.findings({ anchors: [ends ?? { seq: 0, hash: '' }] })).toEqual([]);
    expect(await place.findings({ anchors: [{ seq: 2, hash: 'a'.repeat(64) }] })).toHaveLength(1);
    expect(await place.findings({ anchors: [{ seq: 9, hash: 'a'.repeat(64) }] })).toEqual([
      'the end was cut: the log ends at record 3, and record 9 was there',
    ]);
  });

  it('is whole while records wait for the flush that moves the head', async () => {
    const audit = place.open();
    audit.append(step('a'));
    audit.flush();
    audit.append(step('b'));

    expect(await place.findings()).toEqual([]);
    audit.close();
  });
});

describe('tampering with the audit log is found:', () => {
  const tampered: [string, (lines: string[]) => string[], RegExp][] = [
    ['the first records cut away', (lines) => lines.slice(2), /in the middle of a file.*cut away/],
    ['a record cut out', (lines) => lines.toSpliced(2, 1), /record 3 is missing before it/],
    ['the last record cut away', (lines) => lines.slice(0, -1), /the end was cut.*record 5 was there/],
    ['everything cut away', () => [], /the end was cut: the log ends at record 0/],
    ['a word edited', (lines) => lines.with(1, String(lines[1]).replace('"b"', '"x"')), /does not follow record 2/],
    ['the last word edited', (lines) => lines.with(4, String(lines[4]).replace('e"', 'x"')), /hash was kept/],
    ['two records swapped', ([a, b, c, ...rest]) => [a, c, b, ...rest] as string[], /moved, repeated or put in/],
    ['a record repeated', (lines) => lines.toSpliced(3, 0, String(lines[2])), /record 3 comes after record 3/],
    ['a line put in', (lines) => lines.toSpliced(3, 0, OLD), /no record of the chain/],
    ['an empty line put in', (lines) => lines.toSpliced(3, 0, ''), /no record of the chain/],
    ['a line put behind the end', (lines) => [...lines, OLD], /no record of the chain/],
    ['a line put before the beginning', (lines) => [OLD, ...lines], /what stands before the first record/],
    [
      'a record numbered out of the way',
      (lines) => lines.with(2, String(lines[2]).replace('"seq":3', '"seq":30')),
      /missing/,
    ],
  ];
  it.each(tampered)('%s', async (_what, tamper, words) => {
    place.tell('a', 'b', 'c', 'd', 'e');
    place.setLines(tamper(place.lines()));

    expect((await place.findings()).join('\n')).toMatch(words);
  });

  it('a rotated file taken from the middle', async () => {
    for (const [index, action] of ['a', 'b', 'c'].entries()) {
      place.tell(action);
      if (index < 2) renameSync(place.path, `${place.path}.${2 - index}`);
    }
    rmSync(`${place.path}.1`);

    expect(await place.findings()).toEqual(['record 2 is missing before it']);
  });

  it('a file kept twice', async () => {
    place.tell('a', 'b');
    copyFileSync(place.path, `${place.path}.1`);

    expect(await place.findings()).not.toEqual([]);
  });

  it('a packed file cut short', async () => {
    place.tell('a', 'b');
    const packed = gzipSync(readFileSync(place.path));
    rmSync(place.path);
    writeFileSync(`${place.path}.1.gz`, packed.subarray(0, -12));
    place.tell('c');

    expect((await place.findings()).join()).toContain('it cannot be read to its end');
  });

  it('the head lost or overwritten', async () => {
    place.tell('a');
    rmSync(place.headPath);

    expect((await place.findings()).join()).toContain('the head of the chain is missing');

    writeFileSync(place.headPath, '{"seq":"many"}');

    expect((await place.findings()).join()).toContain('no head');
  });

  it('a cut before a restart: the log itself keeps that records are missing', async () => {
    place.tell('a', 'b', 'c');
    place.setLines(place.lines().slice(0, 1));
    place.tell('d');

    expect(await place.findings()).toEqual([
      'records 2 to 3 are missing before it',
      'records were missing at the end when the log was opened',
    ]);
    expect(place.lines().map((line) => (JSON.parse(line) as { action: string }).action)).toEqual([
      'a',
      'records-missing',
      'd',
    ]);
  });

  it('the only record of its file made unreadable before a restart, though it then looks torn', async () => {
    place.tell('a');
    place.setLines(place.lines().map((line) => `\u0000${line.slice(1)}`));
    place.tell('b');

    expect((await place.findings()).join()).toContain('records were missing at the end when the log was opened');
  });

  it('the last record edited before a restart', async () => {
    place.tell('a', 'b');
    place.setLines(place.lines().with(1, String(place.lines()[1]).replace('"b"', '"x"')));
    place.tell('c');

    expect((await place.findings()).join()).toContain('record 3 does not follow record 2');
    expect(place.lines()[2]).toContain('"action":"record-changed"');
  });

  it('any change of any byte, and any line taken, moved or repeated, in any log', { timeout: 60_000 }, async () => {
    const change = fc.oneof(
      fc.record({ kind: fc.constant('byte' as const), at: fc.nat(), to: fc.nat(255) }),
      fc.record({ kind: fc.constant('drop' as const), at: fc.nat() }),
      fc.record({ kind: fc.constant('cut byte' as const), at: fc.nat() }),
      fc.record({ kind: fc.constant('swap' as const), at: fc.nat(), with: fc.nat() }),
      fc.record({ kind: fc.constant('repeat' as const), at: fc.nat(), to: fc.nat() }),
    );
    const actions = fc.array(fc.string({ maxLength: 12 }), { minLength: 2, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(actions, fc.nat(), fc.boolean(), change, async (words, rotateAt, old, what) => {
        const log = createPlace();
        try {
          if (old) {
            log.tell();
            log.setLines([OLD]);
          }
          const first = words.slice(0, rotateAt % words.length);
          log.tell(...first);
          if (first.length > 0) renameSync(log.path, `${log.path}.1`);
          log.tell(...words.slice(first.length));
          expect(await log.findings()).toEqual([]);
          const files = [`${log.path}.1`, log.path].filter((file) => existsSync(file));
          const file = files[what.at % files.length] as string;
          if (!damage(log, file, what)) return;

          expect(await log.findings()).not.toEqual([]);
        } finally {
          log.remove();
        }
      }),
      { numRuns: 80, seed: 20261121 },
    );
  });
});

type Change =
  | { kind: 'byte'; at: number; to: number }
  | { kind: 'drop' | 'cut byte'; at: number }
  | { kind: 'swap'; at: number; with: number }
  | { kind: 'repeat'; at: number; to: number };

/** Whether the file is another one afterwards, in another way than by what rotation may take. */
function damage(log: Place, file: string, change: Change): boolean {
  const bytes = readFileSync(file);
  const lines = log.lines(file);
  const index = change.at % lines.length;
  switch (change.kind) {
    case 'byte': {
      const at = change.at % bytes.length;
      if (bytes[at] === change.to) return false;
      bytes[at] = change.to;
      writeFileSync(file, bytes);
      return true;
    }
    case 'cut byte': {
      const at = change.at % bytes.length;
      writeFileSync(file, Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]));
      return true;
    }
    case 'drop':
      // A whole rotated file may be gone.
      if (lines.length === 1 && file !== log.path) return false;
      log.setLines(lines.toSpliced(index, 1), file);
      return true;
    case 'swap': {
      const other = change.with % lines.length;
      if (lines[index] === lines[other]) return false;
      log.setLines(lines.with(index, String(lines[other])).with(other, String(lines[index])), file);
      return true;
    }
    case 'repeat':
      log.setLines(lines.toSpliced(change.to % (lines.length + 1), 0, String(lines[index])), file);
      return true;
    default:
      return change satisfies never;
  }
}

describe('a line that a crash left torn', () => {
  it('is closed off when the log is opened, told, and the chain goes on', async () => {
    place.tell('a', 'b');
    truncateSync(place.path, readFileSync(place.path).length - 30);
    // As after a crash in the middle of a write: what was never flushed is not in the head either.
    writeFileSync(place.headPath, JSON.stringify((await anchorOf(place, 1)) as object));

    expect((await place.findings()).join()).toContain('it is torn');

    place.tell('c');

    const { findings, notes } = await place.verify();
    expect([findings, notes.length]).toEqual([[], 1]);
    expect(place.lines()).toHaveLength(4);
    expect(place.lines()[2]).toContain('"action":"torn-line"');
  });

  it('is a finding where it is altered after it was closed off', async () => {
    place.tell('a');
    appendFileSync(place.path, '{"seq":2,"prev"');
    place.tell('b');

    expect(await place.findings()).toEqual([]);

    place.setLines(place.lines().with(1, '{"seq":2,"prov"'));

    expect(await place.findings()).not.toEqual([]);
  });

  it('is closed off in the next file where it was rotated away meanwhile', async () => {
    place.tell('a');
    appendFileSync(place.path, '{"seq":2,');
    renameSync(place.path, `${place.path}.1`);
    place.tell('b');

    expect(await place.verify()).toMatchObject({ findings: [], notes: [{ what: expect.stringContaining('torn') }] });
  });

  it('is one record where only the end of the line is missing', async () => {
    place.tell('a', 'b');
    truncateSync(place.path, readFileSync(place.path).length - 1);
    place.tell('c');

    expect(await place.verify()).toMatchObject({ records: 3, findings: [], notes: [] });
  });

  it('stands at the end of what an earlier release wrote', async () => {
    place.tell();
    writeFileSync(place.path, `${OLD}\n${OLD.slice(0, 20)}`);
    place.tell('a');

    expect(await place.verify()).toMatchObject({ beforeTheChain: 1, records: 1, findings: [] });
  });

  it('is closed off by one cut anywhere', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.boolean(), async (cut, again) => {
        const log = createPlace();
        try {
          log.tell('a');
          const whole = readFileSync(log.path).length;
          const head = readFileSync(log.headPath);
          log.tell('b');
          const bytes = readFileSync(log.path);
          const end = whole + (cut % (bytes.length - whole));
          truncateSync(log.path, end);
          writeFileSync(log.headPath, head);
          log.tell(...(again ? [] : ['c']));
          log.tell('d');

          expect(await log.findings()).toEqual([]);
        } finally {
          log.remove();
        }
      }),
      { numRuns: 25, seed: 7 },
    );
  });
});

async function anchorOf({ path, verify }: Place, seq: number): Promise<unknown> {
  const all = readFileSync(path, 'utf8');
  const end = all.split('\n').slice(0, seq).join('\n').length + 1;
  writeFileSync(path, all.slice(0, end));
  const { ends } = await verify();
  writeFileSync(path, all);
  return ends && { seq: ends.seq, hash: ends.hash };
}
