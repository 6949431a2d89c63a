import { messageOf, Rejected } from '../../../domain/errors.js';
import { ProxmoxError } from '../proxmox-error.js';
import { permissionTree } from '../schema.js';
import type { ApplyPorts } from './apply.js';
import type { TokenDeclaration } from './declaration.js';
import { fullId } from './entries.js';
import { currentTokenId, familyOf } from './family.js';
import type { ObservedAccess } from './observed.js';
import type { SecretState } from './plan.js';
import type { Sink } from './sinks/sink.js';
import type { StoredToken } from './stored-token.js';

/** A declaration with the token that stands for it now. */
export interface Standing {
  /** Its `name` is that token's id; `family` the declared name where that is another. */
  token: TokenDeclaration;
  /** Of that token's secret; undefined: there is no such token. */
  secret: SecretState | undefined;
  /**
   * Whether some of several places may hold the secret of another of its tokens, since a run died there: that place gives
   * another one, or cannot be looked into. Asked only where a token is there whose secret counts as never stored.
   */
  isScattered?: boolean | undefined;
}

export type LookPorts = Pick<ApplyPorts, 'openSink' | 'connectAs'>;

/** Reads the sink of a declaration, finds the token that stands for it, and tries the secret. */
export async function standingOf(
  declared: TokenDeclaration,
  observed: ObservedAccess,
  ports: LookPorts,
  signal: AbortSignal,
): Promise<Standing> {
  const tokens = observed.owners.get(declared.owner)?.tokens;
  // Of what is not there nobody needs the secret; making it looks whether there is room for it.
  if (!tokens || tokens.size === 0) return { token: declared, secret: undefined };
  const sink = ports.openSink(declared.sink);
  const read = await readSink(sink);
  const storedId = 'stored' in read ? read.stored['full-tokenid'] : undefined;
  const name = currentTokenId(declared, tokens, storedId);
  const token = name === declared.name ? declared : { ...declared, name, family: declared.name };
  if (!tokens.has(name)) return { token, secret: undefined };
  const secret = 'stored' in read ? await tryOut(read.stored, fullId(token), ports, signal) : read;
  const others = familyOf(declared.name, tokens).filter((member) => member.name !== name);
  const isScattered = others.some(({ mark }) => mark.state === 'pending') && (await mayHoldOther(sink, fullId(token)));
  return { token, secret, isScattered };
}

async function mayHoldOther({ parts }: Sink, id: string): Promise<boolean> {
  if (parts.length < 2) return false;
  for (const part of parts) {
    try {
      const stored = await part.read();
      if (stored ? stored['full-tokenid'] !== id : part.sealed !== undefined && (await part.has())) return true;
    } catch (error) {
      if (error instanceof Rejected) return true;
      throw error;
    }
  }
  return false;
}

async function readSink(sink: Sink): Promise<{ stored: StoredToken } | SecretState> {
  try {
    const stored = await sink.read();
    if (stored) return { stored };
    return { state: sink.sealed !== undefined && (await sink.has()) ? 'sealed' : 'absent' };
  } catch (error) {
    if (error instanceof Rejected) return { state: 'unreadable', why: messageOf(error) };
    throw error;
  }
}

async function tryOut(
  stored: StoredToken,
  id: string,
  { connectAs }: LookPorts,
  signal: AbortSignal,
): Promise<SecretState> {
  if (stored['full-tokenid'] !== id) return { state: 'of-another' };
  try {
    const self = connectAs(id, stored.value);
    try {
      await self.get({ route: '/access/permissions' }, permissionTree, signal);
    } catch (error) {
      if (!(error instanceof ProxmoxError) || error.kind !== 'unauthenticated') throw error;
      return { state: 'refused', doubt: self.caller.doubt };
    } finally {
      await self.close();
    }
    return { state: 'valid' };
  } catch (error) {
    if (error instanceof Rejected) return { state: 'unreadable', why: messageOf(error) };
    throw error;
  }
}
