import { chmodSync, cpSync, lchownSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { explainWrite } from './disk-trouble.js';
import { syncDirectory } from './durable-file.js';
import { mustRun, type Run } from './exec.js';
import { statIfThere } from './if-there.js';

/** Where the home of an account that we make is. */
export function homeOf(homeBase: string, name: string): string {
  return join(homeBase, name);
}

/** `foreign`: anything but a directory of this uid. */
export type HomeState = 'whole' | 'missing' | 'foreign';

/** What is at the place of a home, without following links. */
export function homeState(home: string, uid: number): HomeState {
  const stat = statIfThere(home);
  if (!stat) return 'missing';
  return stat.isDirectory() && stat.uid === uid ? 'whole' : 'foreign';
}

/** Where a home is built before it is renamed into its place. No account can have a name with a dot. */
export function draftOf(home: string): string {
  return join(dirname(home), `.entramox-${basename(home)}`);
}

interface Making {
  skeleton: string;
  run: Run;
}

/**
 * Makes a missing home, 0700 and with the skeleton. It is built beside its place and renamed, so a crash never
 * leaves half of one there, and nothing is ever written into a directory that the person could have prepared.
 */
export async function makeHome(home: string, uid: number, { skeleton, run }: Making): Promise<void> {
  const draft = draftOf(home);
  if (statIfThere(draft)) await removeTree(run, draft);
  try {
    fillDraft(draft, uid, skeleton);
    renameSync(draft, home);
    syncDirectory(dirname(home));
  } catch (error) {
    if (statIfThere(draft)) await removeTree(run, draft);
    throw explainWrite(error, home);
  }
}

function fillDraft(draft: string, uid: number, skeleton: string): void {
  mkdirSync(draft, { mode: 0o700 });
  if (statIfThere(skeleton)) {
    cpSync(skeleton, draft, { recursive: true, verbatimSymlinks: true });
    for (const name of readdirSync(skeleton, { recursive: true, encoding: 'utf8' })) {
      lchownSync(join(draft, name), uid, uid);
    }
  }
  // The copy gave the directory the mode of the skeleton.
  chmodSync(draft, 0o700);
  lchownSync(draft, uid, uid);
}

/**
 * Removes a home. By rm, which holds on to the directories it is in: whoever may write somewhere below could lead
 * Node's own removal through a link to files of others.
 */
export async function removeTree(run: Run, path: string): Promise<void> {
  await mustRun(run, 'rm', ['-rf', '--one-file-system', '--', path], { timeoutMs: 3_600_000 });
}
