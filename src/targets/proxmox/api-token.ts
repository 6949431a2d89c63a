import { Rejected } from '../../domain/errors.js';

/** A Proxmox VE API token in its parts. `secret` must never reach a log, a message or a metric. */
export interface ApiToken {
  /** The user that the token belongs to, `svc@pve`. */
  owner: string;
  /** `svc@pve!entramox`: names the token, and is no secret. */
  fullId: string;
  secret: string;
}

/** What stands before it in a header is pasted along now and then. */
const SHAPE = /^(?:PVEAPIToken[= ])?([^\s:/!=]+@[A-Za-z][A-Za-z0-9.\-_]+)!([A-Za-z][A-Za-z0-9.\-_]+)=([\x21-\x7e]+)$/;

/**
 * The parts of `user@realm!id=secret`; `from` is the setting or file that it comes from. Throws Rejected, without the
 * value, where the text has another shape.
 */
export function parseApiToken(text: string, from = 'PVE_API_TOKEN'): ApiToken {
  const match = SHAPE.exec(text.trim());
  const [, owner, id, secret] = match ?? [];
  if (!owner || !id || !secret) {
    throw new Rejected(
      `${from} is not a Proxmox VE API token: expected user@realm!tokenid=secret, ` +
        'as "pveum user token add USER@REALM ID" prints it (full-tokenid, then =, then value)',
    );
  }
  return { owner, fullId: `${owner}!${id}`, secret };
}
