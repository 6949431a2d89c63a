import { mkdir } from 'node:fs/promises';
import type { Settings } from '../../config/settings.js';
import { Rejected } from '../../domain/errors.js';

/**
 * Makes STATE_DIR, LOG_DIR and RUN_DIR where they do not exist, with the modes that the units give them; on a host
 * without the units nobody else does. Those that exist stay as they are, and a dry run keeps nothing but its lock. Throws
 * Rejected where we may not.
 */
export async function makeOwnFolders({ paths, dryRun }: Pick<Settings, 'paths' | 'dryRun'>): Promise<void> {
  await make('RUN_DIR', paths.runDir, 0o755);
  if (dryRun) return;
  await make('STATE_DIR', paths.stateDir, 0o750);
  await make('LOG_DIR', paths.logDir, 0o750);
}

async function make(setting: string, path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode });
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    throw new Rejected(
      `the folder ${path} is not there and cannot be made (${code}): make it for the user of this command, run this as root, or set ${setting} to another one`,
    );
  }
}
