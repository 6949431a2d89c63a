import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withBootstrapAudit } from '../../src/commands/parts/bootstrap-audit.js';
import { bootstrapPaths } from '../../src/commands/parts/bootstrap-paths.js';
import type { Settings } from '../../src/config/settings.js';
import { type Verification, verifyAudit } from '../../src/telemetry/audit/verify.js';
import { openAudit } from '../../src/telemetry/audit.js';
import { audited } from '../../src/telemetry/bootstrap-audit.js';
import { registerSecret } from '../../src/telemetry/redact.js';

let dir: string;
let settings: Pick<Settings, 'paths'>;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'entramox-bootstrap-'));
  const paths = { stateDir: join(dir, 'state'), logDir: join(dir, 'log') };
  settings = { paths: paths as Settings['paths'] };
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

const options = () => ({ settings, verb: 'token apply', log: () => undefined });

function verify(): Promise<Verification> {
  const { audit, auditHead } = bootstrapPaths(settings.paths);
  return verifyAudit(audit, { headPath: auditHead });
}

const recordsIn = (path: string) =>
  readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('the audit log of the set-up commands', () => {
  it('tells who did what, before and after each write, and never a secret', async () => {
    const secret = '5f0c1b9e-6a1d-4e0e-9d55-0b8f2f3c4d5e';
    registerSecret(secret);
    const what = { action: 'token.create', target: 'proxmox' as const, name: 'a@pve!b', after: { value: secret } };

    await withBootstrapAudit(options(), async (record) => {
      await audited(record, what, async () => undefined);
      await audited(record, what, () => Promise.reject(new Error(`no room for ${secret}`))).catch(() => undefined);
    });

    const { audit } = bootstrapPaths(settings.paths);
    expect(recordsIn(audit)).toMatchObject([
      { seq: 1, kind: 'step', by: 'token apply', action: 'token.create', name: 'a@pve!b', outcome: 'begun' },
      { seq: 2, outcome: 'done', operator: { uid: process.getuid?.(), proof: 'kernel' } },
      { seq: 3, outcome: 'begun' },
      { seq: 4, outcome: 'failed', error: expect.stringMatching(/no room for/) },
    ]);
    expect(new Set(recordsIn(audit).map(({ correlation }) => correlation)).size).toBe(1);
    expect(readFileSync(audit, 'utf8')).not.toContain(secret);
    expect(await verify()).toMatchObject({ records: 4, findings: [] });
  });

  it('goes on with its chain from run to run, while the main log is written at the same time, and both stay whole', async () => {
    const mainLog = join(dir, 'log', 'audit.ndjson');
    const headPath = join(dir, 'state', 'audit.head');
    const main = openAudit(mainLog, Date.now, { headPath });

    for (let run = 0; run < 5; run += 1) {
      await withBootstrapAudit(options(), async (record) => {
        for (let step = 0; step < 10; step += 1) {
          main.append({ by: 'sweep', action: 'lock', outcome: 'done' });
          record({ action: 'acl.grant', target: 'proxmox', name: 'a@pve', outcome: 'done' });
          await Promise.resolve();
        }
        main.flush();
      });
    }
    main.close();

    expect(await verify()).toMatchObject({ records: 50, findings: [], ends: { seq: 50 } });
    expect(await verifyAudit(mainLog, { headPath })).toMatchObject({ records: 50, findings: [] });
  });

  it('lets one command at a time write: the other is told so, and does nothing', async () => {
    let didSecond = false;

    await withBootstrapAudit(options(), async () => {
      const second = withBootstrapAudit({ ...options(), verb: 'token rotate' }, async () => {
        didSecond = true;
      });
      await expect(second).rejects.toThrow(/another command that sets Proxmox up .* is running/);
    });

    expect(didSecond).toBe(false);
    await withBootstrapAudit(options(), async () => undefined);
  });

  it('is for its owner, and for whoever may read logs', async () => {
    await withBootstrapAudit(options(), async (record) =>
      record({ action: 'role.create', target: 'proxmox', name: 'R', outcome: 'done' }),
    );

    const { audit, logDir } = bootstrapPaths(settings.paths);
    expect(statSync(audit).mode & 0o777).toBe(0o640);
    expect(statSync(logDir).mode & 0o027).toBe(0);
  });

  it.each<[string, (path: string) => void]>([
    [
      'others may write into',
      (path) => {
        mkdirSync(path);
        chmodSync(path, 0o777);
      },
    ],
    [
      'is a link',
      (path) => {
        mkdirSync(`${path}-elsewhere`);
        symlinkSync(`${path}-elsewhere`, path);
      },
    ],
  ])('is kept in no directory that %s, and nothing is done then', async (_what, spoil) => {
    spoil(bootstrapPaths(settings.paths).logDir);
    let did = false;

    const run = withBootstrapAudit(options(), async () => {
      did = true;
    });

    await expect(run).rejects.toThrow(/is not this user's alone/);
    expect(did).toBe(false);
  });

  it('stops the work where a record cannot be written, before the write that it would tell of', async () => {
    let wrote = false;

    const run = withBootstrapAudit(options(), async () => {
      const full = () => {
        throw new Error('ENOSPC: no space left on device');
      };
      await audited(full, { action: 'token.create', target: 'proxmox', name: 'a@pve!b' }, async () => {
        wrote = true;
      });
    });

    await expect(run).rejects.toThrow(/ENOSPC/);
    expect(wrote).toBe(false);
  });
});
