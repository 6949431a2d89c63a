import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { holdLedger, LedgerBroken, openLedger } from '../../../src/ledger/ledger.js';
import { recoverLedger, setAside } from '../../../src/ledger/recover.js';
import { ALICE, BOB, entry, NOW } from '../domain/builders.js';

let dir: string;
let path: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'entramox-recover-'));
  path = join(dir, 'ledger.json');
  const ledger = await openLedger(path);
  ledger.put(entry());
  await ledger.save();
  ledger.put(entry({ oid: BOB, names: {} }));
  await ledger.save();
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const oidsIn = (document: { identities: object }) => Object.keys(document.identities);

describe('the best copy of a ledger', () => {
  it('is the ledger itself where it is well', async () => {
    const { document, from, faults } = await recoverLedger(path);

    expect([oidsIn(document), from, faults]).toEqual([[ALICE, BOB], 'ledger', []]);
  });

  it.each<[string, () => Promise<void>, RegExp]>([
    ['broken', () => writeFile(path, '{"version":1,"ident'), /ledger\.json cannot be used/],
    ['missing', () => rm(path), /ledger\.json is missing/],
  ])('is the former one where it is %s', async (_what, spoil, words) => {
    await spoil();

    const { document, from, faults } = await recoverLedger(path);

    expect([oidsIn(document), from]).toEqual([[ALICE], 'previous']);
    expect(faults.join()).toMatch(words);
  });

  it('is an empty one where neither can be used, and nothing was changed by looking', async () => {
    await writeFile(path, '');
    await writeFile(`${path}.prev`, '[]');
    const before = await readdir(dir);

    const { document, from, faults } = await recoverLedger(path);

    expect([oidsIn(document), from, faults.length]).toEqual([[], 'nothing', 2]);
    expect(await readdir(dir)).toEqual(before);
  });

  it('is never a guess where a file is there and cannot be read', async () => {
    await rm(path);

    await expect(recoverLedger(join(path, 'below'))).resolves.toMatchObject({ from: 'nothing' });
    await expect(recoverLedger(dir)).rejects.toThrow(LedgerBroken);
  });
});

describe('a broken ledger that is replaced', () => {
  it('is kept beside, and does not take the place of the last good copy', async () => {
    await writeFile(path, 'broken');
    const { document } = await recoverLedger(path);

    const place = await setAside(path, NOW);
    const ledger = holdLedger(path, document);
    ledger.changed();
    await ledger.save();

    expect(place).toBe(`${path}.broken-20261121T090000Z`);
    expect(await readFile(place ?? '', 'utf8')).toBe('broken');
    expect(oidsIn(JSON.parse(await readFile(`${path}.prev`, 'utf8')))).toEqual([ALICE]);
    expect((await openLedger(path)).entries().map(({ oid }) => oid)).toEqual([ALICE]);
    expect(await setAside(join(dir, 'nothing'), NOW)).toBeUndefined();
  });
});
