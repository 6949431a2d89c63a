import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it, type TestContext } from 'vitest';

const UNITS = fileURLToPath(new URL('../../systemd/', import.meta.url));
const LISTENER = 'entramox-listener.service';
const RECONCILER = 'entramox-reconciler.service';
const AGENT = 'entramox-accounts.service';
const ROTATION = 'entramox-token-rotate.service';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'entramox-units-'));
  cpSync(UNITS, folder, { recursive: true });
  // What a unit names must be there: Node may stand elsewhere on the machine that runs the tests, and the checking
  // script is not installed on it.
  const node = existsSync('/usr/bin/node') ? '/usr/bin/node' : process.execPath;
  for (const name of unitNames()) {
    const file = join(folder, name);
    const text = readFileSync(file, 'utf8').replaceAll('/usr/bin/node', node);
    writeFileSync(file, text.replaceAll('/usr/lib/entramox/entramox-integrity', join(folder, 'entramox-integrity')));
  }
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function unitNames(): string[] {
  return readdirSync(folder).filter((name) => /\.(service|socket|target|timer)$/.test(name));
}

function runTool(program: string, args: readonly string[]): { rc: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: folder, encoding: 'utf8', timeout: 30_000 });
  return { rc: status, stdout, stderr };
}

function skipWithout(program: string) {
  return (context: TestContext) => {
    const missing = spawnSync(program, ['--version'], { timeout: 10_000 }).error !== undefined;
    context.skip(missing, `${program} is not installed here`);
  };
}

/** The values of one setting of a unit, in order. */
function settings(unit: string, key: string): string[] {
  return readFileSync(join(UNITS, unit), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith(`${key}=`))
    .map((line) => line.slice(key.length + 1));
}

describe('the units, as systemd-analyze sees them', () => {
  beforeEach(skipWithout('systemd-analyze'));

  it('are accepted by systemd without a word', () => {
    const files = unitNames().map((name) => `./${name}`);

    const { rc, stderr } = runTool('systemd-analyze', ['verify', '--recursive-errors=yes', ...files]);

    expect(files).toHaveLength(7);
    expect({ rc, stderr }).toEqual({ rc: 0, stderr: '' });
  });

  it('would not be accepted with a misspelt setting', () => {
    const broken = join(folder, 'entramox-broken.service');
    writeFileSync(broken, readFileSync(join(folder, LISTENER), 'utf8').replace('ProtectHome=', 'ProtectHone='));

    const { rc, stderr } = runTool('systemd-analyze', [
      'verify',
      '--recursive-errors=yes',
      './entramox-broken.service',
    ]);
    rmSync(broken);

    expect(rc).not.toBe(0);
    expect(stderr).toContain('ProtectHone');
  });

  // The threshold is ten times the exposure that systemd prints, where 0 is closed and 10 is open.
  it.each([
    [LISTENER, 15],
    [RECONCILER, 15],
    [AGENT, 25],
    [ROTATION, 35],
  ])('keep the exposure of %s at or below %i', (unit, threshold) => {
    const { rc, stdout } = runTool('systemd-analyze', [
      'security',
      '--no-pager',
      '--offline=true',
      `--threshold=${threshold}`,
      `./${unit}`,
    ]);

    const score = stdout.trim().split('\n').at(-1) ?? '';
    process.stdout.write(`${score}\n`);
    expect(score).toMatch(/Overall exposure level for .*: \d/);
    expect(rc, score).toBe(0);
  });
});

describe('the users and folders of an installation', () => {
  it('can be made in an empty root', (context) => {
    skipWithout('systemd-sysusers')(context);
    skipWithout('systemd-tmpfiles')(context);
    context.skip(process.getuid?.() !== 0, 'making users in another root needs root');
    const root = mkdtempSync(join(tmpdir(), 'entramox-root-'));
    mkdirSync(join(root, 'etc'));
    writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
    writeFileSync(join(root, 'etc/group'), 'root:x:0:\nadm:x:4:\n');

    const users = runTool('systemd-sysusers', [`--root=${root}`, join(folder, 'entramox.sysusers.conf')]);
    const folders = runTool('systemd-tmpfiles', ['--create', `--root=${root}`, join(folder, 'entramox.tmpfiles.conf')]);
    const group = readFileSync(join(root, 'etc/group'), 'utf8');
    const modes = ['var/spool/entramox/pending', 'var/lib/entramox-accounts', 'run/entramox'].map((path) =>
      (statSync(join(root, path), { throwIfNoEntry: false })?.mode ?? 0).toString(8),
    );
    rmSync(root, { recursive: true });

    expect(users.rc, users.stderr).toBe(0);
    expect({ rc: folders.rc, stderr: folders.stderr }).toEqual({ rc: 0, stderr: '' });
    expect(group).toMatch(/^entramox-operators:x:\d+:entramox$/m);
    expect(modes).toEqual(['42770', '40700', '42750']);
  });
});

