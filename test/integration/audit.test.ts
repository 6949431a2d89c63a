import { execFile, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPeerOf, type Peer } from '../../src/operator/peer.js';
import { verifyAudit } from '../../src/telemetry/audit/verify.js';
import { openAudit } from '../../src/telemetry/audit.js';

const run = promisify(execFile);
let dir: string;
const servers: Server[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'entramox-audit-'));
  chmodSync(dir, 0o755);
});
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }
  rmSync(dir, { recursive: true, force: true });
});

/** Answers each request with what is known of who asks. */
async function serve(where: string | number, options: Parameters<typeof createPeerOf>[0] = {}): Promise<Server> {
  const peerOf = createPeerOf(options);
  const server = createServer(async (asked, response) => {
    const body: Buffer[] = [];
    for await (const chunk of asked) body.push(chunk as Buffer);
    response.end(JSON.stringify({ peer: await peerOf(asked.socket), bytes: Buffer.concat(body).length }));
  });
  servers.push(server);
  await new Promise<void>((done) =>
    typeof where === 'string' ? server.listen(where, done) : server.listen(where, '127.0.0.1', done),
  );
  return server;
}

function ask(to: { socketPath: string } | { port: number }, body = ''): Promise<{ peer: Peer; bytes: number }> {
  return new Promise((done, fail) => {
    const call = request({ ...to, host: '127.0.0.1', method: 'POST', agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => done(JSON.parse(text) as { peer: Peer; bytes: number }));
    });
    call.on('error', fail);
    call.end(body);
  });
}

describe('who is at the other end of the operator socket', () => {
  it('is known by the word of the kernel, with a name', async () => {
    const socketPath = join(dir, 'operator.sock');
    await serve(socketPath);

    const { peer } = await ask({ socketPath });

    const { uid, username } = userInfo();
    expect(peer).toEqual({ proved: true, uid, name: username });
  });

  it('is another user where another user connects', async (context) => {
    if (process.getuid?.() !== 0) return context.skip('only root can act as somebody else');
    const socketPath = join(dir, 'operator.sock');
    await serve(socketPath);
    chmodSync(socketPath, 0o777);

    const client = `use IO::Socket::UNIX; $) = "65532 65532"; $> = 65532;
      my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die "$!";
      print $s "POST / HTTP/1.0\\r\\n\\r\\n"; print while <$s>;`;
    const { stdout } = await run('/usr/bin/perl', ['-e', client, socketPath], { timeout: 10_000 });

    expect(stdout).toContain('"proved":true,"uid":65532');
  });

  it('does not hurt the connection: long requests, many at once, and the answer of each', async () => {
    const socketPath = join(dir, 'operator.sock');
    await serve(socketPath);
    const body = 'x'.repeat(300_000);

    const answers = await Promise.all(Array.from({ length: 12 }, () => ask({ socketPath }, body)));

    expect(answers.every(({ peer, bytes }) => peer.proved && bytes === body.length)).toBe(true);
  });

  it.each([
    ['no perl', { perl: '/nonexistent/perl' }, 'ENOENT'],
    ['a perl that fails', { perl: '/bin/false' }, 'perl ended with 1'],
    ['a perl that says something else', { perl: '/bin/echo' }, 'perl answered something else'],
    ['a perl that never answers', { perl: '', timeoutMs: 200 }, 'perl did not answer in time'],
  ])('is a claim and no more with %s', async (_what, options, why) => {
    const never = join(dir, 'never');
    writeFileSync(never, '#!/bin/sh\nexec sleep 60\n', { mode: 0o755 });
    const socketPath = join(dir, 'operator.sock');
    await serve(socketPath, { ...options, perl: options.perl || never });

    const { peer } = await ask({ socketPath });

    expect(peer).toEqual({ proved: false, why: expect.stringContaining(why) });
  });

  it('is a claim over TCP, where the kernel knows nobody', async () => {
    const { port } = (await serve(0)).address() as AddressInfo;

    const { peer } = await ask({ port });

    expect(peer).toEqual({ proved: false, why: 'the kernel knows nobody there' });
  });

  it('is a claim where the connection is over', async () => {
    const socketPath = join(dir, 'operator.sock');
    await serve(socketPath);
    const socket = connect(socketPath);
    await new Promise((done) => socket.once('connect', done));
    socket.destroy();

    expect(await createPeerOf()(socket)).toEqual({ proved: false, why: 'the connection is over' });
  });
});

describe('the audit log on a disk', () => {
  const path = () => join(dir, 'log', 'audit.ndjson');
  const verify = () => verifyAudit(path(), { headPath: `${path()}.head` });

  it('that took half a line and then no more goes on whole once there is room', async () => {
    const program = resolve('test/integration/audit/limited.ts');
    const tsx = resolve('node_modules/tsx/dist/cli.mjs');
    const command = 'ulimit -S -f 4; exec "$0" --import "$1" "$2" "$3"';
    const loader = new URL(`file://${resolve('node_modules/tsx/dist/loader.mjs')}`).href;
    expect(existsSync(tsx)).toBe(true);
    const child = spawnSync('bash', ['-c', command, process.execPath, loader, program, path()], { timeout: 60_000 });

    expect([child.status, String(child.stderr)]).toEqual([0, '']);
    expect(JSON.parse(String(child.stdout))).toEqual({ refused: 3, status: 0 });
    const { findings, notes, ends } = await verify();
    expect([findings, notes.length]).toEqual([[], 1]);
    const last = readFileSync(path(), 'utf8').trim().split('\n').at(-1);
    expect(JSON.parse(last ?? '')).toMatchObject({ seq: ends?.seq, action: 'unlock' });
  });

  it('keeps its chain through the rotation that is installed, packed files included', async (context) => {
    if (spawnSync('logrotate', ['--version']).error) return context.skip('logrotate is not installed');
    const audit = openAudit(path(), Date.now);
    const rule = readFileSync('infra/logrotate/entramox', 'utf8')
      .replaceAll('/var/log/entramox', join(dir, 'log'))
      .replaceAll(/^ *(su|create) .*$/gm, '');
    const config = join(dir, 'logrotate.conf');
    writeFileSync(config, rule, { mode: 0o644 });
    chmodSync(join(dir, 'log'), 0o755);
    for (let round = 0; round < 3; round += 1) {
      audit.append({ by: 'sweep', action: `before-${round}`, outcome: 'done' });
      audit.flush();
      const rotate = ['--force', '--state', join(dir, 'state'), config];
      const { status, stderr } = spawnSync('logrotate', rotate, { timeout: 30_000 });
      expect([status, String(stderr)]).toEqual([0, '']);
      audit.append({ by: 'sweep', action: `after-${round}`, outcome: 'done' });
      audit.flush();
      // The names carry whole seconds.
      if (round < 2) await new Promise((done) => setTimeout(done, 1100));
    }
    audit.append({ by: 'sweep', action: 'last', outcome: 'done' });
    audit.close();

    expect(readdirSync(join(dir, 'log')).filter((name) => name.endsWith('.gz'))).not.toEqual([]);
    expect(await verify()).toMatchObject({ records: 7, begins: { seq: 1 }, ends: { seq: 7 }, findings: [] });
  });
});
