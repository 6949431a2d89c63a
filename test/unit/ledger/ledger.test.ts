import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Busy } from '../../../src/domain/errors.js';
import { LedgerBroken, openLedger } from '../../../src/ledger/ledger.js';
import { ALICE, anyEntry, BOB, EVERYBODY, entry, NOW } from '../domain/builders.js';

let dir: string;
let path: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'entramox-ledger-'));
  path = join(dir, 'ledger.json');
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function contents(): Promise<Record<string, string>> {
  const names = (await readdir(dir)).sort();
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await text(name)] as const)));
}

function text(name: string): Promise<string> {
  return readFile(join(dir, name), 'utf8');
}

/** A ledger file with Alice in it and an older copy beside it. */
async function written(): Promise<void> {
  const ledger = await openLedger(path);
  ledger.put(entry({ upn: 'older@example.com' }));
  await ledger.save();
  ledger.put(entry());
  await ledger.save();
}

describe('the ledger', () => {
  it('begins empty on a new host, and makes no file before there is something to write', async () => {
    const ledger = await openLedger(path);
    await ledger.save();

    expect(ledger.entries()).toEqual([]);
    expect(await readdir(dir)).toEqual([]);
  });

  it('gives back what was saved, whatever it was', async () => {
    await fc.assert(
      fc.asyncProperty(anyEntry, async (value) => {
        if (!value) return;
        const ledger = await openLedger(path);
        ledger.put(value);
        await ledger.save();

        const again = await openLedger(path);

        expect(again.entry(ALICE)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
      { numRuns: 25 },
    );
  });

  it('keeps the last good copy beside it', async () => {
    await written();

    const files = await contents();

    expect(Object.keys(files)).toEqual(['ledger.json', 'ledger.json.prev']);
    expect(files['ledger.json']).toContain('alice@example.com');
    expect(files['ledger.json.prev']).toContain('older@example.com');
  });

  it('keeps the guard, the groups and the last sweep', async () => {
    const ledger = await openLedger(path);
    ledger.data.guard.window.push({ oid: ALICE, kind: 'lock', at: NOW });
    ledger.data.guard.held = { hash: 'abc', since: NOW, by: 'sweep', why: 'many', removals: [] };
    ledger.data.groups[EVERYBODY] = { members: 3, at: NOW };
    ledger.changed();
    await ledger.save();

    const again = await openLedger(path);

    expect(again.data.guard).toEqual(ledger.data.guard);
    expect(again.data.groups).toEqual({ [EVERYBODY]: { members: 3, at: NOW } });
  });
});

describe('a broken ledger', () => {
  const cut = async () => writeFile(path, (await text('ledger.json')).slice(0, 100));

  it.each([
    ['is truncated', cut, 'cannot be used'],
    ['is empty', () => writeFile(path, ''), 'cannot be used'],
    ['is garbage', () => writeFile(path, '\u0000\u0001not json'), 'cannot be used'],
    ['has something after its end', () => appendFile(path, '{}'), 'cannot be used'],
    ['is of a newer version', () => writeFile(path, '{"version":2,"people":[]}'), 'install the newer release again'],
    ['has no version', () => writeFile(path, '{"identities":{}}'), 'at version'],
    ['is a list', () => writeFile(path, '[]'), 'at the top'],
    ['is null', () => writeFile(path, 'null'), 'at the top'],
    ['holds somebody in an unknown state', () => change('"state":"active"', '"state":"asleep"'), 'state'],
    ['holds a countdown that is no time', () => change('"since":', '"deleteAt":"soon","since":'), 'deleteAt'],
    ['holds an entry under another’s object id', () => change(`"${ALICE}":{`, `"${BOB}":{`), 'holds the entry of'],
    ['is missing although its former copy is there', () => rm(path), 'is missing'],
    ['is a directory', () => rm(path).then(() => mkdir(path)), 'cannot be read'],
  ])('that %s stops everything, says so, and is not touched', async (_what, breakIt, message) => {
    await written();
    await breakIt();
    const before = await readdir(dir);
    const prev = await text('ledger.json.prev');

    const opening = openLedger(path);

    await expect(opening).rejects.toThrow(LedgerBroken);
    await expect(openLedger(path)).rejects.toThrow(message);
    await expect(openLedger(path)).rejects.toThrow(path);
    expect(await readdir(dir)).toEqual(before);
    expect(await text('ledger.json.prev')).toBe(prev);
  });

  async function change(from: string, to: string): Promise<void> {
    const before = await text('ledger.json');
    expect(before).toContain(from);
    await writeFile(path, before.replace(from, to));
  }
});

describe('a crash', () => {
  it('while the next content is written leaves the old one', async () => {
    await written();
    await writeFile(`${path}.next`, '{"version":1,"identi');

    const ledger = await openLedger(path);
    ledger.put(entry({ displayName: 'After the crash' }));
    await ledger.save();

    expect((await openLedger(path)).entry(ALICE)?.displayName).toBe('After the crash');
    expect(await readdir(dir)).toEqual(['ledger.json', 'ledger.json.prev']);
  });

  it('between keeping the old copy and putting the new one in place loses neither', async () => {
    await written();
    await writeFile(`${path}.next`, await text('ledger.json'));
    await writeFile(`${path}.prev.next`, await text('ledger.json'));

    const ledger = await openLedger(path);
    ledger.put(entry({ oid: BOB, names: { linux: 'bob' } }));
    await ledger.save();

    expect((await openLedger(path)).entries()).toHaveLength(2);
    expect(await text('ledger.json.prev')).toContain('alice@example.com');
    expect(await readdir(dir)).toEqual(['ledger.json', 'ledger.json.prev']);
  });
});

describe('a ledger that cannot be written', () => {
  /** A directory in the place of the next file: it fails for root too. */
  const obstruct = () => mkdir(`${path}.next`);
  const clearAway = () => rm(`${path}.next`, { recursive: true });

  it('says which file and what to do, and leaves the old content', async () => {
    await written();
    const before = await text('ledger.json');
    const ledger = await openLedger(path);
    await obstruct();
    ledger.put(entry({ displayName: 'never written' }));

    const saving = ledger.save();

    await expect(saving).rejects.toThrow(Busy);
    await expect(ledger.save()).rejects.toThrow(`the ledger ${path} cannot be written`);
    expect(await text('ledger.json')).toBe(before);
  });

  it('is written with the next save, also where nothing new was put', async () => {
    await written();
    const ledger = await openLedger(path);
    await obstruct();
    ledger.put(entry({ displayName: 'written later' }));
    await ledger.save().catch(() => undefined);
    await clearAway();

    await ledger.save();

    expect((await openLedger(path)).entry(ALICE)?.displayName).toBe('written later');
  });

  it('fails for everybody who waits for the same write', async () => {
    const ledger = await openLedger(path);
    await obstruct();
    ledger.put(entry());

    const results = await Promise.allSettled([ledger.save(), ledger.save(), ledger.save()]);

    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  });
});

describe('saving', () => {
  it('writes once for many who ask together, and holds everything that was put before', async () => {
    const ledger = await openLedger(path);
    ledger.put(entry());
    const first = ledger.save();
    ledger.put(entry({ oid: BOB, names: {} }));
    const others = [ledger.save(), ledger.save(), ledger.save()];
    await first;
    const afterFirst = (await openLedger(path)).entries().length;
    await Promise.all(others);

    expect(afterFirst).toBeLessThanOrEqual(2);
    expect((await openLedger(path)).entries()).toHaveLength(2);
    // Two writes, not four: the copy beside it is the state before the last one.
    expect(JSON.parse(await text('ledger.json.prev')).identities).toHaveProperty(ALICE);
    expect(JSON.parse(await text('ledger.json.prev')).identities).not.toHaveProperty(BOB);
  });

  it('makes no write where an entry is put again unchanged', async () => {
    await written();
    const prev = await text('ledger.json.prev');
    const ledger = await openLedger(path);
    ledger.put(structuredClone(ledger.entry(ALICE)) ?? entry());

    await ledger.save();

    expect(await text('ledger.json.prev')).toBe(prev);
  });

  it('holds, when it resolves, what the caller put, in any order of calls', async () => {
    const ledger = await openLedger(path);
    const saves = Array.from({ length: 20 }, async (_, n) => {
      const oid = `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
      await new Promise((resolve) => setImmediate(resolve));
      ledger.put(entry({ oid, names: {} }));
      await ledger.save();
      return (await openLedger(path)).entry(oid) !== undefined;
    });

    expect(await Promise.all(saves)).toEqual(saves.map(() => true));
  });
});

describe('names in the ledger', () => {
  it('belong to whoever holds them, also after a restart and a deletion', async () => {
    const ledger = await openLedger(path);
    ledger.put(entry({ state: 'deleted' }));
    await ledger.save();

    expect(ledger.holderOf('alice')).toBe(ALICE);
    expect((await openLedger(path)).holderOf('alice')).toBe(ALICE);
  });

  it('are free again once they were given back', async () => {
    const ledger = await openLedger(path);
    ledger.put(entry());
    ledger.put(entry({ names: {} }));
    const afterwards = ledger.holderOf('alice');
    ledger.put(entry({ names: { linux: 'alice2' } }));
    ledger.drop(ALICE);

    expect([afterwards, ledger.holderOf('alice'), ledger.holderOf('alice2')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('stay with their new holder when the former one changes', async () => {
    const ledger = await openLedger(path);
    ledger.put(entry());
    ledger.put(entry({ oid: BOB }));
    ledger.put(entry({ names: {} }));

    expect(ledger.holderOf('alice')).toBe(BOB);
  });

  it('are found by user principal name without regard to case, the living before the deleted', async () => {
    const ledger = await openLedger(path);
    ledger.put(entry({ state: 'deleted' }));
    const onlyDeleted = ledger.findByUpn('ALICE@example.com')?.oid;
    ledger.put(entry({ oid: BOB, names: {} }));

    expect(onlyDeleted).toBe(ALICE);
    expect(ledger.findByUpn('Alice@Example.com')?.oid).toBe(BOB);
    expect(ledger.findByUpn('nobody@example.com')).toBeUndefined();
  });
});

it('does not follow a link that stands where the next content is written', async () => {
  await written();
  await writeFile(join(dir, 'victim'), 'precious');
  await symlink(join(dir, 'victim'), `${path}.prev.next`);
  const ledger = await openLedger(path);
  ledger.put(entry({ displayName: 'x' }));

  await ledger.save();

  expect(await text('victim')).toBe('precious');
});
