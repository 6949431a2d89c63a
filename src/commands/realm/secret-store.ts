import { Rejected } from '../../domain/errors.js';
import { createOwnFile, type OwnFile } from '../../targets/proxmox/tokens/sinks/own-file.js';
import { registerSecret } from '../../telemetry/redact.js';

/** The client secret of the realm in a file of its owner alone, as REALM_CLIENT_SECRET_FILE reads it. */
export interface SecretStore {
  /** Throws Rejected where nothing could be stored. Changes nothing that stays. */
  probe(): Promise<void>;
  /** Proved by reading it back. What was there before lies beside it as `.previous`, until `forget`. */
  store(secret: string): Promise<void>;
  read(): Promise<string | undefined>;
  /** Those that lie here, the stored one first, then the former. */
  readAll(): Promise<string[]>;
  /** Removes the former secret; nothing where there is none. */
  forget(): Promise<void>;
}

export function createSecretStore(path: string): SecretStore {
  const file = createOwnFile(path);
  const former = createOwnFile(`${path}.previous`);

  async function textIn(one: OwnFile): Promise<string | undefined> {
    const text = (await one.read())?.toString('utf8').trim();
    if (!text) return undefined;
    registerSecret(text);
    return text;
  }

  const read = () => textIn(file);

  return {
    read,
    readAll: async () => [(await read()) ?? [], (await textIn(former)) ?? []].flat(),
    probe: () => file.probe(),
    async store(secret) {
      const before = await file.read();
      const content = Buffer.from(`${secret}\n`);
      // Proxmox and the provider still go by it.
      if (before && !before.equals(content)) await former.replace(before);
      await file.replace(content);
      if ((await read()) !== secret) throw new Rejected(`${path} does not give back what was stored there`);
    },
    async forget() {
      if (await former.read()) await former.remove();
    },
  };
}
