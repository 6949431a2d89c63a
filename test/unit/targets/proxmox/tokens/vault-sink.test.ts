import { expect, it } from 'vitest';
import { Rejected } from '../../../../../src/domain/errors.js';
import type { VaultSecret } from '../../../../../src/targets/proxmox/tokens/sinks/vault/kv.js';
import { createVaultSink } from '../../../../../src/targets/proxmox/tokens/sinks/vault/vault-sink.js';
import type { StoredToken } from '../../../../../src/targets/proxmox/tokens/stored-token.js';

const token = (number: number): StoredToken => ({
  'full-tokenid': 'terraform-prov@pve!terraform',
  info: { expire: 0, privsep: 1 },
  value: `0000000${number}-1111-4111-8111-111111111111`,
});

/** Versions with check-and-set; the second write is not answered, and arrives when `deliver` is called. */
function slowVault() {
  const versions: object[] = [];
  let writes = 0;
  let deliver = () => false;
  const write = (data: object, cas: number) => {
    if (cas !== versions.length) return false;
    versions.push(data);
    return true;
  };
  const secret: VaultSecret = {
    read: async () => ({ version: versions.length, data: versions.at(-1) }),
    async write(data, cas) {
      writes += 1;
      if (writes === 2) {
        deliver = () => write(data, cas);
        throw new Rejected('the vault gave no answer');
      }
      if (!write(data, cas)) throw new Rejected('somebody else has written it');
      return versions.length;
    },
    versions: async () => [],
    remove: async () => undefined,
    destroy: async () => undefined,
    capabilities: async () => undefined,
  };
  return { secret, current: () => versions.at(-1), deliver: () => deliver() };
}

it('a secret that a Vault takes after it was given up never gets in the place of the one that works', async () => {
  const vault = slowVault();
  const sink = createVaultSink({ place: 'secret/x', destroyOld: false }, vault.secret);
  await sink.store(token(1));

  await expect(sink.store(token(2))).rejects.toThrow(/gave no answer/);
  const isTaken = vault.deliver();

  expect(isTaken).toBe(false);
  expect(vault.current()).toEqual(token(1));
});
