import { chmodSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { diskTrouble, explainWrite } from './disk-trouble.js';
import { syncDirectory } from './durable-file.js';
import { AgentError } from './errors.js';
import { mustRun } from './exec.js';
import { homeOf, homeState } from './home.js';
import type { Entry } from './ledger.js';
import { requireRootOnly } from './root-only.js';
import type { Workshop } from './workshop.js';

const ARCHIVE_DEADLINE_MS = 6 * 3_600_000;

/**
 * Packs the home into `archiveDir/NAME-UID-TIME.tar`, 0600 and durable before it returns its path. Null where there
 * is no home or the policy wants no archives. Throws AgentError `failed` and leaves nothing half behind.
 */
export async function archiveHome({ entry, workshop }: { entry: Entry; workshop: Workshop }): Promise<string | null> {
  const { policy, run, clock } = workshop;
  const { name, uid } = entry;
  if (!policy.archiveHomes || homeState(homeOf(policy.homeBase, name), uid) === 'missing') return null;
  makeArchiveDirectory(policy.archiveDir);
  requireRootOnly(policy.archiveDir);
  chmodSync(policy.archiveDir, 0o700);
  const time = new Date(clock.now()).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const file = join(policy.archiveDir, `${name}-${uid}-${time}.tar`);
  // One fixed name, so that what a killed run left is replaced by the next.
  const partial = join(policy.archiveDir, `${name}-${uid}.tar.partial`);
  const handle = await openPartial(partial);
  try {
    // Sparse, because a file may claim to be larger than every disk.
    const flags = ['--numeric-owner', '--acls', '--xattrs', '--one-file-system', '--sparse'];
    const options = { stdoutFd: handle.fd, timeoutMs: ARCHIVE_DEADLINE_MS };
    await mustRun(run, 'tar', [...flags, '-C', policy.homeBase, '-cf', '-', name], options);
    await handle.sync();
  } catch (error) {
    // tar knows its output as a pipe, so its words do not name the disk.
    const trouble = diskTrouble(policy.archiveDir);
    rmSync(partial, { force: true });
    if (!trouble) throw explainWrite(error, partial);
    const words = error instanceof Error ? error.message : String(error);
    throw new AgentError('busy', `the home of ${name} is not archived: ${trouble.what} (${words})`, trouble.remedy);
  } finally {
    await handle.close();
  }
  renameSync(partial, file);
  syncDirectory(policy.archiveDir);
  return file;
}

function makeArchiveDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw explainWrite(error, directory);
  }
}

async function openPartial(partial: string): Promise<FileHandle> {
  try {
    rmSync(partial, { force: true });
    return await open(partial, 'wx', 0o600);
  } catch (error) {
    throw explainWrite(error, partial);
  }
}
