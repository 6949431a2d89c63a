import type { UserView } from '../simulators/proxmox/index.js';
import type { Action } from './actions.js';
import { pass } from './drive.js';
import { CONFIRM_MS } from './settings.js';
import { MANAGED, markIn } from './truth.js';
import type { World } from './world.js';

/** What a step is measured against. */
export interface Before {
  users: readonly UserView[];
  names: ReadonlyMap<string, { name: string; uid: number }>;
  crashes: number;
  broken: number;
  hindered: boolean;
}

export function rememberBefore({ proxmox, host, crashes, broken, hindered }: World): Before {
  return {
    users: proxmox.users(),
    names: new Map(host.state.accounts.map(({ oid, name, uid }) => [oid, { name, uid }])),
    crashes,
    broken,
    hindered,
  };
}

/** Actions of other administrators, which change what is not ours. */
const BY_HAND: readonly Action['kind'][] = ['foreign-user', 'ghost', 'reopen-user', 'close-user', 'reopen-account'];

/** Judges the state of the targets after a step. */
export async function checkStep(world: World, before: Before, action: Action): Promise<void> {
  if (BY_HAND.includes(action.kind)) return;
  checkStrangers(world, before, action);
  checkNames(world, before);
  const unhindered = !before.hindered && !world.hindered && before.broken === world.broken;
  if (unhindered && before.crashes === world.crashes) await checkLeavers(world);
}

/** Users without our mark, and groups that are not ours, are as they were. */
function checkStrangers(world: World, before: Before, action: Action): void {
  for (const was of before.users) {
    const is = world.proxmox.user(was.userid);
    const ours = markIn(was.comment) !== undefined;
    const handedOver = action.kind === 'adopt' && is && markIn(is.comment) !== undefined;
    if (!ours && !handedOver && JSON.stringify(is) !== JSON.stringify(was) && action.kind !== 'adopt')
      world.safety.add('nobody unowned touched', `${was.userid} was changed: ${JSON.stringify(is)}`);
    const foreign = (user: UserView | undefined) => (user?.groups ?? []).filter((group) => !MANAGED.has(group)).join();
    if (foreign(is) !== foreign(was))
      world.safety.add('nobody unowned touched', `${was.userid} is in [${foreign(is)}], was in [${foreign(was)}]`);
  }
}

function checkNames(world: World, before: Before): void {
  const { accounts } = world.host.state;
  for (const [oid, { name, uid }] of before.names) {
    const now = accounts.find((account) => account.oid === oid);
    if (now?.uid !== uid) world.safety.add('names and uids stay with their people', `${name}: ${uid} is ${now?.uid}`);
  }
  for (const what of ['uid', 'name'] as const) {
    const values = accounts.map((account) => account[what]);
    if (new Set(values).size < values.length)
      world.safety.add('names and uids stay with their people', `two accounts share a ${what}`);
  }
}

/**
 * Whoever was said to be gone in this step, for certain, is shut out where nothing hindered it and nothing is held. Who
 * is open yet may have been judged a moment later than was said, and waits for the second word: that much time passes.
 */
async function checkLeavers(world: World): Promise<void> {
  const first = openLeavers(world);
  if (first.length === 0) return;
  await pass(world, 2 * CONFIRM_MS);
  for (const what of openLeavers(world)) {
    if (first.includes(what)) world.safety.add('every certain leaver locked', what);
  }
}

function openLeavers(world: World): string[] {
  const { guard } = world.ports().ctx.ledger.data;
  // Whom an operator is asked about, or decided to keep.
  const held = new Set([...(guard.held?.removals ?? []), ...(guard.rejected ?? [])].map(({ oid }) => oid));
  return [...world.truth.people.values()].flatMap(({ oid, upn }) => {
    const word = world.safety.word(oid);
    if ((word.kind !== 'gone' && word.kind !== 'suspended') || held.has(oid)) return [];
    if (word.last.step !== world.step || word.last.by !== 'single') return [];
    const account = world.host.state.accounts.find((item) => item.oid === oid);
    const open = account?.state === 'whole' && (!account.locked || account.sudo) ? [`the account ${account.name}`] : [];
    const users = world.proxmox.users().filter(({ enabled, comment }) => enabled && markIn(comment) === oid);
    return [...open, ...users.map(({ userid }) => `the Proxmox user ${userid}`)].map((what) => `${what} of ${upn}`);
  });
}