describe('the trust between the three units', () => {
  it('lets the account agent run as root, and nothing else', () => {
    expect(settings(AGENT, 'User')).toEqual([]);
    expect(settings(LISTENER, 'User')).toEqual(['entramox-listener']);
    expect(settings(RECONCILER, 'User')).toEqual(['entramox']);
  });

  it('gives the exposed listener no group through which it could reach the account agent', () => {
    const members = readFileSync(join(UNITS, 'entramox.sysusers.conf'), 'utf8').match(/^m\s+entramox-listener\b.*/gm);

    expect(members).toBeNull();
    expect(settings(LISTENER, 'Group')).toEqual(['entramox-listener']);
    expect(settings(LISTENER, 'SupplementaryGroups')).toEqual([]);
    expect(settings('entramox-accounts.socket', 'SocketGroup')).toEqual(['entramox']);
    expect(settings('entramox-accounts.socket', 'SocketMode')).toEqual(['0660']);
  });

  it('hands the Proxmox token to the reconciler alone', () => {
    const named = (unit: string) => settings(unit, 'LoadCredential').filter((value) => value.startsWith('pve-'));

    expect(named(RECONCILER)).toHaveLength(1);
    expect(named(LISTENER)).toEqual([]);
    expect(settings(AGENT, 'LoadCredential')).toEqual([]);
  });

  it('hands the key of lakeFS to the reconciler alone, and a blank where there is none', () => {
    const named = (unit: string) => settings(unit, 'LoadCredential').filter((value) => value.startsWith('lakefs-'));

    expect(named(RECONCILER)).toEqual(['lakefs-secret-access-key:/etc/entramox/credentials/lakefs-secret-access-key']);
    expect(settings(RECONCILER, 'SetCredential')).toContain('lakefs-secret-access-key:\\n');
    expect([...named(LISTENER), ...named(AGENT), ...named(ROTATION)]).toEqual([]);
  });

  it('hands a proxy with a password to both who go out through it', () => {
    for (const unit of [LISTENER, RECONCILER]) {
      expect(settings(unit, 'LoadCredential'), unit).toContain('https-proxy:/etc/entramox/credentials/https-proxy');
      expect(settings(unit, 'SetCredential'), unit).toContain('https-proxy:\\n');
    }
  });

  it('hands the key of the event hub to the listener alone', () => {
    const named = (unit: string) => settings(unit, 'LoadCredential').filter((value) => value.startsWith('eventhub-'));

    expect(named(LISTENER)).toEqual([
      'eventhub-connection-string:/etc/entramox/credentials/eventhub-connection-string',
    ]);
    expect(settings(LISTENER, 'SetCredential')).toContain('eventhub-connection-string:\\n');
    expect([...named(RECONCILER), ...named(AGENT)]).toEqual([]);
  });

  it('hands the key of an encrypted secret to those who have a use for it', () => {
    for (const unit of [LISTENER, RECONCILER]) {
      expect(settings(unit, 'LoadCredential'), unit).toContain(
        'entramox-enc-key:/etc/entramox/credentials/entramox-enc-key',
      );
      expect(settings(unit, 'SetCredential'), unit).toContain('entramox-enc-key:\\n');
    }
  });

  it('starts none of them before what root installed was looked at, as root and outside of the sandbox', () => {
    for (const unit of [LISTENER, RECONCILER, AGENT]) {
      const [condition = ''] = settings(unit, 'ExecCondition');

      expect(condition.split(' ')[0], unit).toBe('+/usr/lib/entramox/entramox-integrity');
    }
  });

  it('lets none of them leave a core dump, which would hold secrets', () => {
    for (const unit of [LISTENER, RECONCILER, AGENT]) expect(settings(unit, 'LimitCORE'), unit).toEqual(['0']);
  });

  it('cuts the account agent off the network', () => {
    expect(settings(AGENT, 'PrivateNetwork')).toEqual(['yes']);
    expect(settings(AGENT, 'RestrictAddressFamilies')).toEqual(['AF_UNIX AF_NETLINK']);
  });

  it('leaves out what makes Node crash or lie about the machine', () => {
    for (const unit of [LISTENER, RECONCILER, AGENT]) {
      expect(settings(unit, 'MemoryDenyWriteExecute'), unit).toEqual([]);
      expect(settings(unit, 'ProcSubset'), unit).toEqual([]);
    }
  });

  it('never gives up starting the account agent, which ends whenever it is idle', () => {
    expect(settings(AGENT, 'StartLimitIntervalSec')).toEqual(['0']);
  });
});
