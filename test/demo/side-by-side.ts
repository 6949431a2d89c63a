import Table from 'cli-table3';
import { REALM } from '../lab/lab.js';
import type { Machine } from './machine.js';
import { proxmoxId } from './person.js';
import { describeAccount, isLakefsMember, ROLES } from './sighting.js';
import { KEEPSAKE, type Stage } from './stage.js';

/** Everybody of the demo as all four systems have them now, as a table. */
export async function sideBySide(stage: Stage): Promise<string> {
  const linux = stage.machine.host.kind === 'private root' ? 'Linux' : 'Linux (SIMULATED)';
  const table = new Table({ head: ['', 'Entra', linux, 'Proxmox', 'lakeFS'], style: { head: [], border: [] } });
  for (const name of ['alice', 'bob', 'carol']) {
    table.push([name, inEntra(stage, name), await inLinux(stage, name), inProxmox(stage, name), inLakefs(stage, name)]);
  }
  return table.toString();
}

function inEntra({ lab, people }: Stage, name: string): string {
  const oid = people.get(name);
  const properties = oid === undefined ? undefined : lab.entra.directory.properties(oid);
  if (oid === undefined || !properties) return 'unknown';
  const isIn = (group: string) => lab.entra.directory.isMember(group, oid);
  const groups = [...(isIn(lab.groups.everybody) ? ['everybody'] : []), ...(isIn(lab.groups.admins) ? ['admins'] : [])];
  return `${properties.accountEnabled ? 'enabled' : 'disabled'}\n${groups.join(', ') || 'in no group'}`;
}

async function inLinux({ machine }: Stage, name: string): Promise<string> {
  const account = machine.host.account(name);
  if (!account) return `no account\nhome ${await homeOf(machine, name)}`;
  return describeAccount(account).replace(', ', '\n');
}

async function homeOf(machine: Machine, name: string): Promise<string> {
  if (machine.hasHome(name)) return 'still there';
  return (await machine.isArchived(name, KEEPSAKE)) ? 'archived' : 'gone';
}

function inProxmox({ lab }: Stage, name: string): string {
  const user = lab.proxmox.user(proxmoxId(name));
  if (!user) return 'no user';
  const roles = ROLES.filter((role) => user.groups.includes(`${role}-${REALM}`));
  return `${user.enabled ? 'enabled' : 'disabled, kept'}\n${roles.join(', ') || 'no role'}`;
}

function inLakefs({ lakefs, people }: Stage, name: string): string {
  return isLakefsMember(lakefs, people.get(name)) ? 'member' : 'no member';
}
