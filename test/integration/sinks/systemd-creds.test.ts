import { spawnSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSinks } from '../../../src/targets/proxmox/tokens/sinks/open-sinks.js';
import { storeProved } from '../../../src/targets/proxmox/tokens/sinks/store-proved.js';
import { systemClock as clock } from '../../../src/telemetry/system-clock.js';
import { aToken, createPlace, declared, readSecret } from './place.js';

const keys = createPlace();
const hostKeyFile = keys.in('host-key');

/** With a key of our own: that of the machine stays as it is. */
const environment = { PATH: '/usr/bin:/bin', SYSTEMD_CREDENTIAL_SECRET: hostKeyFile };

function creds(...args: string[]) {
  return spawnSync('/usr/bin/systemd-creds', args, { encoding: 'utf8', env: environment, timeout: 60_000 });
}

function whyNot(): string | undefined {
  const probe = spawnSync('/usr/bin/systemd-creds', ['encrypt', '--with-key=host', '--name=probe', '-', '-'], {
    encoding: 'utf8',
    env: environment,
    input: 'probe',
    timeout: 60_000,
  });
  return probe.status === 0 ? undefined : `needs systemd-creds and a key of its own: ${probe.stderr || probe.error}`;
}

const unavailable = whyNot();
const title = `a secret encrypted with systemd-creds${unavailable ? ` (${unavailable})` : ''}`;

let place: ReturnType<typeof createPlace>;

afterAll(() => keys.remove());
beforeEach(() => {
  place = createPlace();
});
afterEach(() => place.remove());

function open(changes: object = {}, key = hostKeyFile) {
  const sink = { type: 'systemd-creds', path: place.in('token.cred'), with_key: 'host', ...changes };
  return openSinks({ readSecret, clock, hostKeyFile: key }).open(declared(sink));
}

describe.skipIf(unavailable)(title, () => {
  it('is stored for a unit of this host and read back', async () => {
    const sink = open();

    await sink.probe();
    await storeProved(sink, aToken());

    expect(await open().read()).toEqual(aToken());
    expect(statSync(place.in('token.cred')).mode & 0o777).toBe(0o600);
    expect(readFileSync(place.in('token.cred'), 'latin1')).not.toContain(aToken().value);
    const seen = creds('decrypt', '--name=terraform', place.in('token.cred'), '-');
    expect(JSON.parse(seen.stdout)).toEqual(aToken());
  });

  it('carries its name, so that it cannot be passed off as another credential', async () => {
    await storeProved(open({ name: 'pve-token' }), aToken());

    await expect(open({ name: 'other' }).read()).rejects.toThrow(/could not decrypt .*'pve-token' does not match/);
    expect(await open({ name: 'pve-token' }).read()).toEqual(aToken());
  });

  it('made elsewhere with the program itself is read', async () => {
    writeFileSync(place.in('plain'), JSON.stringify(aToken(3)));
    creds('encrypt', '--with-key=host', '--name=terraform', place.in('plain'), place.in('token.cred'));
    spawnSync('/bin/chmod', ['600', place.in('token.cred')]);

    expect(await open().read()).toEqual(aToken(3));
  });

  it('is refused in words where the key of the host is another one, or the file is cut short', async () => {
    await storeProved(open(), aToken());
    const other = open({}, keys.in('another-key'));
    await other.probe();

    await expect(other.read()).rejects.toThrow(/systemd-creds could not decrypt/);

    writeFileSync(place.in('token.cred'), readFileSync(place.in('token.cred'), 'utf8').slice(0, 60));
    await expect(open().read()).rejects.toThrow(/systemd-creds could not decrypt/);
  });

  it('is refused before the token is made where the host has no key and can have none', async () => {
    writeFileSync(keys.in('no-directory'), '');

    await expect(open({}, keys.in('no-directory/key')).probe()).rejects.toThrow(/systemd-creds could not encrypt/);
  });
});
