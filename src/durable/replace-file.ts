import { type FileHandle, link, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface ReplaceOptions {
  mode: number;
  /** Mode of the directory where it has to be made. */
  directoryMode?: number | undefined;
  /** The former content stays beside the file as `<path>.prev`. */
  keepsFormer?: boolean | undefined;
}

/**
 * Replaces a file so that a crash or a power cut leaves the old or the new content, never a torn one. What a crash
 * leaves beside it, `<path>.next`, is taken by the next writing. One writer at a time.
 */
export async function replaceFile(path: string, content: string, options: ReplaceOptions): Promise<void> {
  const folder = dirname(path);
  const next = `${path}.next`;
  if (options.directoryMode !== undefined) await mkdir(folder, { recursive: true, mode: options.directoryMode });
  // An older one may have been left with another owner or mode.
  await rm(next, { force: true });
  try {
    await writeNew(next, content, options.mode, folder);
    if (options.keepsFormer) await keepFormer(path);
    await rename(next, path);
  } catch (error) {
    // The first error says more than one of the tidying up.
    await rm(next, { force: true }).catch(() => undefined);
    throw error;
  }
  const directory = await open(folder, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function writeNew(path: string, content: string, mode: number, folder: string): Promise<void> {
  const file = await open(path, 'wx', mode);
  try {
    await handToOwner(file, folder);
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A pass that root ran by hand must not leave files behind that the service cannot read. */
async function handToOwner(file: FileHandle, folder: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = await stat(folder);
  if (uid !== 0) await file.chown(uid, gid);
}

async function keepFormer(path: string): Promise<void> {
  const fresh = `${path}.prev.next`;
  await rm(fresh, { force: true });
  try {
    await link(path, fresh);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  await rename(fresh, `${path}.prev`);
}
