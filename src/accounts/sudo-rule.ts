import { join } from 'node:path';
import type { Policy } from './policy.js';

/** Where the rule of one uid lives. By uid, because sudo ignores file names with a dot and names get new owners. */
export function sudoersFile(directory: string, uid: number): string {
  return join(directory, `entramox-${uid}`);
}

/** The whole text of one administrator's file, from the policy alone. */
export function renderSudoers(name: string, uid: number, { nopasswd }: Policy['sudo']): string {
  const rule = `#${uid} ALL=(ALL:ALL) ${nopasswd ? 'NOPASSWD: ' : ''}ALL`;
  return `# Made by entramox for ${name}; changes here are lost.\n${rule}\n`;
}
