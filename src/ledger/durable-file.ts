import { type FileHandle, link, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Replaces a file so that a crash or a power cut leaves the old or the new content, never a torn one. The former
 * content stays beside it as `<path>.prev`.
 */
export async function replaceDurably(path: string, content: string, mode: number): Promise<void> {
  const next = `${path}.next`;
  const file = await open(next, 'w', mode);
  try {
    await handToOwner(file, dirname(path));
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await keepPrevious(path);
  await rename(next, path);
  const directory = await open(dirname(path), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** A pass that root ran by hand must not leave files behind that the service cannot read. */
async function handToOwner(file: FileHandle, directory: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = await stat(directory);
  if (uid !== 0) await file.chown(uid, gid);
}

async function keepPrevious(path: string): Promise<void> {
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
