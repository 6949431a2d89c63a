import { messageOf } from '../../../domain/errors.js';
import { audited, type RecordBootstrap } from '../../../telemetry/bootstrap-audit.js';
import type { TokenDeclaration } from './declaration.js';
import { fullId } from './entries.js';
import { isNamedLike } from './family.js';
import type { AclEntry } from './observed.js';
import type { RotatePorts } from './rotate.js';
import type { Sink } from './sinks/sink.js';
import { rightOf } from './told-step.js';
import { deleteToken, revoke, type TokenId } from './writes.js';

export type RevokePorts = Pick<RotatePorts, 'client' | 'observed' | 'record'> & Partial<Pick<RotatePorts, 'openSink'>>;

/**
 * Takes a token away: its rights first, since Proxmox leaves their lines behind otherwise, then the token, then what its
 * sink still keeps of it. Gives remarks on what was left behind. Throws where the token lives on.
 */
export async function revokeToken(
  token: TokenId & { sink?: TokenDeclaration['sink'] | undefined },
  why: string,
  { client, observed, record, openSink }: RevokePorts,
  signal: AbortSignal,
): Promise<string[]> {
  const id = fullId(token);
  const rights = observed.acl.filter((entry) => entry.type === 'token' && entry.ugid === id);
  for (const entry of rights) await withdraw(entry, { client, record }, signal);
  await audited(record, { action: 'token.delete', target: 'proxmox', name: id, before: { why } }, () =>
    deleteToken(client, token, signal),
  );
  return openSink && token.sink ? forgetSecret(id, openSink(token.sink), record) : [];
}

/**
 * Removes what a sink keeps of a token that is no more, or of the former values of one that lives on with the secret
 * `except`. Gives remarks on what was left behind.
 */
export async function forgetSecret(
  id: string,
  sink: Sink,
  record: RecordBootstrap,
  except?: string,
): Promise<string[]> {
  const left: string[] = [];
  for (const part of sink.parts) {
    try {
      const what = { action: 'secret.forget', target: 'sink' as const, name: id, before: { sink: part.place } };
      const end = await audited(record, what, () => part.forget({ fullId: id, except }));
      if (end === 'unknown') left.push(`whether ${part.place} still keeps the dead secret of ${id} cannot be seen`);
    } catch (error) {
      left.push(`${part.place} may still keep the dead secret of ${id}: ${messageOf(error)}`);
    }
  }
  return left;
}

/** Takes one right of a token away. */
export async function withdraw(
  entry: AclEntry,
  { client, record }: Pick<RevokePorts, 'client' | 'record'>,
  signal: AbortSignal,
): Promise<void> {
  const what = { action: 'acl.revoke', target: 'proxmox' as const, name: entry.ugid, before: rightOf(entry) };
  await audited(record, what, () => revoke(client, entry, signal));
}

/**
 * Removes the secret of a token of this declaration that is no more: a run which died between the two has left it.
 * `observed`: what there is now, or was before tokens were taken away that are `gone`.
 */
export async function forgetDead(
  declared: TokenDeclaration,
  gone: ReadonlySet<string>,
  { observed, record, openSink }: Required<RevokePorts>,
): Promise<string[]> {
  const sink = openSink(declared.sink);
  const id = (await sink.read().catch(() => undefined))?.['full-tokenid'];
  if (id === undefined || !isNamedLike(declared, id)) return [];
  const name = id.slice(declared.owner.length + 1);
  const isThere = observed.owners.get(declared.owner)?.tokens.has(name) === true && !gone.has(id);
  return isThere ? [] : forgetSecret(id, sink, record);
}
