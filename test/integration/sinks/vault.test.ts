import { writeFileSync } from 'node:fs';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openSinks, type Sinks } from '../../../src/targets/proxmox/tokens/sinks/open-sinks.js';
import { storeProved } from '../../../src/targets/proxmox/tokens/sinks/store-proved.js';
import { systemClock } from '../../../src/telemetry/system-clock.js';
import { createTestAuthority, type TestAuthority } from '../../simulators/tls.js';
import { startVaultSimulator, type VaultSimulator } from '../../simulators/vault/index.js';
import { aToken, createPlace, declared, readSecret } from './place.js';

const PATH = 'entramox/terraform';
const POLICY = {
  [`secret/data/${PATH}`]: ['create', 'read', 'update'],
  [`secret/metadata/${PATH}`]: ['read'],
  [`secret/delete/${PATH}`]: ['update'],
  [`secret/destroy/${PATH}`]: ['update'],
} as const;

let authority: TestAuthority;
let vault: VaultSimulator;
let place: ReturnType<typeof createPlace>;
let opened: Sinks[];
let lateMs: number;

const now = () => systemClock.now() + lateMs;

beforeAll(async () => {
  authority = await createTestAuthority();
});

beforeEach(async () => {
  vault = await startVaultSimulator({ authority, oldMounts: ['old'], casRequired: true, now });
  place = createPlace();
  opened = [];
  lateMs = 0;
  writeFileSync(place.in('ca.pem'), authority.cert);
  writeFileSync(place.in('token'), `${vault.logins.addToken(POLICY)}\n`, { mode: 0o600 });
});

afterEach(async () => {
  place.remove();
  await Promise.all(opened.map((sinks) => sinks.close())).finally(() => vault.close());
});

function openAll(): Sinks {
  const sinks = openSinks({ readSecret, clock: { ...systemClock, now } });
  opened.push(sinks);
  return sinks;
}

const byToken = () => ({ token_file: place.in('token') });

function open(changes: object = byToken(), sinks = openAll()) {
  return sinks.open(declared({ type: 'vault', address: vault.url, ca_file: place.in('ca.pem'), ...changes }));
}

function byRole(role: Omit<Parameters<VaultSimulator['logins']['addRole']>[0], 'policy'> = {}) {
  const { roleId, secretId } = vault.logins.addRole({ policy: POLICY, ...role });
  writeFileSync(place.in('secret-id'), secretId, { mode: 0o600 });
  return { role_id: roleId, secret_id_file: place.in('secret-id') };
}

const isWrite = ({ method, path }: { method: string; path: string }) => method === 'POST' && path.includes('/data/');

describe('a secret in a Vault', () => {
  it('becomes the JSON of the old workflow at its path, and is read back', async () => {
    const sink = open();

    expect(await sink.read()).toBeUndefined();
    await sink.probe();
    await storeProved(sink, aToken());

    expect(vault.history('secret', PATH)?.view()?.data).toEqual(aToken());
    expect(await open().read()).toEqual(aToken());
    expect(sink.place).toBe(`secret/entramox/terraform at ${vault.url}`);
  });

  it('is written with an AppRole in a namespace with one login for all, which is given up in the end', async () => {
    const changes = { ...byRole({ namespace: 'team/ops', uses: 1 }), namespace: 'team/ops' };
    const sinks = openAll();
    const sink = open(changes, sinks);

    await sink.probe();
    await storeProved(sink, aToken());

    expect(vault.history('secret', PATH, 'team/ops')?.view()?.data).toEqual(aToken());
    expect(vault.history('secret', PATH)).toBeUndefined();
    expect(vault.logins.openRoleLogins()).toBe(1);
    await sinks.close();
    expect(vault.logins.openRoleLogins()).toBe(0);
  });

  it('is written with a new login where the first one has ended', async () => {
    const sink = open(byRole({ ttlSeconds: 60 }));
    await sink.read();

    lateMs = 61_000;
    await storeProved(sink, aToken());

    expect(vault.requests.filter(({ path }) => path.endsWith('/login'))).toHaveLength(2);
    expect(await sink.read()).toEqual(aToken());
  });

  it('is a new version, and the former one stays', async () => {
    await storeProved(open(), aToken());

    await storeProved(open(), aToken(2, 'terraform-2'));

    const history = vault.history('secret', PATH);
    expect(history?.current).toBe(2);
    expect(history?.view(1)?.data).toEqual(aToken());
  });

  it('is not written over what somebody else has put there since', async () => {
    await storeProved(open(), aToken());
    vault.beforeNextWrite(() => vault.history('secret', PATH)?.write({ value: 'theirs' }));

    await expect(storeProved(open(), aToken(2))).rejects.toThrow(/somebody else has written secret\/data\/entramox/);

    expect(vault.history('secret', PATH)?.view()?.data).toEqual({ value: 'theirs' });
  });

  it('is written anew where the newest version was deleted', async () => {
    await storeProved(open(), aToken());
    vault.history('secret', PATH)?.delete([1]);

    expect(await open().read()).toBeUndefined();
    await storeProved(open(), aToken(2));

    expect(await open().read()).toEqual(aToken(2));
  });

  it('is put back as a new version where the one after it is taken back', async () => {
    await storeProved(open(), aToken());

    const putBack = await storeProved(open(), aToken(2));
    await putBack();

    expect(await open().read()).toEqual(aToken());
    expect(vault.history('secret', PATH)?.current).toBe(3);
  });

  it('leaves nothing that counts where it was the first one and is taken back', async () => {
    const putBack = await storeProved(open(), aToken());
    await putBack();

    expect(await open().read()).toBeUndefined();
  });

  it('of a revoked token is destroyed in all versions where that is asked for, and the others stay', async () => {
    const changes = { ...byToken(), destroy_old: true };
    await storeProved(open(), aToken());
    await storeProved(open(), aToken(2, 'terraform-2'));

    const end = await open(changes).forget({ fullId: 'terraform-prov@pve!terraform' });

    expect(end).toBe('gone');
    expect(vault.history('secret', PATH)?.view(1)?.metadata.destroyed).toBe(true);
    expect(await open().read()).toEqual(aToken(2, 'terraform-2'));
    expect(await open(changes).forget({ fullId: 'terraform-prov@pve!terraform' })).toBe('none');
  });

  it('of a token that was made anew in place loses only its former values', async () => {
    const changes = { ...byToken(), destroy_old: true };
    await storeProved(open(), aToken());
    await storeProved(open(), aToken(2));

    const end = await open(changes).forget({ fullId: aToken()['full-tokenid'], except: aToken(2).value });

    expect(end).toBe('gone');
    expect(vault.history('secret', PATH)?.view(1)?.metadata.destroyed).toBe(true);
    expect(await open().read()).toEqual(aToken(2));
  });

  it('of a revoked token is deleted, and can be brought back, where nothing else was asked for', async () => {
    await storeProved(open(), aToken());

    expect(await open().forget({ fullId: aToken()['full-tokenid'] })).toBe('gone');

    expect(await open().read()).toBeUndefined();
    expect(vault.history('secret', PATH)?.view(1)?.metadata).toMatchObject({ destroyed: false });
  });

  it('counts as stored where only the answer to the writing was lost', async () => {
    vault.failNext(isWrite, 'lost');

    await storeProved(open(), aToken());

    expect(vault.history('secret', PATH)?.current).toBe(1);
  });
});

