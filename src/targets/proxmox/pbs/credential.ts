import { Rejected } from '../../../domain/errors.js';
import type { Credential, Proof } from '../transport/credential.js';

/** An API token of Proxmox Backup Server; `from` names the setting or file. Throws Rejected for another shape. */
export function pbsTokenCredential(text: string, from: string): Credential {
  const token = tokenIn(text, from);
  // The secret stands behind a colon here, percent-decoded by the server (proxmox-backup, src/server/auth.rs).
  const headers = { authorization: `PBSAPIToken=${token.fullId}:${encodeURIComponent(token.secret)}` };
  const proof: Proof = { ok: true, headers: () => headers };
  return {
    caller: { kind: 'api-token', owner: token.owner, id: token.fullId, from },
    secrets: () => [token.secret],
    prove: async () => proof,
    refused: () => false,
  };
}

/** `user@realm!id:secret` as PBS has it, or with `=` as Proxmox VE has it and sinks give it. */
const SHAPE = /^(?:PBSAPIToken[= ])?([^\s:/!=]+@\w[\w.-]*)!(\w[\w.-]*)[:=]([\x21-\x7e]+)$/;

function tokenIn(text: string, from: string): { owner: string; fullId: string; secret: string } {
  const [, owner, name, secret] = SHAPE.exec(text.trim()) ?? [];
  if (!owner || !name || !secret) {
    throw new Rejected(`${from} holds no API token of Proxmox Backup Server: expected user@realm!name:secret`);
  }
  return { owner, fullId: `${owner}!${name}`, secret };
}
