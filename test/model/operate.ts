import { heldIn, rejectedIn } from '../../src/operator/views.js';
import { untilAtRest } from './drive.js';
import { REALM } from './settings.js';
import { isInScope, type Person, userIdOf } from './truth.js';
import type { World } from './world.js';

/** Undefined where the process died over it or refused. */
async function ask(world: World, path: string, body: unknown): Promise<unknown> {
  const answer = await untilAtRest(world, world.process().operator.call('POST', path, body).catch(lost(world)));
  return answer?.status === 200 ? (answer.body ?? {}) : undefined;
}

/** `entramox resync` of one person. */
export async function resync(world: World, { oid }: Person): Promise<void> {
  const answer = world.process().operator.stream('/resync', { who: oid }, () => undefined);
  await untilAtRest(world, answer.catch(lost(world)));
}

/** A connection that a dying process drops is part of the game. */
function lost(world: World): (error: unknown) => undefined {
  const asked = world.process();
  return (error) => {
    if (asked.gate.alive() && asked === world.process()) throw error;
    return undefined;
  };
}

function statusOf(world: World) {
  const { data } = world.ports().ctx.ledger;
  return { held: heldIn(data), rejected: rejectedIn(data) };
}

/** What waits for an operator, or was refused by one: the hash, and whom it is about. */
function openPlans(world: World): { hash: string; oids: string[] }[] {
  const { held, rejected } = statusOf(world);
  return [...(held ? [held] : []), ...(rejected ?? [])].map(({ hash, removals }) => ({
    hash,
    oids: removals.map(({ oid }) => oid),
  }));
}

/** Decides on the plan that waits; with `rejectedToo` also on those that were refused. False: there was nothing. */
export async function decide(world: World, kind: 'approve' | 'reject', rejectedToo = false): Promise<boolean> {
  const [plan] = rejectedToo || statusOf(world).held ? openPlans(world) : [];
  if (!plan) return false;
  if (kind === 'approve') world.safety.noteApproval(plan.oids);
  await ask(world, `/${kind}`, { hash: plan.hash });
  await untilAtRest(world);
  return true;
}

/** `entramox adopt` of one person's Proxmox user, with what root has to do before. */
export async function adopt(world: World, person: Person): Promise<void> {
  const userid = userIdOf(person.upn);
  if (!userid || !isInScope(world.truth, person)) return;
  const user = world.proxmox.user(userid);
  // Root's half of it, which the preview prints.
  if (user) world.proxmox.setUser(userid, { groups: [...new Set([...user.groups, `entramox-${REALM}`])] });
  world.safety.noteAdoption(userid);
  await ask(world, '/adopt', { who: person.oid, apply: true });
  await untilAtRest(world);
}
