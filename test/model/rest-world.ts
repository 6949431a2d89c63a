import { heal } from './disturb.js';
import { pass, untilAtRest } from './drive.js';
import { decide } from './operate.js';
import { type Picture, unlikeDesired } from './rest.js';
import { DELETE_AFTER_MS, HOUR_MS } from './settings.js';
import type { World } from './world.js';

const MOST_APPROVALS = 12;
const MINUTE_MS = 60_000;

/** Ends every fault, lets the countdowns run out, and looks whether everything is as it should be. */
export async function comeToRest(world: World): Promise<void> {
  heal(world);
  await untilAtRest(world);
  await sweepApproved(world);
  await pass(world, DELETE_AFTER_MS + HOUR_MS);
  // A group that seemed empty, and people who were adopted meanwhile, take a second look.
  await sweepApproved(world);
  await sweepApproved(world);
  await pass(world, HOUR_MS);
  const before = writes(world);
  await sweepApproved(world);
  if (writes(world) !== before) world.safety.add('at rest as desired', 'a sweep that should find all well wrote');
  for (const what of unlikeDesired(world.truth, pictureOf(world))) world.safety.add('at rest as desired', what);
  // Trailing looks end by themselves.
  for (let rounds = 0; rounds < 6 && (await world.ports().queue.stats()).pending > 0; rounds += 1) {
    await pass(world, 6 * MINUTE_MS);
  }
  await lookAtProcess(world);
}

/** Sweeps, and approves what is held, until nothing is held any more. */
async function sweepApproved(world: World): Promise<void> {
  for (let round = 0; round < MOST_APPROVALS; round += 1) {
    await world.put('sweep');
    await untilAtRest(world);
    if (!(await decide(world, 'approve', true))) return;
    await pass(world, 2 * HOUR_MS);
  }
}

function pictureOf(world: World): Picture {
  const conflicts = world
    .ports()
    .ctx.ledger.entries()
    .flatMap(({ oid, conflicts: own }) => own.map(({ target }) => `${target} ${oid}`));
  const groups = world.proxmox.groups().map((group) => world.proxmox.group(group)?.members ?? []);
  return {
    accounts: world.host.state.accounts,
    users: world.proxmox.users(),
    groupMembers: new Set(groups.flat()),
    foreignAccounts: world.host.state.foreignNames,
    conflicts: new Set(conflicts),
  };
}

/** Nothing waits, nothing was given up, nothing is said to be wrong. */
async function lookAtProcess(world: World): Promise<void> {
  const { queue, ctx } = world.ports();
  const { pending, processing, parked } = await queue.stats();
  const complain = (what: string) => world.safety.add('at rest as desired', what);
  if (pending + processing > 0) complain(`${pending} keys wait and ${processing} are worked on`);
  for (const { key, error } of parked) complain(`${key} was given up: ${error}`);
  for (const { upn, problem } of ctx.ledger.entries()) if (problem) complain(`${upn} still fails: ${problem}`);
  for (const problem of ctx.problems.values()) complain(`status says: ${problem}`);
  const held = ctx.ledger.data.guard.held;
  if (held) complain(`${held.removals.length} removals are held for ever: ${held.why}`);
}

/** Every write that reached a target so far. */
function writes(world: World): number {
  const users = world.proxmox.calls().filter(({ method }) => method !== 'GET').length;
  return users + world.host.written;
}
