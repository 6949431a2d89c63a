import { z } from 'zod';
import { messageOf, Rejected } from '../../../domain/errors.js';
import { audited } from '../../../telemetry/bootstrap-audit.js';
import { registerSecret } from '../../../telemetry/redact.js';
import { ProxmoxError } from '../proxmox-error.js';
import type { TokenDeclaration } from './declaration.js';
import { entriesOf, fullId } from './entries.js';
import type { AclEntry } from './observed.js';
import { checkRights, checkRightsWith, describeDifference } from './prove-rights.js';
import { prepare } from './ready-sink.js';
import { forgetSecret, withdraw } from './revoke.js';
import type { RotatePorts } from './rotate.js';
import type { Sink } from './sinks/sink.js';
import { storeProved } from './sinks/store-proved.js';
import type { StoredToken } from './stored-token.js';
import { markOfToken, type TokenMark, tokenComment } from './token-mark.js';
import { commentToken, deleteToken, grant, makeToken, tokenRoute } from './writes.js';

/** The token that stands for a declaration now, and what is to be said of it. */
export interface Made {
  token: TokenDeclaration;
  remarks: string[];
}

/**
 * Makes a token beside the one that is there. The sink gets its secret only once it has proved that it may do what is
 * declared, so that what lies there works at every moment. Fails without a trace, but for a secret that has got into a
 * part of the sink and cannot be taken out again: then the new token lives, and so does the former.
 */
export async function makeSuccessor(token: TokenDeclaration, ports: RotatePorts, signal: AbortSignal): Promise<Made> {
  const { client, record } = ports;
  const id = fullId(token);
  const { sink, mark, expire } = await prepare(token, ports);
  const what = { action: 'token.create', target: 'proxmox' as const, name: id };
  const made = await audited(record, { ...what, after: { expire, privsep: token.privsep, sink: sink.place } }, () =>
    makeToken(client, token, { mark, expire }, signal),
  );
  const granted: AclEntry[] = [];
  let remarks: string[];
  try {
    for (const entry of entriesOf(token).filter(({ type }) => type === 'token')) {
      const { path, roleid, propagate } = entry;
      granted.push(entry);
      await audited(
        record,
        { action: 'acl.grant', target: 'proxmox', name: id, after: { path, roleid, propagate } },
        () => grant(client, entry, signal),
      );
    }
    remarks = await proveRights(made.value, token, ports, signal);
    await store(sink, made, ports);
  } catch (error) {
    throw new Rejected(`${messageOf(error)}; ${await undo(token, made, granted, sink, ports, signal)}`);
  }
  await noteStored(token, mark, ports, signal);
  return { token, remarks };
}

async function store(sink: Sink, made: StoredToken, { record }: RotatePorts): Promise<void> {
  const what = { action: 'secret.store', target: 'sink' as const, name: made['full-tokenid'] };
  await audited(record, { ...what, after: { sink: sink.place } }, () => storeProved(sink, made));
}

/** The same, place by place: where one fails, the others keep what works, since what lay there before is dead. */
async function storeEach(sink: Sink, made: StoredToken, ports: RotatePorts): Promise<void> {
  const failures: string[] = [];
  for (const part of sink.parts) {
    await store(part, made, ports).catch((error: unknown) => failures.push(messageOf(error)));
  }
  if (failures.length > 0) throw new Rejected(failures.join('; '));
}

/** Too little is an error. Too much is as it was with the former token, so it is told and stops nothing. */
async function proveRights(
  secret: string,
  token: TokenDeclaration,
  ports: RotatePorts,
  signal: AbortSignal,
): Promise<string[]> {
  const found = await checkRightsWith(secret, token, ports, signal);
  if (found.length === 0) return [];
  const told = describeDifference(fullId(token), found);
  if (found.some(({ missing }) => missing.length > 0)) throw new Rejected(`${told}; "entramox token apply" mends that`);
  return [told];
}

async function undo(
  token: TokenDeclaration,
  made: StoredToken,
  granted: readonly AclEntry[],
  sink: Sink,
  ports: RotatePorts,
  signal: AbortSignal,
): Promise<string> {
  const { client, record } = ports;
  const id = fullId(token);
  if (await isStoredSomewhere(sink, made)) {
    return `its secret may lie in ${sink.place}, so ${id} stays beside the former one; the next run goes on from there`;
  }
  try {
    for (const entry of granted) await withdraw(entry, ports, signal);
    const what = { action: 'token.delete', target: 'proxmox' as const, name: id };
    await audited(record, { ...what, before: { why: 'its secret could not be used' } }, () =>
      deleteToken(client, token, signal, true),
    );
    return `${id} was deleted again, and the former token goes on`;
  } catch (error) {
    return `and ${id} could not be deleted again (${messageOf(error)}); the next run does it, and the former token goes on`;
  }
}

async function isStoredSomewhere(sink: Sink, made: StoredToken): Promise<boolean> {
  for (const part of sink.parts) {
    // What cannot be looked at may hold it.
    const isThere = part.sealed === undefined ? part.has(made).catch(() => true) : part.mayKeep?.(made);
    if (await isThere) return true;
  }
  return false;
}

/**
 * Ends what a run that died has begun: its secret is in the sink. It is stored again, since of several places some may
 * lack it.
 */