describe('a Vault that does not take a secret', () => {
  it.each<[string, () => object | Promise<object>, RegExp]>([
    [
      'is sealed',
      () => {
        vault.seal(true);
        return byToken();
      },
      /is sealed or in maintenance: .*unseal it.*Vault is sealed/,
    ],
    [
      'does not know our token',
      () => {
        writeFileSync(place.in('token'), 'hvs.unknown', { mode: 0o600 });
        return byToken();
      },
      /refuses: reading secret\/data\/entramox\/terraform.*permission denied/,
    ],
    [
      'lets us read alone',
      () => {
        const token = vault.logins.addToken({ [`secret/data/${PATH}`]: ['read'] });
        writeFileSync(place.in('token'), token, { mode: 0o600 });
        return byToken();
      },
      /our login may not create secret\/entramox\/terraform .*it may read; mend its policy/,
    ],
    ['does not take our secret id', () => ({ ...byRole({ uses: 0 }) }), /logging in .*invalid role or secret ID/],
    [
      'has no such mount',
      () => {
        const token = vault.logins.addToken({ '*': ['create', 'read', 'update'] });
        writeFileSync(place.in('token'), token, { mode: 0o600 });
        return { ...byToken(), mount: 'nowhere' };
      },
      /has nothing there: .*look at the mount.*no handler for route/,
    ],
    [
      'has an engine of version 1 there',
      () => {
        const token = vault.logins.addToken({ 'old/*': ['create', 'read', 'update'] });
        writeFileSync(place.in('token'), token, { mode: 0o600 });
        return { ...byToken(), mount: 'old' };
      },
      /as no KV engine of version 2 does; is old one\?/,
    ],
    [
      'is a standby that points elsewhere',
      () => {
        vault.failNext(() => true, { status: 307, headers: { location: 'https://active.example:8200/v1/x' } });
        return byToken();
      },
      /points elsewhere \(active\.example:8200\)/,
    ],
    [
      'answers what no Vault says',
      () => {
        vault.failNext(() => true, { status: 200, body: { hello: 'world' } });
        return byToken();
      },
      /as no KV engine of version 2 does/,
    ],
    [
      'shows a certificate that we do not trust',
      async () => {
        writeFileSync(place.in('other-ca.pem'), (await createTestAuthority('another')).cert);
        return { ...byToken(), ca_file: place.in('other-ca.pem') };
      },
      /gave no answer: .*(?:certificate|signature)/,
    ],
  ])('is told of before the token is made: it %s', async (_what, prepare, why) => {
    const sink = open(await prepare());

    await expect(sink.probe()).rejects.toThrow(why);
  });

  it('is told of without our token and without the secret', async () => {
    const token = vault.logins.addToken(POLICY);
    writeFileSync(place.in('token'), token, { mode: 0o600 });
    vault.failNext(isWrite, { status: 500, body: { errors: [`cannot store ${aToken().value} for you`] } });

    const failure = await storeProved(open(), aToken()).catch(String);

    expect(failure).toMatch(/answers with 500/);
    expect(failure).not.toContain(token);
  });

  it('gets its token from no file that others may read', async () => {
    writeFileSync(place.in('open-token'), 'hvs.x', { mode: 0o644 });

    await expect(open({ token_file: place.in('open-token') }).probe()).rejects.toThrow(/open-token: .*chmod 600/);
    expect(vault.requests).toEqual([]);
  });

  it('has something else at the path, which stays', async () => {
    const token = vault.logins.addToken({ 'secret/*': ['create', 'read', 'update'] });
    writeFileSync(place.in('token'), token, { mode: 0o600 });
    const sink = open({ ...byToken(), path: 'db/password' });
    await storeProved(sink, aToken());
    vault.history('secret', 'db/password')?.write({ password: 'x' });

    await expect(sink.read()).rejects.toThrow(/version 2 of secret\/db\/password .* is no token: name another path/);
    await expect(sink.store(aToken())).rejects.toThrow(/is no token/);
    expect(vault.history('secret', 'db/password')?.current).toBe(2);
  });
});
