import { messageOf, Rejected } from '../../../domain/errors.js';
import { registerSecret } from '../../../telemetry/redact.js';
import type { ProxmoxClient, ProxmoxWrite } from '../client.js';
import type { TokenDeclaration } from './declaration.js';
import type { DeclaredSink } from './declared-sink.js';
import { fullId } from './entries.js';
import { type TokenMark, tokenComment } from './marks.js';
import type { AclEntry, ObservedAccess } from './observed.js';
import type { TokenPlan, TokenStep } from './plan.js';
import { compareRights, type RightsDifference } from './rights-check.js';
import type { Sink } from './sinks/sink.js';
import { storedToken } from './stored-token.js';

export interface ApplyPorts {
  client: ProxmoxClient;
  observed: ObservedAccess;
  declared: readonly TokenDeclaration[];
  openSink: (declared: DeclaredSink) => Sink;
  /** A client that is the token of this secret; closed by the caller of it. */
  connectAs: (fullId: string, secret: string) => ProxmoxClient;
}

/** What one step came to. `skipped`: it rests on one that failed. */
export type StepResult =
  | { step: TokenStep; result: 'done' | 'skipped' }
  | { step: TokenStep; result: 'failed'; error: string };

/** Does the steps in their order. A failure stops what rests on it and nothing else. */
export async function applyTokens(plan: TokenPlan, ports: ApplyPorts, signal: AbortSignal): Promise<StepResult[]> {
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
      await perform(step, ports, signal);
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
      return [`owner ${step.declaration.owner}`];
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
      return write({ method: 'PUT', route: '/access/acl', body: aclBody(step.entry) });
    case 'acl.revoke':
      return write({ method: 'PUT', route: '/access/acl', body: { ...aclBody(step.entry), delete: 1 } });
    case 'token.delete':
      return write({ method: 'DELETE', ...tokenRoute(step) });
    case 'token.change': {
      const body = settingsOf(step.declaration, step.mark);
      return write({ method: 'PUT', ...tokenRoute(step.declaration), body });
    }
    case 'token.create':
      return createToken(step.declaration, ports, signal);
    case 'token.confirm': {
      const found = await checkRights(step.declaration, ports, signal);
      if (found.length > 0) throw new Rejected(describeDifference(fullId(step.declaration), found));
      const { comment } = settingsOf(step.declaration, 'stored');
      return write({ method: 'PUT', ...tokenRoute(step.declaration), body: { comment } });
    }
    default:
      return step satisfies never;
  }
}

/** What the token may do, asked with the secret that its sink gives back, so that this is proved as well. */
export async function checkRights(
  token: TokenDeclaration,
  { openSink, connectAs, declared, observed }: Omit<ApplyPorts, 'client'>,
  signal: AbortSignal,
): Promise<RightsDifference[]> {
  const id = fullId(token);
  const stored = await openSink(token.sink).read();
  if (stored?.['full-tokenid'] !== id) throw new Rejected(`${token.sink.place} does not hold the secret of ${id}`);
  const self = connectAs(id, stored.value);
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
  const { client } = ports;
  const sink = ports.openSink(token.sink);
  const there = await sink.read();
  if (there && there['full-tokenid'] !== fullId(token)) {
    throw new Rejected(
      `${sink.place} holds the secret of ${there['full-tokenid']}: move it away, or name another place`,
    );
  }
  await sink.probe();
  const body = settingsOf(token, 'pending');
  const made = await client.write({ method: 'POST', ...tokenRoute(token), body }, signal, storedToken);
  registerSecret(made.value);
  try {
    // The comment of the file is the declared one; the mark is for Proxmox alone.
    await sink.store({ ...made, info: { ...made.info, comment: token.comment } });
    const back = await sink.read();
    if (back?.value !== made.value) throw new Rejected(`${sink.place} does not give back what was stored there`);
  } catch (error) {
    const why = `the secret of ${fullId(token)} could not be stored: ${messageOf(error)}`;
    const undone = await client.write({ method: 'DELETE', ...tokenRoute(token), urgent: true }, signal).then(
      () => 'the token was deleted again',
      (second: unknown) => `and the token could not be deleted again (${messageOf(second)}); the next run does it`,
    );
    throw new Rejected(`${why}; ${undone}`);
  }
}

function settingsOf(token: TokenDeclaration, mark: TokenMark) {
  const { expire, privsep, comment } = token;
  return { expire, privsep: privsep ? 1 : 0, comment: tokenComment(comment, mark) };
}

function tokenRoute({ owner, name }: Pick<TokenDeclaration, 'owner' | 'name'>) {
  return { route: '/access/users/{userid}/token/{tokenid}', params: { userid: owner, tokenid: name } };
}

function aclBody({ path, type, ugid, roleid, propagate }: AclEntry) {
  const holder = { user: 'users', group: 'groups', token: 'tokens' }[type];
  return { path, roles: roleid, propagate: propagate ? 1 : 0, [holder]: ugid };
}
