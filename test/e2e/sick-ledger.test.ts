import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxUnavailable } from '../integration/sandbox/index.js';
import { waitFor } from '../lab/wait.js';
import { openWard, type Ward } from './bad-input-lab.js';

const unavailable = sandboxUnavailable();

describe.skipIf(unavailable)(
  `a leaver while nothing can be stored${unavailable ? ` (skipped: ${unavailable})` : ''}`,
  () => {
    let ward: Ward;
    beforeAll(async () => {
      ward = await openWard({ residents: ['alice', 'bob', 'carol', 'dave'], settings: { CONFIRM_AFTER: '1h' } });
    });
    afterAll(() => ward?.close());

    /** The daemon's view of this path, which lies in mounts of its own. */
    const inside = (path: string) => `/proc/${ward.daemon().child.pid}/root${join(ward.lab.dir, path)}`;

    /** A tiny file system over these directories, with what is there copied into it. */
    const tiny = (...names: string[]) =>
      names
        .map((name) => join(ward.lab.dir, name))
        .map(
          (dir) =>
            `rm -rf '${dir}.kept' && cp -a '${dir}' '${dir}.kept' && mount -t tmpfs -o size=256k tiny '${dir}' && cp -a '${dir}.kept/.' '${dir}/'`,
        )
        .join(' && ');

    /** Takes the rest of the space; gives back what frees it. */
    function fill(name: string): () => void {
      const made: string[] = [];
      for (let index = 0; index < 256; index += 1) {
        made.push(inside(`${name}/filler${index}`));
        try {
          writeFileSync(made.at(-1) ?? '', Buffer.alloc(4096));
        } catch (error) {
          if (!/ENOSPC/.test(String(error))) throw error;
          return () => {
            for (const file of made) rmSync(file, { force: true });
          };
        }
      }
      throw new Error(`${name} is larger than expected`);
    }

    const remount = (name: string, how: 'ro' | 'rw') => {
      const pid = String(ward.daemon().child.pid);
      const done = spawnSync('nsenter', ['-t', pid, '-m', 'mount', '-o', `remount,${how}`, join(ward.lab.dir, name)]);
      expect(done.status).toBe(0);
    };

    const idOf = (name: string) => ward.people[name] ?? '';
    const leaves = (name: string) => ward.lab.entra.directory.removeMember(ward.lab.groups.everybody, idOf(name));
    const ledger = () => JSON.parse(readFileSync(inside('state/ledger.json'), 'utf8')).identities;
    const audit = () => readFileSync(inside('log/audit.ndjson'), 'utf8');
    const problem = (words: RegExp) =>
      ward.shows(String(words), ({ problems }) => problems.some((text) => words.test(text)));
    const isWell = async () => {
      await waitFor('no problem', async () => {
        const { problems } = await ward.status();
        if (problems.length > 0) throw new Error(problems.join('; '));
        return true;
      });
    };

    /** What the ledger's tiny disk holds outlives it, as a disk does. */
    async function keepLedger(): Promise<void> {
      const text = readFileSync(inside('state/ledger.json'));
      await ward.daemon().stop();
      writeFileSync(join(ward.lab.dir, 'state/ledger.json'), text);
    }

    async function restartOn(...names: string[]): Promise<void> {
      await ward.restart({}, tiny(...names));
      await ward.lab.ready();
      await ward.rests();
    }

    it('is locked although the ledger is on a full disk; that is told everywhere, and remembered once there is room', async () => {
      await restartOn('state');
      const free = fill('state');
      ward.lab.join('newcomer840');

      leaves('alice');
      await waitFor('alice locked out', () => ward.lockedOut('alice'), 30_000);
      await problem(/the ledger .* cannot be written: .*ENOSPC.*Make room/);
      const [ready, metric] = [await ward.readyz(), await ward.metric('entramox_storage_unwritable', 'ledger')];

      expect(ledger()[idOf('alice')].state).toBe('active');
      expect(audit()).toContain('"action":"lock-unremembered"');
      expect([ready.status, metric]).toEqual([503, 1]);
      expect(ward.host?.account('newcomer840')).toBeUndefined();
      free();
      await waitFor('the leaver in the ledger', () => ledger()[idOf('alice')].state === 'grace', 60_000);
      await waitFor('the joiner', () => ward.provisioned('newcomer840'), 60_000);
      await isWell();
      expect(await ward.metric('entramox_storage_unwritable', 'ledger')).toBe(0);
      await keepLedger();
    });

    it('is locked although the ledger became read-only in the middle of work', async () => {
      await restartOn('state');
      remount('state', 'ro');

      ward.lab.entra.directory.updateUser(idOf('bob'), { accountEnabled: false });
      await waitFor('bob locked out', () => ward.lockedOut('bob'), 30_000);
      await problem(/the ledger .* cannot be written: .*EROFS/);

      remount('state', 'rw');
      await waitFor('bob in the ledger', () => ledger()[idOf('bob')].state === 'suspended', 60_000);
      await isWell();
    });

    it('is locked although ledger and audit log are both full: the log has the record, and a crash costs nothing', async () => {
      await restartOn('state', 'log');
      const free = [fill('state'), fill('log')];
      // The last block of the file itself has room left.
      const told = ward.events('reconcile.lock.unremembered').length;
      while (spaceLeft());

      leaves('carol');
      await waitFor('carol locked out', () => ward.lockedOut('carol'), 30_000);
      const line = await ward.heard('reconcile.lock.unremembered', undefined, told);
      await problem(/the audit log cannot be written: .*ENOSPC/);
      await ward.daemon().stop('SIGKILL');
      for (const undo of free) undo();
      await ward.restart();
      await ward.lab.ready();
      await ward.rests();

      expect(JSON.stringify(line)).toContain(idOf('carol'));
      const { identities } = JSON.parse(readFileSync(join(ward.lab.dir, 'state/ledger.json'), 'utf8'));
      expect(identities[idOf('carol')].state).toBe('grace');
      expect(ward.lockedOut('carol')).toBe(true);
      expect(ward.provisioned('dave')).toBe(true);
      await isWell();
    });

    /** Fills the rest of the last block, a line that the chain counts as torn. */
    function spaceLeft(): boolean {
      try {
        writeFileSync(inside('log/audit.ndjson'), ' '.repeat(512), { flag: 'a' });
        return true;
      } catch (error) {
        if (/ENOSPC/.test(String(error))) return false;
        throw error;
      }
    }
  },
);
