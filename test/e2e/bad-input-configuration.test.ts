import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Finished, runProgram } from '../lab/program.js';
import { openWard, type Ward } from './bad-input-lab.js';

let ward: Ward;
beforeAll(async () => {
  ward = await openWard({ linux: false });
});
afterAll(() => ward?.close());

/** Runs a command with the ward's settings and these in their place; the running daemon keeps its own. */
function entramox(args: readonly string[], change: Record<string, string>): Promise<Finished> {
  const file = join(ward.lab.dir, `${randomUUID()}.env`);
  const lines = Object.entries(change).map(([name, value]) => `${name}='${value}'`);
  writeFileSync(file, `${readFileSync(ward.lab.envFile, 'utf8')}${lines.join('\n')}\n`, { mode: 0o600 });
  return runProgram([...args, '--config', file], { PATH: process.env.PATH, HOME: ward.lab.dir }, 30_000);
}

const STARTS = [['run'], ['reconcile'], ['sweep', '--foreground'], ['plan'], ['doctor'], ['config', 'check']] as const;

describe('A configuration that is wrong', () => {
  it.each(STARTS.map((args) => [args.join(' '), args] as const))(
    'in two places stops "%s" with exit code 2, and both are named with what is expected',
    async (_title, args) => {
      const before = ward.world();
      const writes = ward.lab.proxmox.writes;

      const { code, stderr } = await entramox(args, { DELETE_AFTER: 'soon', SWEEP_CRON: 'every day' });

      expect(code).toBe(2);
      expect(stderr).toMatch(/2 problems in the configuration/);
      expect(stderr).toMatch(/DELETE_AFTER: soon .*\n\s+expected: .*\n\s+example: {2}DELETE_AFTER=/);
      expect(stderr).toMatch(/SWEEP_CRON: every day .*\n\s+expected: .*\n\s+example: {2}SWEEP_CRON=/);
      expect([ward.lab.proxmox.writes, ward.world()]).toEqual([writes, before]);
    },
  );

  it('in a secret does not show it', async () => {
    const secret = 'a-token-without-its-user-but-a-secret';

    const { code, stdout, stderr } = await entramox(['run'], { PVE_API_TOKEN: secret, ENTRA_TENANT_ID: 'contoso' });

    expect(code).toBe(2);
    expect(stderr).toMatch(/PVE_API_TOKEN: /);
    expect(stderr).toMatch(/ENTRA_TENANT_ID: contoso/);
    expect(`${stdout}${stderr}`).not.toContain(secret);
  });

  it.each<[string, Record<string, string>, RegExp]>([
    ['a file that is not there', { CA_FILE: '/nonexistent/ca.pem' }, /CA_FILE: \/nonexistent\/ca\.pem/],
    ['a file that holds something else', { PVE_CA_FILE: '/etc/hostname' }, /PVE_CA_FILE: \/etc\/hostname/],
    ['a group that is no id', { ENTRA_GROUP_IDS: 'everybody' }, /ENTRA_GROUP_IDS: everybody/],
    ['a role map that is no JSON', { ENTRA_ROLE_MAP: '{"group":' }, /ENTRA_ROLE_MAP: /],
    ['a target that does not exist', { TARGETS: 'linux,mainframe' }, /TARGETS: linux,mainframe/],
    ['Graph over plain http', { GRAPH_BASE_URL: 'http://graph.example.com' }, /GRAPH_BASE_URL: http:/],
    ['metrics for the whole network', { METRICS_PORT: '9464', METRICS_HOST: '0.0.0.0' }, /METRICS_HOST: 0\.0\.0\.0/],
  ])('stops the start: %s', async (_what, change, words) => {
    const { code, stderr } = await entramox(['run'], change);

    expect(code).toBe(2);
    expect(stderr).toMatch(words);
  });

  it('because its file is missing or cannot be read as settings stops the start', async () => {
    const env = { PATH: process.env.PATH, HOME: ward.lab.dir };
    const torn = join(ward.lab.dir, 'torn.env');
    writeFileSync(torn, "REALM='entra\nDELETE_AFTER=24h\n= nothing\n", { mode: 0o600 });

    const missing = await runProgram(['run', '--config', '/nonexistent/entramox.env'], env);
    const broken = await runProgram(['run', '--config', torn], env);

    expect([missing.code, broken.code]).toEqual([2, 2]);
    expect(missing.stderr).toContain('/nonexistent/entramox.env');
    expect(broken.stderr).toContain(`${torn}:`);
  });

  it('because its address is taken stops the start and says by what to find out', async () => {
    const squatter = createServer();
    await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.1', resolve));
    const address = squatter.address();
    const port = typeof address === 'object' && address ? String(address.port) : '';
    try {
      const { code, stderr, stdout } = await entramox(['listen'], {
        LISTEN_PORT: port,
        SPOOL_DIR: join(ward.lab.dir, 'spool2'),
      });

      expect(code).toBe(1);
      expect(`${stderr}${stdout}`).toMatch(new RegExp(`127.0.0.1:${port} is taken by another process: .*LISTEN_PORT`));
    } finally {
      squatter.close();
    }
  });

  it('because somebody runs already stops the second reconciler, and the first does not notice', async () => {
    const before = ward.world();

    const second = await entramox(['reconcile'], {});
    const sweep = await entramox(['sweep', '--foreground'], {});

    expect([second.code, sweep.code]).toEqual([1, 1]);
    for (const { stderr, stdout } of [second, sweep]) {
      expect(`${stderr}${stdout}`).toMatch(
        /another reconciler is running: the lock .*reconciler\.lock cannot be taken/,
      );
    }
    expect(ward.world()).toEqual(before);
    await ward.welcomesNewcomer();
  });
});

describe('A command that is wrong', () => {
  it.each<[string, string[], number, RegExp]>([
    ['an unknown verb', ['frobnicate'], 2, /unknown command/],
    ['resync without a name', ['resync'], 2, /missing required argument/],
    ['an unknown option', ['status', '--fast'], 2, /unknown option/],
    ['an approval of no hash', ['approve', '../../etc'], 2, /hash/],
    ['an approval where nothing is held', ['approve', 'abcdef012345'], 2, /no plan is held/],
  ])('ends with exit code 2 and words: %s', async (_what, args, exit, words) => {
    const { code, stderr } =
      args[0] === 'frobnicate' || args[1] === '--fast' ? await bare(args) : await entramox(args, {});

    expect(code).toBe(exit);
    expect(stderr).toMatch(words);
  });

  it.each(["nobody' or '1'='1@example.com", '../../etc/passwd', `${'x'.repeat(300)}@example.com`])(
    'for a person who is none says so and changes nothing: %s',
    async (who) => {
      const before = ward.world();

      const { code, stderr } = await ward.lab.entramox('resync', who);

      expect(code).toBe(2);
      expect(stderr).toMatch(/^nobody has the user principal name/);
      expect(ward.world()).toEqual(before);
    },
  );

  it('leaves a daemon that provisions the next joiner', async () => {
    await ward.welcomesNewcomer();

    expect((await ward.readyz()).status).toBe(200);
  });

  const bare = (args: string[]) => runProgram(args, { PATH: process.env.PATH, HOME: ward.lab.dir });
});
