import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { createSandbox, REPOSITORY, sandboxUnavailable } from './sandbox/index.js';

const unavailable = sandboxUnavailable();

describe.skipIf(unavailable)(`private root${unavailable ? ` (skipped: ${unavailable})` : ''}`, () => {
  const leftDirectories = () => readdirSync(tmpdir()).filter((name) => name.startsWith('entramox-sandbox-'));

  it('keeps every change inside and leaves nothing behind', async () => {
    const before = [readFileSync('/etc/passwd', 'utf8'), readFileSync('/etc/shadow', 'utf8'), leftDirectories()];
    const sandbox = await createSandbox();

    const made = await sandbox.exec(['useradd', '-m', 'inside']);
    const seen = readFileSync(join(sandbox.root, 'etc/passwd'), 'utf8').includes('inside:');
    const home = await sandbox.exec(['test', '-d', '/home/inside']);
    await sandbox.destroy();

    expect([made.code, seen, home.code]).toEqual([0, true, 0]);
    expect([readFileSync('/etc/passwd', 'utf8'), readFileSync('/etc/shadow', 'utf8'), leftDirectories()]).toEqual(
      before,
    );
    expect(existsSync('/home/inside')).toBe(false);
  });

  it('passes input, output, environment and exit code through', async () => {
    const sandbox = await createSandbox();

    const result = await sandbox.exec(['sh', '-c', 'cat; echo "$COLOUR" >&2; exit 3'], {
      input: 'hello',
      env: { COLOUR: 'red' },
    });
    await sandbox.destroy();

    expect(result).toEqual({ code: 3, stdout: 'hello', stderr: 'red\n' });
  });

  it('shows node, the repository and what is bound, all read-only', async () => {
    const shown = mkdtempSync(join(tmpdir(), 'shown-'));
    writeFileSync(join(shown, 'file'), 'bound');
    const sandbox = await createSandbox({ binds: [shown] });

    const node = await sandbox.exec([process.execPath, '--version']);
    const file = await sandbox.exec(['cat', join(shown, 'file'), join(REPOSITORY, 'package.json')]);
    const write = await sandbox.exec(['touch', join(shown, 'x'), join(REPOSITORY, 'x')]);
    await sandbox.destroy();
    rmSync(shown, { recursive: true });

    expect(node.stdout.trim()).toBe(process.version);
    expect(file.stdout).toMatch(/^bound\{/);
    expect(write).toMatchObject({ code: 1, stderr: expect.stringMatching(/Read-only.*\n.*Read-only/) });
  });

  it('ends with the process that made it, even by SIGKILL', async () => {
    const program = `import { createSandbox } from ${JSON.stringify(join(REPOSITORY, 'test/integration/sandbox/index.ts'))};
      createSandbox().then(({ root }) => { console.log(root); setInterval(() => {}, 1000); });`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
      cwd: REPOSITORY,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const closed = once(child, 'close');
    const { value: root } = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
    const wasThere = existsSync(join(String(root), 'etc'));

    child.kill('SIGKILL');
    await closed;

    expect(wasThere).toBe(true);
    await expect.poll(() => existsSync(join(String(root), 'etc')), { timeout: 10_000 }).toBe(false);
  });
});
