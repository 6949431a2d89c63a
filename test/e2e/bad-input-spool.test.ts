import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../lab/wait.js';
import { openWard, sides, type Ward } from './bad-input-lab.js';

let ward: Ward;
beforeAll(async () => {
  ward = await openWard({ residents: ['alice', 'bob'], admins: ['bob'] });
});
afterAll(() => ward?.close());

const room = (name: 'tmp' | 'pending' | 'processing' | 'parked') => join(ward.lab.dir, 'spool', name);
const pending = (name: string) => join(room('pending'), name);
const secret = () => join(ward.lab.dir, 'not-yours.txt');

/** Whether anything at all has this name; links are not followed. */
function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function sparse(path: string, bytes: number): void {
  const fd = openSync(path, 'w');
  ftruncateSync(fd, bytes);
  closeSync(fd);
}

/** What somebody who owns the listener could put there, by what it is. Each gives back the path that must go. */
const hostile: [string, (key: string) => string][] = [
  ['a name with a newline', () => put(pending('user-\nroot'))],
  ['a name that climbs', () => put(pending('user-..%2f..%2fetc%2fpasswd'))],
  ['a name in upper case', (key) => put(pending(key.toUpperCase()))],
  ['a name of 255 characters', () => put(pending('u'.repeat(255)))],
  ['a name with an unknown suffix', (key) => put(pending(`${key}.exe`))],
  ['a link in the place of a key', (key) => link(secret(), pending(key))],
  ['a link that leads nowhere', (key) => link('/nonexistent/place', pending(key))],
  ['a link to a device', (key) => link('/dev/zero', pending(`${key}.later`))],
  ['a pipe in the place of a key', (key) => fifo(pending(key))],
  ['a pipe in the place of retry state', (key) => fifo(pending(`${key}.later`))],
  ['a directory in the place of a key', (key) => directory(pending(key))],
  ['a directory with something in it', (key) => directory(pending(`${key}.removed`), 'something')],
];

function put(path: string): string {
  writeFileSync(path, 'x');
  return path;
}

function link(to: string, path: string): string {
  symlinkSync(to, path);
  return path;
}

function fifo(path: string): string {
  execFileSync('mkfifo', [path]);
  return path;
}

function directory(path: string, inside?: string): string {
  if (!inside) {
    mkdirSync(path);
    return path;
  }
  // Filled elsewhere on the same disk and moved in whole: the program may take it away the moment it is there.
  const made = mkdtempSync(join(ward.lab.dir, 'filled-'));
  writeFileSync(join(made, inside), '');
  renameSync(made, path);
  return path;
}

