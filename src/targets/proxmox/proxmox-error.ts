import { type Caller, describeCaller } from './caller.js';

/** What went wrong, as far as the reply tells: PVE answers 500 for most of it, and only the text differs. */
export type ProxmoxErrorKind =
  | 'no-such-user'
  | 'exists'
  | 'no-such-group'
  | 'permission'
  | 'unauthenticated'
  | 'lock-timeout'
  | 'no-quorum'
  | 'full'
  | 'bad-parameter'
  | 'unavailable'
  | 'other';

/** Proxmox VE answered with an error. The message names the call, the reply and the remedy. */
export class ProxmoxError extends Error {
  override readonly name = 'ProxmoxError';
  constructor(
    message: string,
    /** HTTP status; 0 where there was no answer. */
    readonly status: number,
    /** PVE's own text, on one line. */
    readonly text: string,
    readonly kind: ProxmoxErrorKind,
  ) {
    super(message);
  }
}

export interface ErrorReply {
  status: number;
  text: string;
  /** `PUT /access/users/alice@example.com@entra` */
  call: string;
  host: string;
  caller: Caller;
  /** Proxmox VE where it is not said. */
  product?: 'Proxmox Backup Server' | undefined;
}

/** The typed error of a reply with status >= 300. */
export function errorOf(reply: ErrorReply): ProxmoxError {
  const kind = kindOf(reply.status, reply.text);
  const said = reply.text ? `${reply.status} ${reply.text}` : `${reply.status}`;
  const { product = 'Proxmox VE', host, call } = reply;
  const remedy = reply.product ? remedyOfPbs(kind, reply) : remedyOf(kind, reply);
  const message = `${product} at ${host} answered ${call} with "${said}": ${remedy}`;
  return new ProxmoxError(message, reply.status, reply.text, kind);
}

/** The texts are those of libpve-access-control 9.1 and pve-cluster 9.1. */
export function kindOf(status: number, text: string): ProxmoxErrorKind {
  if (status === 401) return 'unauthenticated';
  if (status === 403) return 'permission';
  if (status === 429 || (status >= 502 && status <= 504) || (status >= 595 && status <= 599)) return 'unavailable';
  if (/got lock request timeout/i.test(text)) return 'lock-timeout';
  if (/no quorum/i.test(text)) return 'no-quorum';
  if (/- File too large/i.test(text)) return 'full';
  if (/no such user\b/i.test(text)) return 'no-such-user';
  if (/no such group\b|\bgroup '[^']*' does not exist/i.test(text)) return 'no-such-group';
  if (/already exists/i.test(text)) return 'exists';
  if (/permission check failed/i.test(text)) return 'permission';
  if (status === 400 || /parameter verification failed/i.test(text)) return 'bad-parameter';
  return 'other';
}

function remedyOf(kind: ProxmoxErrorKind, { status, text, host, caller }: ErrorReply): string {
  switch (kind) {
    case 'no-such-user':
      return 'the user is gone, or was renamed; the next pass looks again';
    case 'exists':
      return 'something of that name was there already; the next pass looks again';
    case 'no-such-group':
      return 'create the managed group and its ACL (pveum group add ..., pveum acl modify ...); "doctor" prints both';
    case 'permission':
      return `${describeCaller(caller)} lacks a privilege${missingIn(text)}; grant it with pveum acl modify (a token with privsep=1 needs the ACL for itself and for its user)`;
    case 'unauthenticated':
      return caller.kind === 'api-token'
        ? `${describeCaller(caller)} is wrong, expired or deleted, or its user is disabled; check ${caller.from} and "pveum user token list"${caller.doubt ? `; or ${caller.doubt}` : ''}`
        : `${describeCaller(caller)} is not let in any more; is it enabled and not expired ("pveum user list")?`;
    case 'lock-timeout':
      return 'another task holds the lock on user.cfg; tried again later';
    case 'no-quorum':
      return 'the cluster has no quorum and is read-only; bring its nodes back ("pvecm status")';
    case 'full':
      return 'user.cfg has reached its limit of 1 MiB; delete users, tokens or ACLs that nobody needs';
    case 'bad-parameter':
      return 'a value breaks a rule of PVE; correct it at its source';
    case 'unavailable':
      return 'the API is restarting or a proxy in front of it cannot reach it ("systemctl status pveproxy pvedaemon")';
    case 'other':
      return status >= 300 && status < 400
        ? `a redirect is never followed; is PVE_API_URL right, and https? It points to ${host}`
        : `look at the journal of pvedaemon and pveproxy on ${host}`;
    default:
      return kind satisfies never;
  }
}

function remedyOfPbs(kind: ProxmoxErrorKind, { host, caller }: ErrorReply): string {
  switch (kind) {
    case 'permission':
      return `${describeCaller(caller)} lacks a privilege; grant it with proxmox-backup-manager acl update (a token needs it for itself and for its user)`;
    case 'unauthenticated':
      return `${describeCaller(caller)} is wrong, expired, disabled or deleted, or its user is; check ${caller.from} and "proxmox-backup-manager user list-tokens"`;
    case 'bad-parameter':
      return 'a value breaks a rule of it, or what is named is not there';
    default:
      return `look at the journal of proxmox-backup and proxmox-backup-proxy on ${host}`;
  }
}

function missingIn(text: string): string {
  const match = /\(([^(),\s]+),\s*([^()]+)\)/.exec(text);
  return match ? ` (${match[2]} on ${match[1]})` : '';
}
