import { chmodSync, cpSync, lchownSync, lstatSync, mkdirSync, readdirSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { AgentError, errnoOf } from './errors.js';

/** Where the home of an account that we make is. */
export function homeOf(homeBase: string, name: string): string {
  return join(homeBase, name);
}

/** `half`: made by root but not handed over yet, as a killed useradd leaves it. */
export type HomeState = 'whole' | 'missing' | 'half' | 'foreign';

/** What is at the place of a home, without following links. */
export function homeState(home: string, uid: number): HomeState {
  const stat = statIfThere(home);
  if (!stat) return 'missing';
  if (!stat.isDirectory()) return 'foreign';
  if (stat.uid === uid) return 'whole';
  return stat.uid === 0 ? 'half' : 'foreign';
}

/**
 * Makes or completes a home: 0700, the skeleton without overwriting anything, ownership last. Only for accounts
 * that nobody can have logged in to yet. Throws AgentError `conflict` for anything that belongs to somebody else.
 */
export function completeHome(home: string, uid: number, skeleton: string): void {
  const state = homeState(home, uid);
  if (state === 'foreign') {
    throw new AgentError('conflict', `${home} is there and does not belong to uid ${uid}`, `move ${home} away`);
  }
  if (state === 'missing') mkdirSync(home, 0o700);
  if (statIfThere(skeleton)) {
    cpSync(skeleton, home, { recursive: true, force: false, errorOnExist: false, verbatimSymlinks: true });
    for (const name of readdirSync(skeleton, { recursive: true, encoding: 'utf8' }))
      lchownSync(join(home, name), uid, uid);
  }
  chmodSync(home, 0o700);
  lchownSync(home, uid, uid);
}

function statIfThere(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