describe(`Something hostile in the spool${sides}`, () => {
  beforeAll(() => writeFileSync(secret(), 'a secret of somebody else'));

  it.each(hostile)('is put aside unread, and work goes on: %s', async (_what, make) => {
    const before = ward.world();
    const path = make(`user-${randomUUID()}`);

    await waitFor('it is gone', () => !isThere(path));

    expect(readFileSync(secret(), 'utf8')).toBe('a secret of somebody else');
    expect(ward.world()).toEqual(before);
  });

  it('is told in the log, without filling it', async () => {
    const line = await ward.heard('queue.name.rejected');

    expect(line).toMatchObject({ room: 'pending', name: expect.any(String), rejected: 1 });
    expect(ward.events('queue.name.rejected').length).toBeLessThan(hostile.length);
    await ward.welcomesNewcomer();
  });

  it('is worth no more than a look at the person whom it names: the file says nothing', async () => {
    const before = ward.world();
    const oid = ward.people.bob;
    const settled = ward.events('reconcile.identity.settled', (line) => line.oid === oid).length;
    const claim = JSON.stringify({ action: 'delete', sudo: true, removedAt: 0, groups: ['root'] });

    writeFileSync(pending(`user-${oid}`), claim);

    await ward.heard('reconcile.identity.settled', (line) => line.oid === oid, settled);
    expect(ward.world()).toEqual(before);
  });

  it('cannot have somebody locked by a removal that never happened', async () => {
    const before = ward.world();
    const oid = ward.people.alice;
    const settled = ward.events('reconcile.identity.settled', (line) => line.oid === oid).length;

    writeFileSync(pending(`user-${oid}.removed`), '');

    await ward.heard('reconcile.identity.settled', (line) => line.oid === oid, settled + 1);
    await ward.rests();
    expect(ward.world()).toEqual(before);
  });

  it.each<[string, (path: string) => void]>([
    ['torn', (path) => writeFileSync(path, '{"notBefore":17952')],
    ['of 10 GB', (path) => sparse(path, 10 * 1024 ** 3)],
    ['binary', (path) => writeFileSync(path, Buffer.from([0xff, 0, 0xfe, 0]))],
    ['far in the future', (path) => writeFileSync(path, '{"notBefore":9e15,"attempts":0,"since":0}')],
    ['with a __proto__', (path) => writeFileSync(path, '{"__proto__":{"notBefore":1},"attempts":[],"since":0}')],
    ['with negative times', (path) => writeFileSync(path, '{"notBefore":-1,"attempts":-1,"since":-1}')],
  ])('as retry state does not put a person off: %s', async (_what, write) => {
    await ward.rests();
    const before = ward.world();
    const oid = ward.people.alice;
    const settled = ward.events('reconcile.identity.settled', (line) => line.oid === oid).length;
    rmSync(pending(`user-${oid}.later`), { force: true });

    write(pending(`user-${oid}.later`));
    writeFileSync(pending(`user-${oid}`), '');

    await ward.heard('reconcile.identity.settled', (line) => line.oid === oid, settled);
    expect(ward.world()).toEqual(before);
  });

  it('by the ten thousand does not keep the next joiner waiting, and all of it goes', async () => {
    const before = ward.world();
    for (let index = 0; index < 10_000; index += 1) writeFileSync(pending(`junk-${index}`), '');

    await ward.welcomesNewcomer();

    await waitFor(
      'all of it gone',
      () => !readdirSync(room('pending')).some((name) => name.startsWith('junk')),
      30_000,
    );
    expect(ward.world()).toEqual(before);
    expect(ward.events('queue.name.rejected').length).toBeLessThan(10);
  });

  it('as strangers by the thousand costs reads and nothing else', async () => {
    const before = ward.world();
    for (let index = 0; index < 300; index += 1) writeFileSync(pending(`user-${randomUUID()}`), '');

    await ward.welcomesNewcomer();

    expect(ward.world()).toEqual(before);
    const { identities } = await ward.status();
    expect(identities.active).toBeLessThan(50);
  });
});

describe(`A spool that is hostile at the start${sides}`, () => {
  it('loses no genuine key of the last run, and takes nothing else for one', async () => {
    const before = ward.world();
    const name = 'newcomer820';
    const oid = ward.lab.entra.notifications.silently(() => ward.lab.join(name));
    await ward.daemon().stop();
    writeFileSync(join(room('processing'), `user-${oid}`), '');
    writeFileSync(join(room('processing'), `user-${ward.people.alice}.later`), '{"notBefore":');
    link(secret(), join(room('processing'), `user-${randomUUID()}`));
    fifo(join(room('processing'), `user-${randomUUID()}`));
    fifo(join(room('parked'), `user-${randomUUID()}.json`));
    link(secret(), join(room('parked'), `user-${randomUUID()}.json`));
    writeFileSync(join(room('parked'), `user-${ward.people.bob}.json`), '{"key":"user:../../etc","since":');

    await ward.restart();

    await waitFor('the one whose key was in work', () => ward.provisioned(name), 30_000);
    const { queue } = await ward.status();
    expect(queue.parked).toEqual([]);
    expect(readFileSync(secret(), 'utf8')).toBe('a secret of somebody else');
    expect(ward.world()).toEqual(before);
    await ward.lab.ready();
    await ward.welcomesNewcomer();
  });

  it('is refused with what to do where a room is a link, and works once it is put right', async () => {
    const before = ward.world();
    await ward.daemon().stop();
    const elsewhere = join(ward.lab.dir, 'elsewhere');
    renameSync(room('pending'), elsewhere);
    link(elsewhere, room('pending'));

    const daemon = await ward.restart();

    expect(await daemon.exited).toBe(1);
    expect(ward.lab.log()).toContain(`the spool needs a directory at ${room('pending')}: move away what is there`);
    expect(ward.world()).toEqual(before);
    rmSync(room('pending'));
    renameSync(elsewhere, room('pending'));
    await ward.restart();
    await ward.lab.ready();
    await ward.welcomesNewcomer();
    expect(existsSync(elsewhere)).toBe(false);
  });
});
