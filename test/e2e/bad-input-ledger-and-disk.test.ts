import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxUnavailable } from '../integration/sandbox/index.js';
import { waitFor } from '../lab/wait.js';
import { openWard, sides, type Ward } from './bad-input-lab.js';

let ward: Ward;
beforeAll(async () => {
  ward = await openWard({ residents: ['alice', 'bob'], admins: ['bob'], settings: { CONFIRM_AFTER: '1h' } });
});
afterAll(() => ward?.close());

const ledger = () => join(ward.lab.dir, 'state/ledger.json');

/** Runs with the daemon stopped, and leaves it running and well. */
async function whileStopped(change: () => void): Promise<void> {
  await ward.daemon().stop();
  change();
}

describe(`A ledger that cannot be used${sides}`, () => {
  it.each<[string, (good: string) => string, RegExp]>([
    ['truncated', (good) => good.slice(0, good.length / 2), /cannot be used: .*JSON/],
    ['empty', () => '', /cannot be used: .*JSON/],
    ['zeros, as after a power cut', (good) => '\0'.repeat(good.length), /cannot be used: .*JSON/],
    ['of a newer version', (good) => good.replace('"version":1', '"version":2'), /of version 2, this program knows/],
    ['another document', () => '[]', /cannot be used: at /],
    ['without its identities', () => '{"version":1}', /cannot be used: at identities/],
    [
      'with a state that nobody knows',
      (good) => good.replace('"active"', '"emperor"'),
      /cannot be used: at identities/,
    ],
  ])('stops the start and is left as it is, and nobody is harmed: %s', async (_what, spoil, words) => {
    const before = ward.world();
    let good = '';
    await whileStopped(() => {
      good = readFileSync(ledger(), 'utf8');
      writeFileSync(ledger(), spoil(good));
    });
    const told = ward.events('reconcile.ledger.broken').length;
    const writes = ward.lab.proxmox.writes;

    const daemon = await ward.restart();

    expect(await daemon.exited).toBe(1);
    const line = await ward.heard('reconcile.ledger.broken', undefined, told);
    expect(line.error).toMatch(words);
    expect(line.error).toContain(`Nothing was changed. The last good copy is ${ledger()}.prev`);
    expect(readFileSync(ledger(), 'utf8')).toBe(spoil(good));
    expect([ward.lab.proxmox.writes, ward.world()]).toEqual([writes, before]);
    writeFileSync(ledger(), good);
  });

  it('stops a foreground sweep as well', async () => {
    const good = readFileSync(ledger(), 'utf8');
    const before = ward.world();
    writeFileSync(ledger(), good.slice(0, 40));

    const { code, stderr } = await ward.lab.entramox('sweep', '--foreground');

    expect(code).toBe(1);
    expect(stderr).toMatch(/ledger\.json cannot be used/);
    expect(ward.world()).toEqual(before);
    writeFileSync(ledger(), good);
  });

  it('because it is missing beside its former copy is not taken for a new host', async () => {
    const good = readFileSync(ledger(), 'utf8');
    const before = ward.world();
    rmSync(ledger());

    const daemon = await ward.restart();

    expect(await daemon.exited).toBe(1);
    expect(ward.lab.log()).toContain(`${ledger()} is missing although ${ledger()}.prev is there`);
    expect(ward.world()).toEqual(before);
    writeFileSync(ledger(), good);
  });

  it('is well again with the former copy in its place, as the message says', async () => {
    const before = ward.world();
    writeFileSync(ledger(), '{"version":1,"identi');
    const daemon = await ward.restart();
    await daemon.exited;

    writeFileSync(ledger(), readFileSync(`${ledger()}.prev`));
    await ward.restart();

    await ward.lab.ready();
    expect(ward.world()).toEqual(before);
    await ward.welcomesNewcomer();
  });
});

