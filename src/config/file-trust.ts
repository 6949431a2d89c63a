import { statSync } from 'node:fs';
import { distrustOfPlace } from '../integrity/places.js';
import { shellWord } from '../integrity/shell.js';
import { serviceUids } from './service-users.js';

/** Why what stands in a file may be somebody else's word, and the command that mends it. */
export interface FileDistrust {
  why: string;
  mend: string;
}

/**
 * Whether nobody but root and ourselves can change a file, or put another in its place; links are followed. For root
 * the users of the service count as ourselves. undefined: so it is. Throws like node:fs where it cannot be looked at.
 */
export function distrustOfFile(path: string, uid = process.geteuid?.()): FileDistrust | undefined {
  const stats = statSync(path);
  const owners = uid === 0 ? [0, ...serviceUids()] : [0, ...(uid === undefined ? [] : [uid])];
  if (!owners.includes(stats.uid)) {
    return { why: `it belongs to uid ${stats.uid}`, mend: `chown root ${shellWord(path)}` };
  }
  if ((stats.mode & 0o022) !== 0) {
    const mode = (stats.mode & 0o7777).toString(8).padStart(4, '0');
    return { why: `others may write it, its mode is ${mode}`, mend: `chmod go-w ${shellWord(path)}` };
  }
  return distrustOfPlace(path, owners);
}
