import { rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { syncDirectory } from './durable-file.js';
import { listIfThere, statIfThere } from './if-there.js';
import { commandOf } from './process-words.js';
import { readSmallFile } from './small-file.js';

const FILES = ['passwd', 'shadow', 'group', 'gshadow', 'subuid', 'subgid'];

/**
 * Programs that make such lock files. All of Debian's hold the kernel lock as well; a build without it would not, so
 * the name of a live process is asked too before its lock counts as left behind.
 */
const PASSWD_TOOLS = new Set(
  `vipw vigr passwd chsh chfn chage chpasswd chgpasswd newusers useradd usermod userdel groupadd groupmod groupdel
  groupmems gpasswd pwck grpck pwconv pwunconv grpconv grpunconv adduser deluser`.split(/\s+/),
);

/** A lock file of the passwd tools as it is now. */
export interface LockFile {
  path: string;
  /** `empty` and `garbage` are left by a power cut, `dead` by a kill, `recycled` when its number found a new owner. */
  state: 'empty' | 'garbage' | 'dead' | 'recycled' | 'live' | 'no-file';
  pid?: number;
  command?: string;
  /** Device, inode, size and time of change: whether it is the same file. */
  identity: string;
}

/** The lock files that are there. Only `dead` ones are taken over by the passwd tools; all others block every change. */
export function lockFiles(etcDirectory: string, procDirectory: string): LockFile[] {
  return FILES.flatMap((name) => judge(join(etcDirectory, `${name}.lock`), procDirectory) ?? []);
}

function judge(path: string, procDirectory: string): LockFile | undefined {
  const found = readSmallFile(path);
  if (!found) return undefined;
  const { text, identity } = found;
  if (text === undefined) return { path, identity, state: 'no-file' };
  if (text === '') return { path, identity, state: 'empty' };
  if (!/^\d{1,10}$/.test(text)) return { path, identity, state: 'garbage' };
  const pid = Number(text);
  const command = commandOf(pid, procDirectory);
  if (command === undefined) return { path, identity, pid, state: 'dead' };
  return { path, identity, pid, command, state: PASSWD_TOOLS.has(command) ? 'live' : 'recycled' };
}

/** What keeps passwd tools from working and is not healed without a person, in words with what to do. */
export function lockTroubles(etcDirectory: string, procDirectory: string): string[] {
  return lockFiles(etcDirectory, procDirectory).flatMap(({ path, state, pid, command }) => {
    if (state === 'live') return [`${path} is held by process ${pid} (${command}): wait until it has ended`];
    return state === 'no-file' ? [`${path} is no plain file and blocks every change: look who made it`] : [];
  });
}

const WHY = {
  empty: 'it was empty, as after a power cut',
  garbage: 'it held no process number',
  dead: 'its process had ended',
  recycled: 'its process number belongs to another program now',
};

/**
 * Removes those of the lock files that nobody holds; to be called while we have the kernel lock that every holder has.
 * Looks again right before, and returns what was done, in words.
 */
export function removeStaleLocks(
  etcDirectory: string,
  procDirectory: string,
  found: readonly LockFile[] = lockFiles(etcDirectory, procDirectory),
): string[] {
  const done = found.flatMap((seen) => {
    if (seen.state === 'live' || seen.state === 'no-file') return [];
    const now = judge(seen.path, procDirectory);
    if (now?.identity !== seen.identity || now.state !== seen.state) return [];
    rmSync(seen.path);
    return [`the stale lock file ${seen.path} was removed: ${WHY[seen.state]}, and no passwd tool was at work`];
  });
  if (done.length > 0) syncDirectory(etcDirectory);
  return done;
}

/** A passwd tool that we started and that was killed. */
export interface KilledTool {
  tool: string;
  pid: number;
}

/** What a killed tool of ours left in the directory. A file that only looks like it, such as a copy of root's, is not. */
export function litterOf({ tool, pid }: KilledTool, etcDirectory: string): string[] {
  const names = new Set(listIfThere(etcDirectory));
  const holds = (name: string, ...contents: string[]) =>
    names.has(name) && contents.includes(readSmallFile(join(etcDirectory, name))?.text ?? 'no file');
  const litter = FILES.flatMap((name) => [
    // Made first, then linked to the lock file.
    ...(holds(`${name}.${pid}`, String(pid), '') ? [`${name}.${pid}`] : []),
    // The new text is written beside the old one only under that lock.
    ...(holds(`${name}.lock`, String(pid)) ? [`${name}.lock`, ...(names.has(`${name}+`) ? [`${name}+`] : [])] : []),
  ]);
  // PAM writes the new shadow file under the kernel lock alone.
  if (tool === 'chpasswd' && names.has('nshadow')) litter.push('nshadow');
  return litter.map((name) => join(etcDirectory, name));
}

/** Removes it; to be called while we have the kernel lock. Returns what was done, in words. */
export function removeLitter(killed: KilledTool, etcDirectory: string): string[] {
  const litter = litterOf(killed, etcDirectory).filter((path) => statIfThere(path)?.isFile());
  for (const path of litter) rmSync(path);
  if (litter.length === 0) return [];
  syncDirectory(etcDirectory);
  return [
    `${killed.tool} (process ${killed.pid}) was killed; ${litter.map((path) => basename(path)).join(', ')} removed`,
  ];
}
