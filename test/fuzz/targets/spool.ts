import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import type { Key } from '../../../src/queue/queue.js';
import { openSpool } from '../../../src/queue/spool.js';
import { inFolder } from '../folder.js';
import { checkOf, type FuzzTarget, must } from '../target.js';

const HONEST: Key = 'user:aaaaaaaa-1111-4111-8111-111111111111';
const NOW = Date.UTC(2026, 10, 22, 9);
const clock = { now: () => NOW, sleep: () => Promise.reject(new Error('nothing here sleeps')) };

const guid = fc.integer({ min: 0, max: 5 }).map((n) => `0000000${n}-0000-4000-8000-000000000000`);
const stem = fc.oneof(
  guid.map((id) => `user-${id}`),
  guid.map((id) => `group-${id}`),
  fc.constant('sweep'),
  guid.map((id) => `user-${id.toUpperCase()}`),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }),
  fc.constantFrom('..x', '-rf', 'user-', 'user-..', '.hidden', 'a\nb', 'sweep ', 'SWEEP'),
);
const name = fc
  .tuple(stem, fc.constantFrom('', '', '', '.removed', '.catch-up', '.later', '.later.later', '.tmp'))
  .map(([text, suffix]) => text.replaceAll(/[/\0]/g, '_') + suffix)
  .filter((text) => text !== '.' && text !== '..' && Buffer.byteLength(text) <= 255);

const thing = fc.record({
  room: fc.constantFrom('pending', 'pending', 'processing', 'tmp', 'parked'),
  name,
  type: fc.constantFrom('file', 'file', 'file', 'folder', 'symlink', 'symlink to a folder', 'dangling', 'fifo'),
  content: fc.oneof(
    fc.constantFrom('', 'too long'),
    fc.string({ unit: 'binary', maxLength: 100 }),
    fc.jsonValue().map((value) => JSON.stringify(value)),
    fc
      .record({ notBefore: fc.integer(), attempts: fc.integer(), since: fc.double(), removedAt: fc.integer() })
      .map((value) => JSON.stringify(value)),
  ),
});

/** A spool that a compromised listener filled: any names, any types of files, any content. */
export const spool: FuzzTarget = {
  name: 'spool',
  holds: 'is read in bounded time, follows nothing, gives proper keys only, and loses no honest hint',
  runs: 60,
  async open() {
    const check = checkOf(
      fc.record({ things: fc.array(thing, { maxLength: 20 }), blocked: fc.boolean() }),
      ({ things, blocked }) =>
        inFolder(async (folder) => {
          const dir = join(folder, 'spool');
          const canary = join(folder, 'canary');
          writeFileSync(canary, 'untouched');
          mkdirSync(join(folder, 'elsewhere'));
          for (const room of ['tmp', 'pending', 'processing', 'parked'])
            mkdirSync(join(dir, room), { recursive: true });
          for (const one of things) lay(join(dir, one.room, one.name), one, folder);
          const honest = join(dir, 'pending', HONEST.replace(':', '-'));
          if (!existsSync(honest)) writeFileSync(honest, '');

          const queue = await openSpool({ dir, clock, log: () => undefined });
          // Laid in the way of what comes, while the reconciler runs.
          if (blocked) mkdirSync(join(dir, 'processing', 'sweep', 'inner'), { recursive: true });
          await queue.put('sweep');
          const claims = await queue.claim(1000);
          for (const claim of claims) {
            must(KEY.test(claim.key), 'an improper key was given out', claim);
            must(claim.since <= NOW && claim.attempts >= 0, 'a time or count that cannot be', claim);
            await queue.done(claim);
          }
          const again = await queue.claim(1000);
          const { pending } = await queue.stats();

          must(
            claims.some(({ key }) => key === 'sweep'),
            'a sweep was kept from coming',
            claims,
          );
          must(
            claims.some(({ key }) => key === HONEST),
            'an honest hint was lost',
            claims,
          );
          must(again.length === 0, 'what was done came back', again);
          must(pending <= things.length + 1, 'more waits than there was', pending);
          must(readFileSync(canary, 'utf8') === 'untouched', 'something outside of the spool was changed');
          must(existsSync(join(folder, 'elsewhere')), 'something outside of the spool is gone');
        }),
    );
    return { check, close: async () => undefined };
  },
};

const KEY = /^(sweep|(user|group):[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

function lay(path: string, { type, content }: { type: string; content: string }, folder: string): void {
  if (existsSync(path)) return;
  try {
    if (type === 'file') writeFileSync(path, content === 'too long' ? '{'.repeat(200_000) : content);
    else if (type === 'folder') mkdirSync(join(path, 'inner'), { recursive: true });
    else if (type === 'symlink') symlinkSync(join(folder, 'canary'), path);
    else if (type === 'symlink to a folder') symlinkSync(join(folder, 'elsewhere'), path);
    else if (type === 'dangling') symlinkSync(join(folder, 'nowhere'), path);
    else spawnSync('mkfifo', ['--', path]);
  } catch (error) {
    // A name that this file system does not take, or a dangling link of that name: then it is not there.
    if (!(error instanceof Error && 'code' in error)) throw error;
  }
}
