import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSinks } from '../../../src/targets/proxmox/tokens/sinks/open-sinks.js';
import { storeProved } from '../../../src/targets/proxmox/tokens/sinks/store-proved.js';
import { systemClock as clock } from '../../../src/telemetry/system-clock.js';
import { runTool } from '../../simulators/run-tool.js';
import { aToken, createPlace, declared, readSecret } from './place.js';
import { missing } from './tool.js';

const unavailable = missing('/usr/bin/age', 'age');

let place: ReturnType<typeof createPlace>;
let identity: string;
let recipient: string;

beforeEach(async () => {
  place = createPlace();
  identity = await generateX25519Identity();
  recipient = await identityToRecipient(identity);
  writeFileSync(place.in('identity'), `# made by the test\n${identity}\n`, { mode: 0o600 });
});

afterEach(() => place.remove());

function open(changes: object = {}) {
  const sink = { type: 'age', path: place.in('token.age'), recipients: [recipient], ...changes };
  return openSinks({ readSecret, clock }).open(declared(sink));
}

const withIdentity = () => ({ identity_file: place.in('identity') });

describe('a secret encrypted with age', () => {
  it('is read back with the identity, and lies nowhere in clear', async () => {
    const sink = open(withIdentity());

    await sink.probe();
    await storeProved(sink, aToken());

    expect(await open(withIdentity()).read()).toEqual(aToken());
    expect(statSync(place.in('token.age')).mode & 0o777).toBe(0o600);
    expect(readFileSync(place.in('token.age'), 'utf8')).toMatch(/^-----BEGIN AGE ENCRYPTED FILE-----\n/);
    expect(readFileSync(place.in('token.age'), 'latin1')).not.toContain(aToken().value);
  });

  it.skipIf(unavailable)(`is opened by the age of Debian${unavailable ? ` (${unavailable})` : ''}`, async () => {
    const other = await generateX25519Identity();
    writeFileSync(place.in('other'), `${other}\n`, { mode: 0o600 });
    writeFileSync(place.in('recipients'), `# the second one\n${await identityToRecipient(other)}\n`, { mode: 0o644 });
    await storeProved(open({ recipients_file: place.in('recipients') }), aToken());

    const first = await runTool(['/usr/bin/age', '-d', '-i', place.in('identity'), place.in('token.age')]);
    const second = await runTool(['/usr/bin/age', '-d', '-i', place.in('other'), place.in('token.age')]);

    expect(JSON.parse(first.stdout)).toEqual(aToken());
    expect(JSON.parse(second.stdout)).toEqual(aToken());
  });

  it.skipIf(unavailable)(`made by the age of Debian is read${unavailable ? ` (${unavailable})` : ''}`, async () => {
    const command = ['/usr/bin/age', '-a', '-r', recipient, '-o', place.in('token.age')] as const;
    const { code } = await runTool(command, JSON.stringify(aToken(2)));
    chmodSync(place.in('token.age'), 0o600);

    expect(code).toBe(0);
    expect(await open(withIdentity()).read()).toEqual(aToken(2));
  });

  it('cannot be read without an identity, says so, and is known only to whom stored it', async () => {
    const sink = open();

    await storeProved(sink, aToken());

    expect(sink.sealed).toMatch(/token\.age is encrypted with age, and no identity_file is declared/);
    expect(await sink.read()).toEqual(aToken());
    const later = open();
    expect(await later.read()).toBeUndefined();
    expect(await later.has()).toBe(true);
    expect(await later.forget({ fullId: aToken()['full-tokenid'] })).toBe('unknown');
  });

  it('is no longer taken for stored where the file was changed afterwards', async () => {
    const sink = open();
    await storeProved(sink, aToken());
    await storeProved(open(), aToken(2));

    expect(await sink.read()).toBeUndefined();
  });

  it('comes back as it was where the new one is taken back, though nobody here can read either', async () => {
    await storeProved(open(), aToken());
    const before = readFileSync(place.in('token.age'), 'utf8');

    const putBack = await storeProved(open(), aToken(2));
    await putBack();

    expect(readFileSync(place.in('token.age'), 'utf8')).toBe(before);
  });

  it('is refused before it is made where the identity does not fit the recipients', async () => {
    const other = await identityToRecipient(await generateX25519Identity());

    const probe = open({ ...withIdentity(), recipients: [other] }).probe();

    await expect(probe).rejects.toThrow(/token\.age cannot be decrypted with .*identity/);
    expect(existsSync(place.in('token.age'))).toBe(false);
  });

  it('never repeats a key that is not in order', async () => {
    const broken = `${identity.slice(0, -3)}QQQ`;
    writeFileSync(place.in('identity'), broken, { mode: 0o600 });

    const failure = await open(withIdentity()).probe().catch(String);

    expect(failure).toMatch(/holds a line that is no identity of age/);
    expect(failure).not.toContain(broken.slice(20, 40));
  });

  it('takes no recipients from a file that others may write', async () => {
    writeFileSync(place.in('recipients'), `${recipient}\n`);
    chmodSync(place.in('recipients'), 0o666);

    await expect(open({ recipients_file: place.in('recipients') }).probe()).rejects.toThrow(/writable by others/);
  });

  it('takes no identity from a file that others may read', async () => {
    chmodSync(place.in('identity'), 0o644);

    await expect(open(withIdentity()).probe()).rejects.toThrow(/chmod 600/);
  });

  it('replaces no file that age did not write', async () => {
    writeFileSync(place.in('token.age'), 'something else', { mode: 0o600 });

    await expect(open().read()).rejects.toThrow(/no armored file of age: move it away/);
    await expect(open(withIdentity()).read()).rejects.toThrow(/no armored file of age: move it away/);
  });

  it('is forgotten once its token is dead, and not before', async () => {
    const sink = open(withIdentity());
    await storeProved(sink, aToken());

    expect(await sink.forget({ fullId: 'terraform-prov@pve!other' })).toBe('none');
    expect(await sink.forget({ fullId: aToken()['full-tokenid'], except: aToken().value })).toBe('none');
    expect(existsSync(place.in('token.age'))).toBe(true);
    expect(await sink.forget({ fullId: aToken()['full-tokenid'] })).toBe('gone');
    expect(existsSync(place.in('token.age'))).toBe(false);
  });
});
