import { chmodSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../lab/wait.js';
import { bootMachine, type Machine, machineUnavailable } from './machine/index.js';
import { REPOSITORY } from './sandbox/index.js';

const UNITS = [
  'entramox-accounts.service',
  'entramox-accounts.socket',
  'entramox-listener.service',
  'entramox-reconciler.service',
  'entramox.target',
];
const RECONCILER = 'entramox-reconciler.service';
const AGENT = 'entramox-accounts.service';
/** In place of the program: says that it ran and what was handed to it, and ends as it is told. */
const STAND_IN = `
import { readdirSync, readFileSync } from 'node:fs';
const directory = process.env.CREDENTIALS_DIRECTORY;
const credentials = readdirSync(directory).map((name) => name + '=' + readFileSync(directory + '/' + name, 'utf8').trim());
console.log('the program ran with ' + credentials.sort().join(' '));
process.exitCode = Number(process.env.END_WITH);
`;
const unavailable = await machineUnavailable();

describe.skipIf(unavailable)(`the units under systemd${unavailable ? ` (skipped: ${unavailable})` : ''}`, () => {
  let machine: Machine;

  beforeAll(async () => {
    machine = await bootMachine();
    const put = (from: string, to: string, mode: number) => {
      cpSync(join(REPOSITORY, from), machine.outside(to));
      chmodSync(machine.outside(to), mode);
    };
    mkdirSync(machine.outside('/usr/lib/entramox'));
    for (const name of ['entramox.js', 'accounts.js']) put(`dist/${name}`, `/usr/lib/entramox/${name}`, 0o755);
    put('dist/package.json', '/usr/lib/entramox/package.json', 0o644);
    put('systemd/entramox-integrity', '/usr/lib/entramox/entramox-integrity', 0o755);
    for (const unit of UNITS) put(`systemd/${unit}`, `/usr/lib/systemd/system/${unit}`, 0o644);
    for (const kind of ['sysusers', 'tmpfiles']) {
      put(`systemd/entramox.${kind}.conf`, `/usr/lib/${kind}.d/entramox.conf`, 0o644);
    }
    mkdirSync(machine.outside(`/run/systemd/system/${RECONCILER}.d`), { recursive: true });
    writeFileSync(machine.outside(`/run/systemd/system/${RECONCILER}.d/soon.conf`), '[Service]\nRestartSec=300ms\n');
    await machine.shell('systemd-sysusers && systemd-tmpfiles --create entramox.conf && systemctl daemon-reload');
    writeFileSync(machine.outside('/usr/lib/entramox/entramox.js'), STAND_IN);
    writeFileSync(machine.outside('/etc/entramox/accounts.policy.json'), '{"version":1}', { mode: 0o600 });
    configure(0);
    await seal();
  });
  afterAll(() => machine?.destroy());

  function configure(exitCode: number): void {
    writeFileSync(machine.outside('/etc/entramox/entramox.env'), `END_WITH=${exitCode}\n`, { mode: 0o640 });
  }

  /** As `entramox integrity seal` does, whose program had to make room here. */
  async function seal(): Promise<void> {
    await machine.shell(`
      cd /etc/entramox
      { echo "# watched /usr/lib/entramox"; sha256sum /usr/lib/entramox/* accounts.policy.json; } |
        sed "s#  accounts#  /etc/entramox/accounts#" > integrity.sha256
      chmod 644 integrity.sha256`);
  }

  const property = (unit: string, name: string) => machine.shell(`systemctl show --value -p ${name} ${unit}`);
  /** What the journal has of a unit, since `now` was asked for where that is given. */
  const journal = (unit: string, since = '') => machine.shell(`journalctl --no-pager -o cat -u ${unit} ${since}`);
  const now = async () => {
    const cursor = /^-- cursor: (.*)$/m.exec(await machine.shell('journalctl -n 1 --show-cursor -q'))?.[1];
    return `--after-cursor='${cursor}'`;
  };
  /** From rest: what an earlier start left is ended and forgotten. */
  const start = (unit: string) =>
    machine.exec([
      '/bin/sh',
      '-c',
      `systemctl stop ${unit}; systemctl reset-failed ${unit}; exec systemctl start ${unit}`,
    ]);

  it('start what was sealed', async () => {
    const { code } = await start(RECONCILER);

    expect(code).toBe(0);
    await waitFor('the program to have run', async () => (await journal(RECONCILER)).includes('the program ran'));
  });

  it('fail before anything runs where it was changed, say what differs, and are not tried again by themselves', async () => {
    await machine.shell('echo "// changed" >> /usr/lib/entramox/entramox.js');
    const since = await now();

    const { code } = await start(RECONCILER);

    expect(code).not.toBe(0);
    expect(await property(RECONCILER, 'ActiveState')).toBe('failed');
    const said = await journal(RECONCILER, since);
    expect(said).toContain('/usr/lib/entramox/entramox.js is not what was sealed.');
    expect(said).not.toContain('the program ran');
    expect(await property(RECONCILER, 'NRestarts')).toBe('0');
    expect(await machine.shell('journalctl --no-pager -o cat -p err')).toContain('entramox.js is not what was sealed');
  });

  it('fail the account agent too, however often it is asked for', async () => {
    const knock = 'use IO::Socket::UNIX; IO::Socket::UNIX->new("/run/entramox-accounts/accounts.sock") or die; sleep 1';
    await machine.shell(`systemctl start entramox-accounts.socket; perl -e '${knock}'`);

    await waitFor('the agent refused', async () => (await property(AGENT, 'ActiveState')) === 'failed');

    expect(await journal(AGENT)).toContain('Entramox is not started.');
    expect(await machine.exec(['pgrep', '-f', '^/usr/bin/node'])).toMatchObject({ code: 1 });
  });

  it('start again once root has sealed the change', async () => {
    await seal();
    const since = await now();

    const { code } = await start(RECONCILER);

    expect(code).toBe(0);
    await waitFor('the program to have run', async () =>
      (await journal(RECONCILER, since)).includes('the program ran'),
    );
  });

  it('are started again after a failure of the program, and not after a wrong configuration', async () => {
    configure(2);
    await start(RECONCILER);
    await waitFor('the unit to fail', async () => (await property(RECONCILER, 'ActiveState')) === 'failed');
    const afterTwo = await property(RECONCILER, 'SubState');

    configure(1);
    await start(RECONCILER);
    const again = await waitFor('another start', async () => Number(await property(RECONCILER, 'NRestarts')) > 0);
    await machine.shell(`systemctl stop ${RECONCILER}`);

    expect(afterTwo).toBe('failed');
    expect(again.value).toBe(true);
  });

  it('are not started again when the change comes while they run', async () => {
    configure(1);
    const since = await now();
    await start(RECONCILER);
    await machine.shell('echo "// changed again" >> /usr/lib/entramox/entramox.js');

    await waitFor('the unit to fail', async () => (await property(RECONCILER, 'ActiveState')) === 'failed');

    expect(await journal(RECONCILER, since)).toContain('entramox.js is not what was sealed');
  });

  it('are handed credentials by systemd, plain and encrypted, and blanks for those that are not there', async () => {
    configure(0);
    await machine.shell(`
      cd /etc/entramox/credentials && umask 077
      echo the-mark-of-a-plain-one > entra-client-secret
      systemd-creds encrypt --name=pve-api-token - pve-api-token.cred <<< the-mark-of-an-encrypted-one
      printf '[Service]\nLoadCredentialEncrypted=pve-api-token:%s\n' "$PWD/pve-api-token.cred" \
        > /run/systemd/system/${RECONCILER}.d/encrypted.conf
      systemctl daemon-reload`);
    await seal();

    const { code, stderr } = await start(RECONCILER);

    expect(code, stderr).toBe(0);
    const said = ['entra-client-secret=the-mark-of-a-plain-one', 'pve-api-token=the-mark-of-an-encrypted-one'];
    await waitFor('both, and blanks', async () => {
      const text = await journal(RECONCILER);
      return [...said, 'entra-cert-key= ', 'entramox-enc-key= ', 'https-proxy= '].every((part) => text.includes(part));
    });
    expect(await machine.shell('grep -rl the-mark /etc/entramox')).toBe(
      '/etc/entramox/credentials/entra-client-secret',
    );
  });
});
