import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encryptFernet, newFernetKey, parseFernetKey } from '../../src/config/fernet.js';
import { sandboxUnavailable } from '../integration/sandbox/index.js';
import { type Lab, openLab } from '../lab/lab.js';
import { createPrivateHost, type LinuxHost } from '../lab/linux-host.js';
import { fetchFrom, waitForStanding } from '../lab/look.js';
import { type Daemon, type Finished, PROGRAM, runProgram } from '../lab/program.js';
import { createSimulatedHost } from '../lab/simulated-host.js';
import { waitFor } from '../lab/wait.js';

const TOKEN = '/{tenant}/oauth2/v2.0/token';
const simulated = sandboxUnavailable();
const NO_STRACE = spawnSync('strace', ['-V'], { timeout: 10_000 }).error ? 'strace is not installed here' : undefined;

/**
 * Every secret that an installation has, in daemons, agent and command line whose every neighbour repeats it in its
 * errors. `seen` is all that anybody could read afterwards.
 */
describe(`secrets${simulated ? ` (account agent SIMULATED: ${simulated})` : ''}`, () => {
  let lab: Lab;
  let listener: Daemon;
  let reconciler: Daemon;
  const secrets = new Map<string, string>();
  const answers: Finished[] = [];
  const pages: string[] = [];

  beforeAll(async () => {
    const host: LinuxHost = simulated ? await createSimulatedHost() : await createPrivateHost();
    lab = await openLab({
      host,
      settings: {
        LOG_LEVEL: 'trace',
        SUBSCRIPTION_CRON: '*/2 * * * * *',
        CONFIRM_BEFORE_LOCK: '200ms',
        CONFIRM_AFTER: '300ms',
      },
    });
    layOutSecrets();
    await failuresAtTheStart();
    await life();
    await lab.stopAll();
    await failuresOfConfiguration();
  }, 240_000);
  afterAll(() => lab?.close());

  /** The client secret encrypted, its key in a file, the Proxmox token in the environment, keys in files. */
  function layOutSecrets(): void {
    const keyText = newFernetKey();
    const key = parseFernetKey(keyText);
    if (!key) throw new Error('no key');
    const token = readFileSync(lab.envFile, 'utf8').match(/^PVE_API_TOKEN='(.*)'$/m)?.[1] ?? '';
    const encrypted = `fernet:${encryptFernet(lab.entra.clientSecret, key)}`;
    secrets.set('client secret', lab.entra.clientSecret);
    secrets.set('its encrypted form', encrypted.slice('fernet:'.length));
    secrets.set('Fernet key', keyText);
    secrets.set('Proxmox token', token.split('=')[1] ?? '');
    secrets.set('TLS key', middleOf(readFileSync(join(lab.dir, 'tls.key'), 'utf8')));
    mkdirSync(join(lab.dir, 'secret'), { mode: 0o700 });
    hide('enc-key', keyText);
    hide('proxmox', `export PVE_API_TOKEN='${token}'`);
    lab.setSettings({
      ENTRA_CLIENT_SECRET: '',
      ENTR_CLNT_SEC_ENC: encrypted,
      ENTRAMOX_ENC_KEY_FILE: join(lab.dir, 'secret/enc-key'),
      PVE_API_TOKEN: '',
      PVE_API_TOKEN_EXPIRES: new Date(Date.now() + 5.5 * 86_400_000).toISOString(),
    });
  }

  function hide(name: string, text: string): string {
    const path = join(lab.dir, 'secret', name);
    writeFileSync(path, text, { mode: 0o600 });
    chmodSync(path, 0o600);
    return path;
  }

  /** Started by a shell that has the token in its environment, with every exec of every child written down. */
  function start(command: 'listen' | 'reconcile'): Daemon {
    const record = join(lab.dir, `secret/exec.${command}`);
    const trace = NO_STRACE
      ? []
      : ['strace', '-f', '-qq', '-v', '-s', '65536', '--seccomp-bpf', '-e', 'trace=execve', '-A', '-o', record];
    const shell = ['/bin/sh', '-c', '. "$0"; exec "$@"', join(lab.dir, 'secret/proxmox')];
    return lab.start(command, { wrapper: [...trace, ...(command === 'reconcile' ? shell : [])] });
  }

  /** What a neighbour repeats: secrets of the process that asks it, whether it was ever sent them or not. */
  function echo(...names: string[]): string {
    return names.map((name) => secrets.get(name)).join(' ');
  }

  /** Entra, Graph and Proxmox refuse everything, and repeat secrets. */
  async function failuresAtTheStart(): Promise<void> {
    const said = echo('client secret', 'its encrypted form', 'Fernet key', 'Proxmox token');
    const body = { error: 'invalid_client', error_description: `AADSTS7000215: you sent ${said} Trace ID: 1` };
    const atLogin = lab.entra.faults.answerWith(TOKEN, { status: 401, body }, Number.POSITIVE_INFINITY);
    lab.proxmox.faults.failNext({}, { status: 500, text: `no, with ${said}` }, 50);
    lab.join('alice');
    listener = start('listen');
    reconciler = start('reconcile');
    await waitFor('refused tokens in both logs', () => (lab.log().match(/entra\.token\.failed/g)?.length ?? 0) >= 2);
    await ask('status', '--json');
    await ask('sweep');
    atLogin.clear();
    lab.proxmox.faults.clear();
    await ask('sweep');
  }

  async function ask(...args: string[]): Promise<Finished> {
    const env = { PATH: process.env.PATH, PVE_API_TOKEN: `entramox@pve!sync=${secrets.get('Proxmox token')}` };
    const finished = await runProgram([...args, '--config', lab.envFile], env);
    answers.push(finished);
    return finished;
  }

  /** A joiner and a leaver, among neighbours that go on repeating secrets. */
  async function life(): Promise<void> {
    // After so many refusals Graph is left alone for half a minute.
    await lab.ready(90_000);
    const stored = JSON.parse(readFileSync(join(lab.dir, 'listener/subscriptions.json'), 'utf8'));
    for (const { resource, clientState } of stored.subscriptions) secrets.set(`client state ${resource}`, clientState);
    const said = echo('client secret', 'its encrypted form', 'Fernet key', 'Proxmox token');
    const refusing = (message: string) => ({
      status: 403,
      body: { error: { code: 'Authorization_RequestDenied', message: `no: ${message}` } },
    });
    const toListener = refusing(echo('client secret', 'TLS key', 'client state /users'));
    await waitForStanding(lab, 'alice', { linux: 'open', pve: 'enabled' });
    lab.entra.faults.answerWith('PATCH /subscriptions/{id}', toListener, 3);
    lab.entra.faults.answerWith('POST /subscriptions', toListener, 3);
    await ask('subscriptions', 'renew');
    lab.entra.faults.answerWith('GET /users/{id}', refusing(said), 6);
    await ask('resync', 'alice@example.com');
    lab.entra.faults.clear();
    lab.proxmox.faults.failNext({ method: 'POST' }, { status: 500, text: `no, with ${said}` }, 2);
    lab.join('bob');
    await waitFor('a failed step', () => lab.log().includes('reconcile.step.failed'));
    await ask('status', '--json');
    await ask('resync', 'bob@example.com', '--json');
    lab.proxmox.faults.clear();
    await waitForStanding(lab, 'bob', { linux: 'open', pve: 'enabled' }, { deadlineMs: 30_000 });
    for (const command of [
      'status',
      'plan',
      'doctor',
      'config show',
      'config check',
      'subscriptions list',
      'audit verify',
    ]) {
      await ask(...command.split(' '));
      await ask(...command.split(' '), '--json');
    }
    await ask('audit', 'show', '--user', 'bob@example.com');
    for (const [name, paths] of [
      ['operator.sock', ['/status', '/metrics', '/readyz', '/healthz', '/nothing']],
      ['listener.sock', ['/subscriptions', '/metrics', '/readyz']],
    ] as const) {
      for (const path of paths) pages.push((await fetchFrom({ socketPath: join(lab.dir, 'run', name) }, path)).text);
    }
    pages.push(...[listener, reconciler].flatMap(({ child }) => commandLines(child.pid ?? 0)));
  }

  /** Secrets where they do not belong, keys that cannot be read, and a certificate that belongs to another key. */
  async function failuresOfConfiguration(): Promise<void> {
    const one = await generate([{ name: 'commonName', value: 'one' }], { keySize: 2048, algorithm: 'sha256' });
    const other = await generate([{ name: 'commonName', value: 'two' }], { keySize: 2048, algorithm: 'sha256' });
    secrets.set('certificate key', middleOf(one.private));
    const clear = lab.entra.clientSecret;
    const pve = `entramox@pve!sync=${secrets.get('Proxmox token')}`;
    const base = readFileSync(lab.envFile, 'utf8').replaceAll(/^(ENTR_CLNT_SEC_ENC|ENTRAMOX_ENC_KEY_FILE)=.*\n/gm, '');
    const files = {
      'misplaced.env': `${base}ENTRA_CLIENT_SECRET='${clear}'\nENTRA_CLIENT_ID='${clear}'\nPUBLIC_URL='https://x:${clear}@example.com/${clear}'\nREALM='${clear}'\nENTRA_CLIENT_SECRT='${clear}'\n`,
      'unregistered.env': `${base}REALM='${pve}'\nENTRA_GROUP_IDS='${pve}'\n`,
      'nonsense.env': `${base}${clear}\nENTRA_CLIENT_SECRET ${clear}\nexport ENTRA_CLIENT_SECRET='${clear}'\nENTRA_CLIENT_SECRET='${clear}\n`,
      'wrong-key.env': `${base}ENTR_CLNT_SEC_ENC='fernet:${secrets.get('its encrypted form')}'\nENTRAMOX_ENC_KEY='${newFernetKey()}'\n`,
      'certificate.env': `${base}ENTRA_CERT_FILE='${hide('other.pem', other.cert)}'\nENTRA_CERT_KEY_FILE='${hide('one.key', one.private)}'\n`,
      'pasted-key.env': `${base}ENTRA_CLIENT_SECRET='${one.private}'\n`,
    };
    for (const [name, text] of Object.entries(files)) {
      const path = hide(name, text);
      for (const command of ['config check', 'config check --json', 'listen']) {
        const finished = await runProgram(
          [...command.split(' '), '--config', path],
          { PATH: process.env.PATH },
          30_000,
        );
        expect(finished.code, `${name}: ${command}: ${finished.stderr}`).toBe(2);
        answers.push(finished);
      }
    }
    const fits = hide(
      'fits.env',
      `${base}ENTRA_CERT_FILE='${hide('one.pem', one.cert)}'\nENTRA_CERT_KEY_FILE='${join(lab.dir, 'secret/one.key')}'\n`,
    );
    expect(new X509Certificate(one.cert).subject).toBe('CN=one');
    answers.push(await runProgram(['doctor', '--config', fits], { PATH: process.env.PATH }, 60_000));
    // Torn state: what stops the program says why, and nothing else.
    writeFileSync(join(lab.dir, 'state/ledger.json'), '{"torn');
    answers.push(await runProgram(['reconcile', '--config', lab.envFile], { PATH: process.env.PATH }, 30_000));
    const input = spawnSync(process.execPath, [PROGRAM, 'secret', 'encrypt', clear], {
      encoding: 'utf8',
      timeout: 30_000,
    });
    const option = spawnSync(process.execPath, [PROGRAM, 'secret', 'encrypt', `--secret=${clear}`], {
      encoding: 'utf8',
      timeout: 30_000,
    });
    for (const { status, stdout, stderr } of [input, option]) answers.push({ code: status, stdout, stderr });
  }

  /** A line in the middle of a PEM file, which nothing else contains. */
  function middleOf(pem: string): string {
    return pem.trim().split(/\r?\n/)[1] ?? '';
  }

  /** Arguments of a process and of all that it started and that still run. */
  function commandLines(pid: number): string[] {
    const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' ').filter(Boolean),
    );
    return [readFileSync(`/proc/${pid}/cmdline`, 'utf8'), ...children.flatMap((child) => commandLines(Number(child)))];
  }

  /** Names of the secrets that stand in the text, as they are or as a form, a URL or base64 would have them. */
  function found(text: string): string[] {
    return [...secrets].flatMap(([name, secret]) => {
      const spellings = [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64').replace(/=+$/, '')];
      return spellings.some((spelling) => text.includes(spelling)) ? [name] : [];
    });
  }

  function filesBelow(directory: string): string[] {
    return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) return filesBelow(path);
      return entry.isFile() ? [path] : [];
    });
  }

  it('are known to this test: all of them were in use, and every neighbour repeated them', () => {
    expect([...secrets.keys()]).toEqual([
      'client secret',
      'its encrypted form',
      'Fernet key',
      'Proxmox token',
      'TLS key',
      expect.stringContaining('client state'),
      expect.stringContaining('client state'),
      expect.stringContaining('client state'),
      'certificate key',
    ]);
    for (const [name, secret] of secrets) expect(secret.length, name).toBeGreaterThan(20);
    expect(lab.log()).toContain('[redacted]');
    expect(answers.map(({ stdout, stderr }) => stdout + stderr).join('')).toContain('[redacted]');
  });

  it('are in no line of any log', () => {
    expect(found(lab.log())).toEqual([]);
    expect(lab.log()).toMatch(/entra\.token\.failed/);
  });

  it('are in nothing that the command line says', () => {
    const leaks = answers.flatMap(({ stdout, stderr }) =>
      found(stdout + stderr).map((name) => [name, stdout + stderr]),
    );

    expect(leaks).toEqual([]);
    expect(answers.length).toBeGreaterThan(40);
  });

  it('are on no page of the sockets and in no argument of a process', () => {
    expect(pages.flatMap(found)).toEqual([]);
    expect(pages.join(' ')).toContain('entramox.js');
  });

  it('are in no file but those that are there to hold them', () => {
    const own = [lab.envFile, join(lab.dir, 'tls.key'), join(lab.dir, 'listener/subscriptions.json')];
    const files = filesBelow(lab.dir).filter(
      (path) => !own.includes(path) && !path.startsWith(join(lab.dir, 'secret/')),
    );

    const leaks = files.flatMap((path) => found(readFileSync(path, 'utf8')).map((name) => `${name} in ${path}`));

    expect(leaks).toEqual([]);
    for (const name of ['audit.ndjson', 'entramox.log', 'ledger.json.prev']) {
      expect(
        files.some((path) => path.endsWith(name)),
        name,
      ).toBe(true);
    }
    for (const path of own) expect(statSync(path).mode & 0o077, path).toBe(0);
  });

  it('are in neither argument nor environment of any child that was ever started', (context) => {
    context.skip(NO_STRACE !== undefined, NO_STRACE);
    const execs = ['listen', 'reconcile'].flatMap((command) =>
      readFileSync(join(lab.dir, `secret/exec.${command}`), 'utf8')
        .split('\n')
        .filter((line) => line.includes('execve(')),
    );

    // The reconciler itself was given the Proxmox token by its environment; what it starts must not be.
    const given = execs.filter((line) => /entramox\.js", "reconcile"/.test(line));
    const leaks = execs
      .filter((line) => !given.includes(line))
      .flatMap((line) => found(line).map((name) => [name, line]));

    expect(leaks).toEqual([]);
    expect(given.flatMap(found)).toEqual(['Proxmox token']);
    const names = execs.map((line) => /execve\("([^"]*)"/.exec(line)?.[1]?.split('/').at(-1));
    expect(names).toEqual(expect.arrayContaining(['flock', 'node']));
    if (!simulated) expect(names).toEqual(expect.arrayContaining(['nsenter', 'useradd', 'chpasswd']));
  });

  it('are told of before they end: in the log, on the status page, by the doctor and as a metric', () => {
    const said = answers.map(({ stdout }) => stdout).join('\n');

    expect(lab.log()).toMatch(/"credential":"pve-api-token".*"daysLeft":5.*"config\.credential\.expiring"/);
    expect(said).toMatch(/^! pve-api-token ends in 5 d/m);
    expect(said).toMatch(/^ {2}NO {2}proxmox\.token-expiry: pve-api-token ends in 5 d/m);
    expect(pages.join('\n')).toMatch(/^entramox_credential_expiry_seconds\{credential="pve-api-token"\} 475\d{3}$/m);
    expect(pages.join('\n')).toMatch(
      /^entramox_credential_expiry_seconds\{credential="listener-certificate"\} \d{8}$/m,
    );
  });
});
