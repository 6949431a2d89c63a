import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxUnavailable } from '../integration/sandbox/index.js';
import { type Lab, openLab } from '../lab/lab.js';
import { createPrivateHost } from '../lab/linux-host.js';
import { auditOf, fetchFrom, standingOf, statusOf, waitForStanding } from '../lab/look.js';
import { waitFor } from '../lab/wait.js';

const unavailable = sandboxUnavailable();

describe.skipIf(unavailable)(
  `a host whose /etc cannot be written${unavailable ? ` (skipped: ${unavailable})` : ''}`,
  () => {
    let lab: Lab;
    beforeAll(async () => {
      lab = await openLab({
        host: await createPrivateHost(),
        settings: { CONFIRM_BEFORE_LOCK: '200ms', CONFIRM_AFTER: '1h' },
      });
      lab.start();
      await lab.ready();
    });
    afterAll(() => lab?.close());

    const onHost = async (line: string): Promise<string> => {
      const result = await lab.host?.sandbox?.exec(['/bin/sh', '-c', line]);
      if (result?.code !== 0) throw new Error(`${line}: ${result?.stderr}`);
      return result.stdout.trim();
    };

    it('is reported with the remedy while somebody leaves, and the lock happens by itself afterwards', async () => {
      const oid = lab.join('leaver');
      await waitForStanding(lab, 'leaver', { linux: 'open', pve: 'enabled' });
      const uid = String(lab.host?.account('leaver')?.uid);
      await onHost(
        `setsid setpriv --reuid ${uid} --regid ${uid} --clear-groups sleep 600 >/dev/null 2>&1 </dev/null &`,
      );
      await onHost('mount --bind /etc /etc && mount -o remount,bind,ro /etc');

      lab.entra.directory.updateUser(oid, { accountEnabled: false });

      const { value: told } = await waitFor('the failing lock', async () =>
        (await statusOf(lab)).reconciler?.failing.find((item) => item.oid === oid),
      );
      const meanwhile = [standingOf(lab, 'leaver').linux, await onHost(`pgrep -c -u ${uid} sleep || true`)];
      const { text } = await fetchFrom({ socketPath: join(lab.dir, 'run/operator.sock') }, '/metrics');
      await waitForStanding(lab, 'leaver', { pve: 'disabled' });
      await onHost('umount /etc');
      await waitForStanding(lab, 'leaver', { linux: 'locked', pve: 'disabled' }, { deadlineMs: 60_000 });
      await waitFor('nothing failing', async () => (await statusOf(lab)).reconciler?.failing.length === 0);

      expect(told.problem).toMatch(/leaver is not locked completely: .*\/etc is read-only/);
      expect(told.problem).toMatch(/make the file system of \/etc writable .*it is tried again/);
      expect(meanwhile).toEqual(['open', '0']);
      expect(text).toMatch(/entramox_steps_total\{[^}]*action="lock"[^}]*outcome="failed"[^}]*\} [1-9]/);
      const locks = auditOf(lab).filter(
        (line) => line.oid === oid && line.target === 'linux' && line.action === 'lock',
      );
      expect(locks.map(({ outcome }) => outcome)).toEqual([...locks.slice(1).map(() => 'failed'), 'done']);
      expect(locks.length).toBeGreaterThan(1);
    });
  },
);
