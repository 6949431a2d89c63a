import { chmodSync, existsSync, lstatSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { syncDirectory, writeSynced } from './durable-file.js';
import { AgentError, errnoOf } from './errors.js';
import { mustRun } from './exec.js';
import { requireRootOnly } from './root-only.js';
import { renderSudoers, sudoersFile } from './sudo-rule.js';
import type { Workshop } from './workshop.js';

/** Takes the rule away at once, even from running logins; needs no room on the disk. True when there was one. */
export function revokeSudo({ paths }: Pick<Workshop, 'paths'>, uid: number): boolean {
  const file = sudoersFile(paths.sudoers, uid);
  try {
    rmSync(file);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
  syncDirectory(paths.sudoers);
  return true;
}

/** Forgets when this account last gave its password to sudo, so that a later rule asks for it again. */
export function forgetSudoTimestamps({ paths }: Pick<Workshop, 'paths'>, { name, uid }: { name: string; uid: number }) {
  // Named by user; newer versions of sudo name it by uid.
  for (const file of [name, String(uid)]) rmSync(join(paths.sudoTimestamps, file), { force: true });
}

/**
 * Writes the rule so that sudo never reads half of it or a wrong one: under a name with a dot, which sudo ignores,
 * checked by visudo, renamed into place, checked again as a whole, and rolled back where the whole got worse.
 */
export async function grantSudo(workshop: Workshop, name: string, uid: number): Promise<void> {
  const { paths, run, policy } = workshop;
  requireRootOnly(paths.sudoers);
  const file = sudoersFile(paths.sudoers, uid);
  const text = renderSudoers(name, uid, policy.sudo);
  if (existsSync(file) && lstatSync(file).isFile() && readFileSync(file, 'utf8') === text) return;
  const before = await run('visudo', ['-c']);
  const temporary = join(paths.sudoers, `.entramox-${uid}.tmp`);
  const former = join(paths.sudoers, `.entramox-${uid}.former`);
  writeSynced(temporary, text, 0o440);
  try {
    await mustRun(run, 'visudo', ['-cf', temporary]);
    chmodSync(temporary, 0o440);
    rmSync(former, { force: true });
    if (existsSync(file)) renameSync(file, former);
    renameSync(temporary, file);
    syncDirectory(paths.sudoers);
    const after = await run('visudo', ['-c']);
    if (before.code === 0 && after.code !== 0) {
      if (existsSync(former)) renameSync(former, file);
      else rmSync(file);
      syncDirectory(paths.sudoers);
      throw new AgentError('failed', `visudo refused the sudoers files with ${file}: ${after.stderr.trim()}`);
    }
  } finally {
    rmSync(temporary, { force: true });
    rmSync(former, { force: true });
  }
}

/** Whether sudo itself would let this account run a command, by any rule of this host. */
export async function isSudoAllowed({ run }: Pick<Workshop, 'run'>, name: string): Promise<boolean> {
  // Without a command sudo -l ends with 0 either way.
  return (await run('sudo', ['-l', '-U', name, '/bin/true'])).code === 0;
}
