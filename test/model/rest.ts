import type { SimulatedAccount } from '../simulators/accounts/state.js';
import type { UserView } from '../simulators/proxmox/index.js';
import { dueTo, isActive, isInScope, MANAGED, markIn, type Person, type Truth, unixNameOf, userIdOf } from './truth.js';

/** Both targets as they are, and what status tells of people who cannot be served. */
export interface Picture {
  accounts: readonly SimulatedAccount[];
  users: readonly UserView[];
  /** Every userid that a PVE group names. */
  groupMembers: ReadonlySet<string>;
  foreignAccounts: readonly string[];
  /** `linux <oid>` and `proxmox <oid>` of every conflict that is shown. */
  conflicts: ReadonlySet<string>;
}

/** Everything that is not as it should be once all faults are over and time has passed. */
export function unlikeDesired(truth: Truth, picture: Picture): string[] {
  return [...truth.people.values()].flatMap((person) => [
    ...linuxUnlike(truth, picture, person),
    ...proxmoxUnlike(truth, picture, person),
  ]);
}

function linuxUnlike(truth: Truth, picture: Picture, person: Person): string[] {
  const account = picture.accounts.find(({ oid }) => oid === person.oid);
  const who = `${person.upn} (${person.oid})`;
  if (!isActive(truth, person)) {
    if (!account || account.state === 'deleted') return [];
    if (!isInScope(truth, person)) return [`${who} left long ago, and the account ${account.name} is still there`];
    return account.locked && !account.sudo ? [] : [`${who} is disabled, and the account ${account.name} is open`];
  }
  if (!account) {
    const obstacle = linuxObstacle(truth, picture, person);
    if (!obstacle) return [`${who} has no account, and nothing stands in the way`];
    return picture.conflicts.has(`linux ${person.oid}`) ? [] : [`${who}: ${obstacle}, and status is silent`];
  }
  const due = dueTo(truth, person);
  if (account.state !== 'whole' || account.locked) return [`${who}: the account ${account.name} is not open`];
  const has = `${account.sudo} ${account.groups.join(' ')}`;
  const wants = `${due.sudo} ${due.linuxGroups.join(' ')}`;
  return has === wants ? [] : [`${who} has ${has} on Linux, and should have ${wants}`];
}

function linuxObstacle(truth: Truth, picture: Picture, person: Person): string | undefined {
  const name = unixNameOf(person.upn);
  if (name === undefined) return 'no Unix name can be made';
  if (picture.foreignAccounts.includes(name)) return `${name} is somebody else's`;
  if (picture.accounts.some((account) => account.name === name)) return `${name} is, or was, another person's`;
  const rivals = [...truth.people.values()].filter(
    (other) =>
      other !== person &&
      isActive(truth, other) &&
      unixNameOf(other.upn) === name &&
      !picture.accounts.some(({ oid }) => oid === other.oid),
  );
  return rivals.length > 0 ? `${rivals[0]?.upn} wants the same name` : undefined;
}

function proxmoxUnlike(truth: Truth, picture: Picture, person: Person): string[] {
  const own = picture.users.filter(({ comment }) => markIn(comment) === person.oid);
  const open = own.filter(({ enabled }) => enabled);
  const who = `${person.upn} (${person.oid})`;
  if (!isActive(truth, person)) return open.map(({ userid }) => `${who} is not active, and ${userid} is enabled`);
  const userid = userIdOf(person.upn);
  const current = own.find((user) => user.userid === userid);
  if (!current) {
    const obstacle = proxmoxObstacle(picture, userid);
    if (!obstacle) return [`${who} has no Proxmox user, and nothing stands in the way`];
    if (open.length > 1) return [`${who} has several open Proxmox users`];
    const known = picture.conflicts.has(`proxmox ${person.oid}`);
    return known || own.length > 0 ? [] : [`${who}: ${obstacle}, and status is silent`];
  }
  const found = open.filter((user) => user !== current).map((user) => `${who}: ${user.userid} is enabled as well`);
  if (!current.enabled) found.push(`${who}: ${userid} is disabled`);
  const has = current.groups.filter((group) => MANAGED.has(group)).join(' ');
  const wants = dueTo(truth, person).pveGroups.join(' ');
  if (has !== wants) found.push(`${who} has [${has}] in Proxmox, and should have [${wants}]`);
  return found;
}

function proxmoxObstacle(picture: Picture, userid: string | undefined): string | undefined {
  if (userid === undefined) return 'Proxmox cannot hold the name';
  if (picture.users.some((user) => user.userid === userid)) return `${userid} is somebody else's`;
  const twin = picture.users.find((user) => user.userid.toLowerCase() === userid.toLowerCase());
  if (twin) return `${twin.userid} differs in case alone`;
  return picture.groupMembers.has(userid) ? `a group names ${userid} already` : undefined;
}
