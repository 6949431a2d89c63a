import { parseApiToken } from '../api-token.js';
import type { Credential, Proof } from './credential.js';

/**
 * An API token, `user@realm!id=secret`; `from` names the setting or file, `doubt` is that of a Caller. Throws Rejected
 * for another shape.
 */
export function apiTokenCredential(text: string, from: string, doubt?: string): Credential {
  const token = parseApiToken(text, from);
  const headers = { authorization: `PVEAPIToken=${token.fullId}=${token.secret}` };
  const proof: Proof = { ok: true, headers: () => headers };
  return {
    caller: { kind: 'api-token', owner: token.owner, id: token.fullId, from, doubt },
    secrets: () => [token.secret],
    prove: async () => proof,
    refused: () => false,
  };
}
