import { z } from 'zod';
import type { Clock } from '../../../domain/clock.js';
import { messageOf, Rejected } from '../../../domain/errors.js';
import { audited, type RecordBootstrap } from '../../../telemetry/bootstrap-audit.js';
import type { ProxmoxClient, ProxmoxWrite } from '../client.js';
import { text } from '../schema.js';
import { copySecret } from './copies.js';
import type { TokenDeclaration } from './declaration.js';
import { fullId } from './entries.js';
import type { TokenPlan, TokenStep } from './plan.js';
import { checkRights, describeDifference, type RightsPorts } from './prove-rights.js';
import { prepare } from './ready-sink.js';
import { storeProved } from './sinks/store-proved.js';
import { makes, restsOn } from './step-order.js';
import { markOfToken, tokenComment } from './token-mark.js';
import { describeTokenStep } from './told-step.js';
import { commentToken, deleteToken, grant, makeToken, revoke, tokenRoute } from './writes.js';

export interface ApplyPorts extends RightsPorts {
  client: ProxmoxClient;
  clock: Clock;
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

const commented = z.object({ comment: text });

/** PVE shows the secret once: unless it is stored and read back, the token is taken away again. */
async function createToken(token: TokenDeclaration, ports: ApplyPorts, signal: AbortSignal): Promise<void> {
  const { client } = ports;
  const { sink, mark, expire } = await prepare(token, ports);
  const made = await makeToken(client, token, { mark, expire }, signal);
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
