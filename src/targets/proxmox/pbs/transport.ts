import { z } from 'zod';
import { messageOf } from '../../../domain/errors.js';
import { flag } from '../schema.js';
import { type RestOptions, restTransport } from '../transport/rest.js';
import type { ProxmoxTransport, TransportReply, TransportRequest } from '../transport/transport.js';
import { PBS_NAMES } from '../transport/way-names.js';
import { aclOf } from './answers.js';
import { pbsTokenCredential } from './credential.js';
import { translate } from './translate.js';

export interface PbsOptions extends Pick<RestOptions, 'baseUrl' | 'ca' | 'timeoutMs'> {
  /** `user@realm!id:secret`, or with `=`. */
  token: string;
  /** The file or setting that it came from. */
  tokenFrom: string;
}

const envelope = z.object({ data: z.unknown(), digest: z.string().nullish() });
const entries = z.array(z.object({ path: z.string(), ugid: z.string(), roleid: z.string(), propagate: flag }));

/**
 * Proxmox Backup Server behind the calls of Proxmox VE, so that tokens and realms of both are looked after by the same
 * code. Throws Rejected as `restTransport` does.
 */
export function pbsTransport({ token, tokenFrom, ...options }: PbsOptions): ProxmoxTransport {
  const rest = restTransport({ ...options, credential: pbsTokenCredential(token, tokenFrom), names: PBS_NAMES });

  async function send(request: TransportRequest, signal: AbortSignal): Promise<TransportReply> {
    // Before 4.0 a deletion leaves the rights behind, and whoever gets the same name later has them.
    const holder = request.method === 'DELETE' ? holderIn(request) : undefined;
    if (holder !== undefined) {
      const hindered = await revokeAll(holder, signal);
      if (hindered) return hindered;
    }
    return once(request, signal);
  }

  async function once(request: TransportRequest, signal: AbortSignal): Promise<TransportReply> {
    const { request: translated, answer } = translate(request);
    const reply = await rest.send(translated, signal);
    if (reply.kind !== 'answer' || reply.status >= 300 || !reply.body.ok) return inWords(reply);
    const read = envelope.safeParse(parse(reply.body.text));
    // What is not the API's is judged, and quoted, by the client.
    if (!read.success) return reply;
    try {
      const data = answer(read.data.data, read.data.digest ?? undefined);
      return { ...reply, body: { ok: true, text: JSON.stringify({ data: data ?? null }) } };
    } catch (error) {
      return { ...reply, body: { ok: false, why: `has an unexpected shape: ${messageOf(error).slice(0, 200)}` } };
    }
  }

  /** Takes away every right of a user with its tokens, or of a token; the reply that stood in the way. */
  async function revokeAll(holder: string, signal: AbortSignal): Promise<TransportReply | undefined> {
    const listed = await rest.send({ method: 'GET', route: '/access/acl' }, signal);
    if (listed.kind !== 'answer' || listed.status >= 300 || !listed.body.ok) return inWords(listed, LOOKING);
    const seen = entriesIn(listed.body.text);
    if (!seen) return { ...listed, body: { ok: false, why: 'has no list of rights, so nothing was deleted' } };
    for (const { path, ugid, roleid } of seen) {
      if (ugid !== holder && !ugid.startsWith(`${holder}!`)) continue;
      const body = { path, role: roleid, 'auth-id': ugid, delete: true };
      const reply = await rest.send({ method: 'PUT', route: '/access/acl', body }, signal);
      if (reply.kind !== 'answer' || reply.status >= 300) return inWords(reply, REVOKING);
    }
    return undefined;
  }

  return {
    ...rest,
    product: 'Proxmox Backup Server',
    advice: {
      silent: 'check the address and "systemctl status proxmox-backup-proxy"',
      strange: 'is it the address of a Proxmox Backup Server, and nothing in between?',
    },
    send,
  };
}

/** undefined: it is something else than the list of rights. */
function entriesIn(text: string): z.infer<typeof entries> | undefined {
  try {
    return entries.parse(aclOf(envelope.parse(parse(text)).data));
  } catch {
    return undefined;
  }
}

function holderIn({ params = {} }: TransportRequest): string | undefined {
  const { userid, tokenid } = params;
  return userid !== undefined && tokenid !== undefined ? `${userid}!${tokenid}` : userid;
}

/** What failed, where it is not the call itself. */
const LOOKING = 'looking at its rights before, GET /access/acl: ';
const REVOKING = 'taking its rights away before, PUT /access/acl: ';

/** Its errors are plain text and not JSON; the client reads the words of an error from JSON. */
function inWords(reply: TransportReply, before = ''): TransportReply {
  if (reply.kind !== 'answer' || reply.status < 300 || !reply.body.ok) return reply;
  const text = JSON.stringify({ message: before + (reply.body.text.trim() || reply.reason) });
  return { ...reply, body: { ok: true, text } };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
