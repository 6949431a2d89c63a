import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { messageOf } from '../domain/errors.js';
import type { AuditOperator } from '../telemetry/audit.js';

/** Who is at the other end of a connection, as the kernel knows it. */
export type Peer = { proved: true; uid: number; name: string | undefined } | { proved: false; why: string };

/** Asks who connected. Never rejects. */
export type PeerOf = (socket: Socket) => Promise<Peer>;

export interface PeerOptions {
  /** Default: the perl of perl-base, which every Debian has. */
  perl?: string | undefined;
  timeoutMs?: number | undefined;
}

/**
 * Node cannot read SO_PEERCRED, the credentials that the kernel noted when the other end connected (unix(7)). Perl can,
 * on the connection that it inherits as descriptor 3; not as one of the first three, which Node would make blocking.
 */
const SCRIPT = [
  'use Socket qw(SOL_SOCKET SO_PEERCRED);',
  'open(my $peer, "+<&=", 3) or die "no descriptor: $!\\n";',
  'my $packed = getsockopt($peer, SOL_SOCKET, SO_PEERCRED) or die "no credentials: $!\\n";',
  'my (undef, $uid) = unpack("lLL", $packed);',
  'open(my $file, "<", "/proc/sys/kernel/overflowuid") or die "no overflow uid: $!\\n";',
  // The first is what the kernel says of a connection that is no Unix socket.
  'die "the kernel knows nobody there\\n" if $uid == 0xffffffff;',
  'die "the uid has no meaning in this user namespace\\n" if $uid == <$file>;',
  'print $uid, " ", scalar(getpwuid($uid)) // "", "\\n";',
].join(' ');

const MAX_OUTPUT = 4096;

/** Reads the peer of a Unix socket by a child of a few milliseconds. */
export function createPeerOf({ perl = '/usr/bin/perl', timeoutMs = 2000 }: PeerOptions = {}): PeerOf {
  return (socket) =>
    new Promise((resolve) => {
      const fd = descriptorOf(socket);
      if (fd === undefined) return resolve({ proved: false, why: 'the connection is over' });
      const child = spawn(perl, ['-e', SCRIPT], {
        stdio: ['ignore', 'pipe', 'pipe', fd],
        env: {},
        timeout: timeoutMs,
        killSignal: 'SIGKILL',
      } as const);
      let out = '';
      let err = '';
      child.stdout?.on('data', (text: Buffer) => {
        out = `${out}${text}`.slice(0, MAX_OUTPUT);
      });
      child.stderr?.on('data', (text: Buffer) => {
        err = `${err}${text}`.slice(0, MAX_OUTPUT);
      });
      child.once('error', (error) => resolve({ proved: false, why: messageOf(error) }));
      child.once('close', (code) => resolve(code === 0 ? peerIn(out) : { proved: false, why: whyOf(err, code) }));
    });
}

/** What the audit log keeps of an operator: what is proved beside what is claimed. */
export function auditOperator(peer: Peer, claimed: string | undefined): AuditOperator {
  if (!peer.proved) return { proof: 'claim', claimed, why: peer.why };
  return { uid: peer.uid, name: peer.name, proof: 'kernel', claimed };
}

function peerIn(text: string): Peer {
  const match = /^(\d{1,10}) ([^\n]*)\n$/.exec(text);
  if (!match) return { proved: false, why: 'perl answered something else' };
  return { proved: true, uid: Number(match[1]), name: match[2] || undefined };
}

function whyOf(err: string, code: number | null): string {
  const first = err.split('\n')[0]?.trim();
  return first || (code === null ? 'perl did not answer in time' : `perl ended with ${code}`);
}

/** Node keeps the descriptor of a socket in its handle, and offers no other way to it. */
function descriptorOf(socket: Socket): number | undefined {
  const { _handle: handle } = socket as unknown as { _handle?: { fd?: unknown } | null };
  return typeof handle?.fd === 'number' && handle.fd >= 0 ? handle.fd : undefined;
}
