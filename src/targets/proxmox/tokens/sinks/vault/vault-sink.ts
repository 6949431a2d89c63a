import { Rejected } from '../../../../../domain/errors.js';
import { registerSecret } from '../../../../../telemetry/redact.js';
import type { DeclaredVault } from '../../declared-sinks/vault.js';
import { type StoredToken, storedToken } from '../../stored-token.js';
import { isDead, type Sink } from '../sink.js';
import type { SecretVersion, VaultSecret } from './kv.js';

/**
 * One secret of a KV version 2 engine of HashiCorp Vault or OpenBao, with the JSON of the token as its data. A new
 * secret becomes a new version, written only while the version that was looked at is still the newest.
 */
export function createVaultSink(
  { place, destroyOld }: Pick<DeclaredVault, 'place' | 'destroyOld'>,
  secret: VaultSecret,
): Sink {
  async function look(version?: number): Promise<{ version: number; token: StoredToken | undefined }> {
    const found = await secret.read(version);
    return { version: found.version, token: tokenIn(found) };
  }

  function tokenIn({ version, data }: SecretVersion): StoredToken | undefined {
    if (data === undefined) return undefined;
    const read = storedToken.safeParse(data);
    if (!read.success) throw new Rejected(`version ${version} of ${place} is no token: name another path`);
    registerSecret(read.data.value);
    return read.data;
  }

  const sink: Sink = {
    place,
    sealed: undefined,
    async read() {
      return (await look()).token;
    },
    async probe() {
      const { version } = await look();
      const may = await secret.capabilities();
      const needed = version === 0 ? 'create' : 'update';
      if (may && !may.includes('root') && !may.includes(needed)) {
        throw new Rejected(`our login may not ${needed} ${place}: it may ${may.join(', ')}; mend its policy`);
      }
    },
    async store(token) {
      const before = await look();
      const version = await written(token, before);
      return async () => {
        if (before.token) await secret.write(before.token, version);
        else await secret.remove(version);
      };
    },
    async forget(dead) {
      const newest = await look();
      const isNewest = newest.token !== undefined && isDead(newest.token, dead);
      if (!destroyOld) {
        if (!isNewest) return 'none';
        await secret.remove(newest.version);
        return 'gone';
      }
      const old: number[] = [];
      for (const version of await secret.versions()) {
        const seen = await readOld(version);
        if (seen && isDead(seen, dead)) old.push(version);
      }
      if (old.length === 0) return 'none';
      await secret.destroy(old);
      return 'gone';
    },
    async has(token) {
      const stored = (await look()).token;
      return stored !== undefined && (token === undefined || stored.value === token.value);
    },
    get parts() {
      return [sink];
    },
  };

  /**
   * A write whose answer was lost may have been done all the same, and then counts. It may also still be on its way, and
   * would put a secret there that nobody counts on any more: the former one is written once more, after which Vault
   * takes no write that expected the version before it.
   */
  async function written(token: StoredToken, before: { version: number; token: StoredToken | undefined }) {
    try {
      return await secret.write(token, before.version);
    } catch (error) {
      const isDone = async () => {
        const now = await look();
        return now.version === before.version + 1 && now.token?.value === token.value;
      };
      if (await isDone().catch(() => false)) return before.version + 1;
      if (!before.token) throw error;
      const isFenced = await secret.write(before.token, before.version).then(
        () => true,
        () => false,
      );
      if (!isFenced && (await isDone().catch(() => false))) return before.version + 1;
      throw error;
    }
  }

  /** An older version may be something else, from before this path was ours. */
  async function readOld(version: number): Promise<StoredToken | undefined> {
    const read = storedToken.safeParse((await secret.read(version)).data);
    return read.success ? read.data : undefined;
  }

  return sink;
}
