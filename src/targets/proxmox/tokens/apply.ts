import { z } from 'zod';
import type { Clock } from '../../../domain/clock.js';
import { messageOf, Rejected } from '../../../domain/errors.js';
import { audited, type RecordBootstrap } from '../../../telemetry/bootstrap-audit.js';
import type { ProxmoxClient, ProxmoxWrite } from '../client.js';
import { text } from '../schema.js';
import { copySecret } from './copies.js';
import type { TokenDeclaration } from './declaration.js';
import type { DeclaredSink } from './declared-sink.js';
import { fullId } from './entries.js';
import { expectedExpiry } from './expiry.js';
import { isNamedLike } from './family.js';
import type { AclEntry, ObservedAccess } from './observed.js';
import type { TokenPlan, TokenStep } from './plan.js';
import { compareRights, type RightsDifference } from './rights-check.js';
import type { Sink } from './sinks/sink.js';
import { storeProved } from './sinks/store-proved.js';
import { markOfToken, type TokenMark, tokenComment, wholeSeconds } from './token-mark.js';
import { describeTokenStep } from './told-step.js';
import { commentToken, deleteToken, grant, makeToken, revoke, tokenRoute } from './writes.js';

export interface ApplyPorts {
  client: ProxmoxClient;
  observed: ObservedAccess;
  /** With the ids that stand for them now, see `currentTokenId`. */
  declared: readonly TokenDeclaration[];
  clock: Clock;
  openSink: (declared: DeclaredSink) => Sink;
  /** A client that is the token of this secret; closed by the caller of it. */
  connectAs: (fullId: string, secret: string) => ProxmoxClient;
}

/** What one step came to. `skipped`: it rests on one that failed. */
export type StepResult =
  | { step: TokenStep; result: 'done' | 'skipped' }
  | { step: TokenStep; result: 'failed'; error: string };

/** Does the steps in their order. A failure stops what rests on it and nothing else. */
export async function applyTokens(
  plan: TokenPlan,
  ports: ApplyPorts,
  signal: AbortSignal,
  record: RecordBootstrap,
): Promise<StepResult[]> {
  const broken = new Set<string>();
  const results: StepResult[] = [];
  for (const step of plan.steps) {
    signal.throwIfAborted();
    if (restsOn(step).some((thing) => broken.has(thing))) {
      for (const thing of makes(step)) broken.add(thing);
      results.push({ step, result: 'skipped' });
      continue;
    }
    try {
      await audited(record, describeTokenStep(step), () => perform(step, ports, signal));
      results.push({ step, result: 'done' });
    } catch (error) {
      signal.throwIfAborted();
      for (const thing of makes(step)) broken.add(thing);
      results.push({ step, result: 'failed', error: messageOf(error) });
    }
  }
  return results;
}

/** What a step brings about, for those that rest on it. */
function makes(step: TokenStep): string[] {
  switch (step.do) {
    case 'owner.create':
    case 'owner.mark':
      return [`owner ${step.owner}`];
    case 'role.create':
    case 'role.change':
      return [`role ${step.role}`];
    case 'acl.grant':
      return [`rights of ${step.entry.ugid}`];
    case 'token.delete':
      return [`room for ${fullId(step)}`];
    case 'token.create':
    case 'token.change':
      return [`token ${fullId(step.declaration)}`];
    default:
      return [];
  }
}

function restsOn(step: TokenStep): string[] {
  switch (step.do) {
    case 'role.create':
      // Its owner's comment says that it is ours; without, it would be somebody else's from then on.
      return [`owner ${step.owner}`];
    case 'acl.grant': {
      const { type, ugid, roleid } = step.entry;
      return [`role ${roleid}`, type === 'token' ? `token ${ugid}` : `owner ${ugid}`];
    }
    case 'token.create': {
      const { owner, role } = step.declaration;
      return [`owner ${owner}`, `role ${role}`, `rights of ${owner}`, `room for ${fullId(step.declaration)}`];
    }
    case 'token.change':
      // Without them it would have none once it may have rights of its own.
      return [`owner ${step.declaration.owner}`, `rights of ${fullId(step.declaration)}`];
    case 'secret.copy':
      return [`token ${fullId(step.declaration)}`];
    case 'token.confirm': {
      const id = fullId(step.declaration);
      return [`token ${id}`, `rights of ${id}`, `rights of ${step.declaration.owner}`, `role ${step.declaration.role}`];
    }
    default:
      return [];
  }
}