export async function confirmStored(token: TokenDeclaration, ports: RotatePorts, signal: AbortSignal): Promise<Made> {
  const sink = ports.openSink(token.sink);
  const stored = await sink.read();
  const id = fullId(token);
  if (stored?.['full-tokenid'] !== id) throw new Rejected(`${sink.place} does not hold the secret of ${id} any more`);
  const seen = ports.observed.owners.get(token.owner)?.tokens.get(token.name);
  const mark = seen && markOfToken(seen.comment);
  if (!mark) throw new Rejected(`${id} is not marked as ours any more`);
  for (const entry of entriesOf(token).filter(({ type }) => type === 'token')) {
    const { path, roleid, propagate } = entry;
    await audited(
      ports.record,
      { action: 'acl.grant', target: 'proxmox', name: id, after: { path, roleid, propagate } },
      () => grant(ports.client, entry, signal),
    );
  }
  const remarks = await proveRights(stored.value, token, ports, signal);
  if (!(await sink.has(stored))) await store(sink, stored, ports);
  await noteStored(token, mark, ports, signal);
  return { token, remarks };
}

async function noteStored(
  token: TokenDeclaration,
  mark: TokenMark,
  { client, record }: RotatePorts,
  signal: AbortSignal,
): Promise<void> {
  const comment = tokenComment(token.comment, { ...mark, state: 'stored' });
  await audited(record, { action: 'token.confirm', target: 'proxmox', name: fullId(token) }, () =>
    commentToken(client, token, comment, signal),
  );
}

const regenerated = z.object({ value: z.string().regex(/^[\x21-\x7e]{8,200}$/) });

/**
 * A new secret for the same token. The former one is dead from this write on, whatever happens next. The same write
 * marks the token as not stored yet, so that a run which dies here is known to have left nobody with its secret.
 */
export async function regenerate(token: TokenDeclaration, ports: RotatePorts, signal: AbortSignal): Promise<Made> {
  const { client, record } = ports;
  const id = fullId(token);
  const { sink, mark, expire } = await prepare(token, ports);
  const body = { regenerate: 1, expire, comment: tokenComment(token.comment, mark) };
  const what = { action: 'token.regenerate', target: 'proxmox' as const, name: id };
  const { value } = await audited(record, { ...what, after: { expire, sink: sink.place } }, () =>
    client.write({ method: 'PUT', ...tokenRoute(token), body }, signal, regenerated).catch((error: unknown) => {
      throw isUnknownHere(error) ? new Rejected(withoutRegenerate(id)) : error;
    }),
  );
  registerSecret(value);
  const info = { comment: token.comment, expire, privsep: token.privsep ? (1 as const) : (0 as const) };
  try {
    await storeEach(sink, { 'full-tokenid': id, info, value }, ports);
  } catch (error) {
    const remedy = 'mend that and run the same again, which makes another';
    throw new Rejected(
      `the former secret of ${id} is dead, and the new one could not be stored: ${messageOf(error)}; ${remedy}`,
    );
  }
  const remarks = await proveRights(value, token, ports, signal);
  await noteStored(token, mark, ports, signal);
  const left = await forgetSecret(id, sink, record, value);
  return { token, remarks: [...remarks, ...left] };
}

/** An early 9.1 does not know the parameter, and has done nothing then (libpve-access-control before 9.1.0). */
function isUnknownHere(error: unknown): boolean {
  return error instanceof ProxmoxError && error.status === 400 && /regenerate/.test(error.text);
}

function withoutRegenerate(id: string): string {
  return `this Proxmox VE cannot make a new secret for ${id} in its place: upgrade libpve-access-control to 9.1.0, or rotate it without --immediate and revoke ${id} once its consumers have the new one`;
}

/** That the token works which is to be left alone with the work. Throws Rejected where that cannot be proved. */
export async function requireWorking(token: TokenDeclaration, ports: RotatePorts, signal: AbortSignal): Promise<void> {
  const id = fullId(token);
  const sink = ports.openSink(token.sink);
  const stored = await sink.read();
  // Where only others can read it, its mark has to do: it was proved before it was noted as stored.
  if (!stored && sink.sealed !== undefined) return requireStanding(token, ports);
  const found = await checkRights(token, ports, signal).catch((error: unknown) => {
    throw new Rejected(`nothing is revoked, since ${id} does not work: ${messageOf(error)}`);
  });
  if (found.some(({ missing }) => missing.length > 0)) {
    throw new Rejected(`nothing is revoked: ${describeDifference(id, found)}`);
  }
  if (!stored) return;
  for (const part of sink.parts) {
    // Whoever is served from there still has the former one.
    if (await part.has(stored)) continue;
    throw new Rejected(
      `nothing is revoked, since ${part.place} lacks the secret of ${id}: "entramox token apply" copies it`,
    );
  }
}

function requireStanding(token: TokenDeclaration, { observed, clock }: RotatePorts): void {
  const id = fullId(token);
  const owner = observed.owners.get(token.owner);
  const seen = owner?.tokens.get(token.name);
  const isOver = seen !== undefined && seen.expire !== 0 && seen.expire * 1000 <= clock.now();
  const isStored = seen !== undefined && markOfToken(seen.comment)?.state === 'stored';
  if (owner?.enabled && isStored && !isOver) return;
  throw new Rejected(`nothing is revoked, since ${id} has ended, is disabled or was never stored`);
}
