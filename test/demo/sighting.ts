import { REALM } from '../lab/lab.js';
import type { HostAccount } from '../lab/linux-host.js';
import type { LakefsSimulator } from '../simulators/lakefs/index.js';
import { type Presence, proxmoxId } from './person.js';
import type { Stage } from './stage.js';

/** One look at one system: what should be there and what is. */
export interface Sighting {
  where: 'Linux' | 'Proxmox' | 'lakeFS' | 'resync';
  expected: string;
  seen: string;
  ok: boolean;
}

/** How a person should stand in all targets. */
export interface Wanted {
  linux: 'open' | 'locked' | 'none';
  sudo: boolean;
  proxmox: 'enabled' | 'disabled';
  /** The Proxmox group that carries the role, without the realm; undefined: in none that does. */
  role: 'PVEAuditor' | 'Administrator' | undefined;
  /** Whether in the lakeFS group that carries the policies. */
  lakefs: 'member' | 'no member';
}

/** The managed groups that carry a role; Entramox keeps one more, which marks a user as its own. */
export const ROLES = ['PVEAuditor', 'Administrator'] as const;

/** The lakeFS group that mirrors everybody's group in Entra. */
export const LAKEFS_GROUP = 'entramox-everybody';

/** Looks at all targets. What takes a process or a request is looked at only once the rest is as it should be. */
export async function lookAt(stage: Stage, name: string, wanted: Wanted): Promise<Sighting[]> {
  const presence = stage.presences.get(name);
  const quick = [linuxFiles(stage, name, wanted), proxmoxUser(stage, name, wanted), lakefsGroup(stage, name, wanted)];
  if (!quick.every(({ ok }) => ok)) return quick;
  const [linux, proxmox] = await Promise.all([linuxInDepth(stage, name, wanted), accessOf(presence, wanted)]);
  const inDepth = [linux, proxmox, []];
  return quick.map((sighting, index) => [sighting, ...(inDepth[index] ?? [])].reduce(joined));
}

function joined(one: Sighting, other: Sighting): Sighting {
  const expected = `${one.expected}, ${other.expected}`;
  return { where: one.where, expected, seen: `${one.seen}, ${other.seen}`, ok: one.ok && other.ok };
}

function linuxFiles({ machine }: Stage, name: string, wanted: Wanted): Sighting {
  const account = machine.host.account(name);
  const home = machine.hasHome(name);
  if (wanted.linux === 'none') {
    const seen = `${account ? describeAccount(account) : 'no account'}${home ? ', home still there' : ''}`;
    return { where: 'Linux', expected: 'no account', seen, ok: account === undefined && !home };
  }
  const expected = `${wanted.linux === 'open' ? 'open' : 'locked'}, ${wanted.sudo ? 'sudo' : 'no sudo'}`;
  if (!account) return { where: 'Linux', expected, seen: 'no account', ok: false };
  const shut = wanted.linux === 'locked';
  const ok = account.locked === shut && account.expired === shut && account.sudo === wanted.sudo && home;
  return { where: 'Linux', expected, seen: `${describeAccount(account)}${home ? '' : ', no home'}`, ok };
}

/** One account in a few words. */
export function describeAccount({ uid, locked, expired, sudo }: HostAccount): string {
  const shut = locked && expired ? 'locked' : locked ? 'password locked' : expired ? 'expired' : 'open';
  return `uid ${uid}, ${shut}, ${sudo ? 'sudo' : 'no sudo'}`;
}

function proxmoxUser({ lab }: Stage, name: string, wanted: Wanted): Sighting {
  const user = lab.proxmox.user(proxmoxId(name));
  const expected = `${wanted.proxmox}, ${wanted.role ?? 'no role'}`;
  if (!user) return { where: 'Proxmox', expected, seen: 'no user', ok: false };
  const roles = ROLES.filter((role) => user.groups.includes(`${role}-${REALM}`));
  const seen = `${user.enabled ? 'enabled' : 'disabled'}, ${roles.join(' and ') || 'no role'}`;
  const ok = user.enabled === (wanted.proxmox === 'enabled') && roles.join() === (wanted.role ?? '');
  return { where: 'Proxmox', expected, seen, ok };
}

function lakefsGroup({ lakefs, people }: Stage, name: string, wanted: Wanted): Sighting {
  const group = lakefs.group(LAKEFS_GROUP);
  const policies = group?.policies.join(' and ') || 'none';
  const seen = describeMembership(isLakefsMember(lakefs, people.get(name)));
  const where = `${LAKEFS_GROUP} (policies ${policies})`;
  return { where: 'lakeFS', expected: wanted.lakefs, seen: `${seen} of ${where}`, ok: seen === wanted.lakefs };
}

/** Whether this person has what the group's policies give. */
export function isLakefsMember(lakefs: LakefsSimulator, oid: string | undefined): boolean {
  return lakefs.group(LAKEFS_GROUP)?.members.includes(`waad|${oid}`) ?? false;
}

function describeMembership(is: boolean): Wanted['lakefs'] {
  return is ? 'member' : 'no member';
}

async function linuxInDepth({ machine, presences }: Stage, name: string, wanted: Wanted): Promise<Sighting[]> {
  const allowed = wanted.linux === 'none' ? undefined : await machine.host.mayUseSudo(name);
  const shell = presences.get(name)?.shell();
  const looks: Sighting[] = [];
  if (allowed !== undefined) {
    const words = (yes: boolean) => `sudo -l: ${yes ? 'yes' : 'no'}`;
    looks.push({ where: 'Linux', expected: words(wanted.sudo), seen: words(allowed), ok: allowed === wanted.sudo });
  }
  if (shell && wanted.linux === 'locked') {
    const seen = shell.isRunning() ? 'running program still alive' : 'running program ended';
    looks.push({ where: 'Linux', expected: 'running program ended', seen, ok: !shell.isRunning() });
  }
  return looks;
}

async function accessOf(presence: Presence | undefined, wanted: Wanted): Promise<Sighting[]> {
  if (!presence) return [];
  const status = wanted.proxmox === 'enabled' ? 200 : 401;
  const { session, token } = await presence.knock();
  const words = (open: number, api: number) => `session ${open}, token ${api}`;
  const ok = session === status && token === status;
  return [{ where: 'Proxmox', expected: words(status, status), seen: words(session, token), ok }];
}