describe(`A disk that takes nothing${sides}`, () => {
  const unavailable = sandboxUnavailable();
  /** The daemon's view of this path, which lies in mounts of its own. */
  const inside = (path: string) => `/proc/${ward.daemon().child.pid}/root${join(ward.lab.dir, path)}`;

  /** A tiny file system over this directory, with what is there copied into it. */
  const tiny = (name: string, options: string) => {
    const dir = join(ward.lab.dir, name);
    return `cp -a '${dir}' '${dir}.kept' && mount -t tmpfs -o ${options} tiny '${dir}' && cp -a '${dir}.kept/.' '${dir}/'`;
  };

  /** Takes the rest of the space; gives back what frees it. */
  function fill(name: string): () => void {
    const path = inside(`${name}/filler`);
    const block = Buffer.alloc(4096);
    const made: string[] = [];
    for (let index = 0; index < 4096; index += 1) {
      try {
        writeFileSync(`${path}${index}`, block);
      } catch (error) {
        if (!/ENOSPC/.test(String(error))) throw error;
        made.push(`${path}${index}`);
        return () => {
          for (const file of made) rmSync(file, { force: true });
        };
      }
      made.push(`${path}${index}`);
    }
    throw new Error(`${path} is larger than expected`);
  }

  it('full under the spool is answered 503, told, and nothing is lost once there is room', async (context) => {
    context.skip(unavailable !== undefined, unavailable);
    const before = ward.world();
    await ward.restart({}, tiny('spool', 'size=256k,nr_inodes=64'));
    await ward.lab.ready();
    await ward.rests();
    const free = fill('spool');
    ward.lab.entra.deliveries.clear();

    const oid = ward.lab.join('newcomer830');

    await ward.lab.entra.deliveries.waitFor(({ detail }) => detail === '503');
    const line = await ward.heard('listener.hint.unstored');
    expect(line.error).toMatch(/ENOSPC/);
    expect(ward.provisioned('newcomer830')).toBe(false);
    expect(ward.world()).toEqual(before);
    free();
    await waitFor('the joiner', () => ward.provisioned('newcomer830'), 30_000);
    await ward.lab.entra.deliveries.idle(30_000);
    const last = ward.lab.entra.deliveries.list().filter(({ items }) => JSON.stringify(items).includes(oid));
    expect(last.at(-1)).toMatchObject({ outcome: 'delivered', detail: '202' });
    await ward.welcomesNewcomer();
  });

  it('full under the ledger makes nothing that could not be remembered, and goes on once there is room', async (context) => {
    context.skip(unavailable !== undefined, unavailable);
    const before = ward.world();
    await ward.restart({}, tiny('state', 'size=128k'));
    await ward.lab.ready();
    await ward.rests();
    const free = fill('state');

    ward.lab.join('newcomer831');

    const line = await ward.heard('reconcile.identity.retried');
    expect(line.error).toMatch(/the ledger .* cannot be written: .*ENOSPC.*Make room/);
    expect(ward.host?.account('newcomer831')).toBeUndefined();
    expect(ward.lab.proxmox.user('newcomer831@example.com@entra')).toBeUndefined();
    expect(ward.world()).toEqual(before);
    const kept: unknown = JSON.parse(readFileSync(inside('state/ledger.json'), 'utf8'));
    expect(kept).toMatchObject({ version: 1 });
    free();
    await waitFor('the joiner', () => ward.provisioned('newcomer831'), 30_000);
    await ward.welcomesNewcomer();
  });

  it('full under the audit log is told, and everybody is true once there is room', async (context) => {
    context.skip(unavailable !== undefined, unavailable);
    const before = ward.world();
    await ward.restart({}, tiny('log', 'size=128k'));
    await ward.lab.ready();
    await ward.rests();
    const free = fill('log');
    // The last block of the file itself has room left.
    expect(() => appendFileSync(inside('log/audit.ndjson'), ' '.repeat(8192))).toThrow(/ENOSPC/);
    const told = ward.events('reconcile.identity.retried').length;

    ward.lab.join('newcomer832');

    const line = await ward.heard('reconcile.identity.retried', undefined, told);
    expect(line.error).toMatch(/ENOSPC/);
    expect(ward.world()).toEqual(before);
    free();
    await waitFor('the joiner', () => ward.provisioned('newcomer832'), 30_000);
    await ward.welcomesNewcomer();
    await ward.rests();
    expect((await ward.status()).failing).toEqual([]);
  });

  it('read-only under the ledger makes nothing, says so, and goes on where it can be written again', async (context) => {
    context.skip(unavailable !== undefined, unavailable);
    const before = ward.world();
    const state = join(ward.lab.dir, 'state');
    await ward.restart({}, `mount --bind '${state}' '${state}' && mount -o remount,bind,ro '${state}'`);
    const told = ward.events('reconcile.identity.retried').length;
    await waitFor('the subscriptions', () => ward.events('listener.listening').length > 0);

    ward.lab.join('newcomer833');

    const line = await ward.heard('reconcile.identity.retried', ({ key }) => String(key).startsWith('user:'), told);
    expect(line.error).toMatch(/the ledger .* cannot be written: .*EROFS.*permissions/);
    expect(ward.host?.account('newcomer833')).toBeUndefined();
    expect(ward.world()).toEqual(before);
    await ward.restart();
    await ward.lab.ready();
    await waitFor('the joiner', () => ward.provisioned('newcomer833'), 30_000);
    await ward.welcomesNewcomer();
  });
});
