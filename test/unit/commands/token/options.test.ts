import { Command } from 'commander';
import { expect, test } from 'vitest';
import {
  type AdminOptions,
  adminProblem,
  withAdminOptions,
  withoutPbs,
} from '../../../../src/commands/token/options.js';

const PBS = 'https://pbs1.example.com:8007';

test.each<[AdminOptions, RegExp]>([
  [{ pvesh: true, adminUser: 'a@pve' }, /--admin-user and --pvesh cannot be used together/],
  [{ adminPasswordFile: '/x' }, /needs --admin-user/],
  [{ adminUser: 'root' }, /"root" is no user of Proxmox VE: expected USER@REALM/],
  [{ pbs: PBS, pvesh: true }, /an API token alone/],
  [{ pbs: PBS, adminPasswordFile: '/x' }, /an API token alone/],
  [{ pbsCaFile: '/x' }, /--pbs-ca-file needs --pbs/],
])('names what is wrong with %j', (options, words) => {
  expect(adminProblem(options)).toMatch(words);
});

test.each<AdminOptions>([
  {},
  { pvesh: true },
  { adminUser: 'root@pam' },
  { pbs: PBS, pbsCaFile: '/x', adminTokenFile: '/y' },
])('finds nothing wrong with %j', (options) => {
  expect(adminProblem(options)).toBeUndefined();
});

async function run(...args: string[]): Promise<{ exitCode?: number; said: string; ran: boolean }> {
  const said: string[] = [];
  let ran = false;
  const program = new Command().exitOverride().configureOutput({ writeErr: (text) => said.push(text) });
  withoutPbs(withAdminOptions(program.command('check')), '"realm check"').action(() => {
    ran = true;
  });
  const error: unknown = await program.parseAsync(['node', 'x', 'check', ...args]).catch((caught: unknown) => caught);
  return { exitCode: (error as { exitCode?: number }).exitCode, said: said.join(''), ran };
}

test('is wrong usage before anything runs, where options contradict each other', async () => {
  const { exitCode, said, ran } = await run('--pvesh', '--admin-user', 'root@pam');

  expect({ exitCode, ran }).toEqual({ exitCode: 2, ran: false });
  expect(said).toMatch(/cannot be used together/);
});

test('says of a verb for Proxmox VE alone that it is, where a backup server is named', async () => {
  const { exitCode, said, ran } = await run('--pbs', PBS);

  expect({ exitCode, ran }).toEqual({ exitCode: 2, ran: false });
  expect(said).toMatch(/"realm check" is there for Proxmox VE alone, not for a Proxmox Backup Server/);
});