async function perform(step: TokenStep, ports: ApplyPorts, signal: AbortSignal): Promise<void> {
  const { client } = ports;
  const write = async (call: ProxmoxWrite) => {
    await client.write(call, signal);
  };
  switch (step.do) {
    case 'owner.create': {
      const { owner, comment } = step;
      // No password: nothing can log in as this user, and the token needs none.
      return write({ method: 'POST', route: '/access/users', body: { userid: owner, comment, enable: 1 } });
    }
    case 'owner.mark':
    case 'owner.release': {
      const params = { userid: step.owner };
      return write({ method: 'PUT', route: '/access/users/{userid}', params, body: { comment: step.comment } });
    }
    case 'owner.delete':
      return write({ method: 'DELETE', route: '/access/users/{userid}', params: { userid: step.owner } });
    case 'role.create': {
      const body = { roleid: step.role, privs: step.privileges.join(',') };
      return write({ method: 'POST', route: '/access/roles', body });
    }
    case 'role.change': {
      const call = { route: '/access/roles/{roleid}', params: { roleid: step.role } };
      return write({ method: 'PUT', ...call, body: { privs: step.privileges.join(','), append: 0 } });
    }
    case 'role.delete':
      return write({ method: 'DELETE', route: '/access/roles/{roleid}', params: { roleid: step.role } });
    case 'acl.grant':
      return grant(client, step.entry, signal);
    case 'acl.revoke':
      return revoke(client, step.entry, signal);
    case 'token.delete':
      return deleteToken(client, step, signal);
    case 'token.change': {
      const { declaration, mark, expire } = step;
      const comment = tokenComment(declaration.comment, mark);
      const body = { expire, privsep: declaration.privsep ? 1 : 0, comment };
      return write({ method: 'PUT', ...tokenRoute(declaration), body });
    }
    case 'token.create':
      return createToken(step.declaration, ports, signal);
    case 'token.confirm': {
      const found = await checkRights(step.declaration, ports, signal);
      if (found.length > 0) throw new Rejected(describeDifference(fullId(step.declaration), found));
      return confirmToken(step.declaration, ports, signal);
    }
    case 'secret.copy':
      return copySecret(step.declaration, step.places, ports.openSink);
    default:
      return step satisfies never;
  }
}

/** Nothing but what was of this declaration may lie where the secret goes. */
export async function requireRoom(token: TokenDeclaration, sink: Sink): Promise<void> {
  const declared = { owner: token.owner, name: token.family ?? token.name };
  for (const { place, read } of sink.parts) {
    const there = await read();
    if (!there || isNamedLike(declared, there['full-tokenid'])) continue;
    throw new Rejected(`${place} holds the secret of ${there['full-tokenid']}: move it away, or name another place`);
  }
}

const commented = z.object({ comment: text });

/** What the token may do, asked with the secret that its sink gives back, so that this is proved as well. */
export async function checkRights(
  token: TokenDeclaration,
  ports: RightsPorts,
  signal: AbortSignal,
): Promise<RightsDifference[]> {
  const id = fullId(token);
  const stored = await ports.openSink(token.sink).read();
  if (stored?.['full-tokenid'] !== id) throw new Rejected(`${token.sink.place} does not hold the secret of ${id}`);
  return checkRightsWith(stored.value, token, ports, signal);
}

export type RightsPorts = Pick<ApplyPorts, 'openSink' | 'connectAs' | 'declared' | 'observed'>;

/** What the token may do, asked with this secret of it. */
export async function checkRightsWith(
  secret: string,
  token: TokenDeclaration,
  { connectAs, declared, observed }: Omit<RightsPorts, 'openSink'>,
  signal: AbortSignal,
): Promise<RightsDifference[]> {
  const self = connectAs(fullId(token), secret);
  const privileges = new Map(declared.flatMap(({ role, privileges }) => (privileges ? [[role, privileges]] : [])));
  const privilegesOf = (role: string) => privileges.get(role) ?? [...(observed.roles.get(role) ?? [])];
  const hasOwnEntry = (path: string) =>
    observed.acl.some((entry) => entry.path === path && isFor(token, entry, observed));
  try {
    return await compareRights(self, token, { declared, privilegesOf, hasOwnEntry }, signal);
  } finally {
    await self.close();
  }
}

function isFor(token: TokenDeclaration, { type, ugid }: AclEntry, { owners }: ObservedAccess): boolean {
  if (type === 'group') return owners.get(token.owner)?.isInGroup === true;
  return ugid === token.owner || ugid === fullId(token);
}

/** One line: what is missing and what is too much, by path. */
export function describeDifference(id: string, found: readonly RightsDifference[]): string {
  const parts = found.map(({ path, missing, surplus }) => {
    const lacks = missing.length > 0 ? [`lacks ${missing.join(', ')}`] : [];
    const exceeds = surplus.length > 0 ? [`has ${surplus.join(', ')} too much`] : [];
    return `on ${path} it ${[...lacks, ...exceeds].join(' and ')}`;
  });
  return `${id} may not do exactly what was declared: ${parts.join('; ')}`;
}

/** PVE shows the secret once: unless it is stored and read back, the token is taken away again. */
async function createToken(token: TokenDeclaration, ports: ApplyPorts, signal: AbortSignal): Promise<void> {
  const { client, clock } = ports;
  const sink = ports.openSink(token.sink);
  await requireRoom(token, sink);
  await sink.probe();
  const mark: TokenMark = { state: 'pending', family: token.family, since: wholeSeconds(clock.now()) };
  const made = await makeToken(client, token, { mark, expire: expectedExpiry(token, mark) }, signal);
  try {
    await storeProved(sink, made);
  } catch (error) {
    const why = `the secret of ${fullId(token)} could not be stored: ${messageOf(error)}`;
    const undone = await deleteToken(client, token, signal, true).then(
      () => 'the token was deleted again',
      (second: unknown) => `and the token could not be deleted again (${messageOf(second)}); the next run does it`,
    );
    throw new Rejected(`${why}; ${undone}`);
  }
}

/** Notes that the secret is stored, and nothing else that the comment says. */
async function confirmToken(token: TokenDeclaration, { client }: ApplyPorts, signal: AbortSignal): Promise<void> {
  const { comment } = await client.get({ ...tokenRoute(token) }, commented, signal);
  const mark = markOfToken(comment) ?? { family: token.family };
  await commentToken(client, token, tokenComment(token.comment, { ...mark, state: 'stored' }), signal);
}
