import type { ActionOf } from './actions.js';
import { calm } from './drive.js';
import { personOf } from './people.js';
import { isActive, userIdOf } from './truth.js';
import type { World } from './world.js';

/** What other administrators do by hand. */
export async function tamper(
  world: World,
  { kind, person }: ActionOf<'foreign-user' | 'ghost' | 'reopen-user' | 'close-user' | 'reopen-account'>,
): Promise<void> {
  const { oid, upn } = personOf(world, person);
  const userid = userIdOf(upn);
  const user = userid === undefined ? undefined : world.proxmox.user(userid);
  const account = world.host.state.accounts.find((item) => item.oid === oid);
  world.hindered = true;
  if (kind === 'foreign-user' && userid && !user && userid.toLowerCase() === userid)
    world.proxmox.addUser({ userid, comment: 'made by hand', groups: ['theirs'] });
  if (kind === 'ghost' && userid && !user) world.proxmox.addGroup(`ghosts${world.step}`, { members: [userid] });
  if (kind === 'reopen-user' && user) world.proxmox.setUser(user.userid, { enabled: true });
  if (kind === 'close-user' && user) world.proxmox.setUser(user.userid, { enabled: false });
  if (kind === 'reopen-account' && account?.state === 'whole') {
    Object.assign(account, { locked: false, lockedSince: null, sudo: isActive(world.truth, personOf(world, person)) });
  }
  await calm(world);
}
