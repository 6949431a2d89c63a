import { Rejected } from '../../../../domain/errors.js';
import { parseApiToken } from '../../api-token.js';
import { readStored } from '../stored-token.js';
import { createFileKeeper } from './file-keeper.js';
import type { Sink } from './sink.js';

/**
 * A file of its owner's alone with `user@realm!id=secret`, as PVE_API_TOKEN and systemd's LoadCredential want it. It
 * keeps nothing but that: comment and expiry are Proxmox's to tell.
 */
export function createCredentialFile(path: string): Sink {
  return createFileKeeper(path, path, {
    probe: async () => undefined,
    async wrap(text) {
      const stored = readStored(text);
      if (!stored.ok) throw new Rejected(`what should go to ${path} ${stored.why}`);
      return Buffer.from(`${stored.token['full-tokenid']}=${stored.token.value}\n`);
    },
    async unwrap(content) {
      const { fullId, secret } = tokenIn(content.toString('utf8'), path);
      return JSON.stringify({ 'full-tokenid': fullId, info: {}, value: secret });
    },
  });
}

function tokenIn(text: string, path: string): { fullId: string; secret: string } {
  try {
    return parseApiToken(text.trim().replace(/^PVEAPIToken[= ]/, ''));
  } catch {
    // Says of no setting that it is wrong, since this is none.
    throw new Rejected(`${path} holds something else than an API token as user@realm!id=secret: move it away`);
  }
}
