import { closeSync, constants, lstatSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { syncDirectory } from './durable-file.js';
import { AgentError, errnoOf } from './errors.js';
import { readEtc } from './etc.js';
import { mustRun, type Run } from './exec.js';
import { homeOf, homeState, removeTree } from './home.js';
import { listIfThere, statIfThere } from './if-there.js';
import type { Entry, Ledger } from './ledger.js';
import type { Policy } from './policy.js';
import { processesOf } from './processes.js';
import { requireRootOnly } from './root-only.js';
import type { Paths } from './workshop.js';

/** What a restoration works with. */
export interface RestoreWorkshop {
  ledger: Ledger;
  policy: Policy;
  paths: Pick<Paths, 'etc' | 'proc' | 'skeleton'>;
  /** Epoch ms. */
  now: number;
}

/** Where the former home goes: to the place of the present one, or into it where that holds anything of its own. */
export interface Restoration {
  entry: Entry;
  archive: string;
  home: string;
  /** Top folder of the archive. */
  top: string;
  target: { kind: 'home' } | { kind: 'inside'; path: string };
  lines: string[];
}

const DEADLINE_MS = 6 * 3_600_000;

/**
 * What would be restored to where. Without `archive` it is the newest one of this identity. Throws AgentError where
 * there is no account or no archive of ours with the same uid, or where the home is not where we make homes.
 */
export function examineForRestore(workshop: RestoreWorkshop, oid: string, archive?: string): Restoration {
  const { ledger, policy, paths, now } = workshop;
  const entry = ledger.get(oid);
  if (!entry) throw new AgentError('refused', `no account of ours belongs to ${oid}`);
  const { name, uid } = entry;
  if (entry.state === 'deleted') {
    throw new AgentError(
      'refused',
      `the account ${name} is deleted`,
      'it is made anew once the person is in scope again; restore its home then',
    );
  }
  if (entry.state !== 'made')
    throw new AgentError('refused', `${name} is ${entry.state}`, 'wait for the next reconcile');
  const home = homeOf(policy.homeBase, name);
  const line = readEtc(paths.etc).passwd.get(name);
  if (line?.uid !== uid || line.home !== home) {
    const found = line ? `uid ${line.uid} and the home ${line.home}` : 'no line in /etc/passwd';
    throw new AgentError('refused', `${name} has ${found}, not uid ${uid} and ${home}`, 'unpack the archive by hand');
  }
  if (homeState(home, uid) === 'foreign') throw new AgentError('refused', `${home} does not belong to uid ${uid}`);
  const chosen = archive ?? archivesOf(entry, policy).at(-1);
  if (chosen === undefined) throw new AgentError('refused', `there is no archive of ${name} (uid ${uid})`);
  const { top, size, time } = examineArchive(chosen, entry, policy);
  const isFresh =
    statIfThere(home) === undefined || (isUntouched(home, paths.skeleton) && processesOf(uid, paths.proc).length === 0);
  const inside = join(home, `restored-${stamp(now)}`);
  const target: Restoration['target'] = isFresh ? { kind: 'home' } : { kind: 'inside', path: inside };
  return {
    entry,
    archive: chosen,
    home,
    top,
    target,
    lines: [
      `account  ${name}, uid ${uid}`,
      `archive  ${chosen}, ${Math.ceil(size / 1024)} KiB, of ${time}`,
      target.kind === 'home'
        ? `becomes  ${home}, which is as it was made`
        : `becomes  ${inside}, since ${home} is in use; no file that is there is changed`,
    ],
  };
}

/**
 * Unpacks the archive into a directory that root alone can enter, on the same disk as the homes. Owners and modes are
 * those of the archive, but devices are left out, and what belongs to others than the person loses its set-user-id and
 * set-group-id bits: a tool of root's, put there while the person was an administrator, must not come back. Returns
 * the directory; what a killed run left there is removed first.
 */
export async function unpack(
  { entry, archive, home }: Restoration,
  { policy, paths: { skeleton } }: Pick<RestoreWorkshop, 'policy' | 'paths'>,
  run: Run,
): Promise<string> {
  const { uid } = entry;
  requireRootOnly(policy.homeBase);
  const draft = draftOf(policy, uid);
  if (statIfThere(join(draft, FORMER)) && !statIfThere(home)) renameSync(join(draft, FORMER), home);
  await removeDraft(draft, skeleton, run);
  mkdirSync(draft, { mode: 0o700 });
  const keep = [
    '--same-permissions',
    '--same-owner',
    '--numeric-owner',
    '--acls',
    '--xattrs',
    '--xattrs-include=user.*',
  ];
  const options = { timeoutMs: DEADLINE_MS };
  try {
    await mustRun(run, 'tar', ['--extract', ...keep, '--file', archive, '--directory', draft], options);
    await mustRun(run, 'find', [draft, '-xdev', '(', '-type', 'b', '-o', '-type', 'c', ')', '-delete'], options);
    const ofOthers = ['(', '!', '-uid', String(uid), '-o', '!', '-gid', String(uid), ')'];
    const strip = ['-exec', '/usr/bin/chmod', 'ug-s', '--', '{}', '+'];
    await mustRun(run, 'find', [draft, '-xdev', '!', '-type', 'l', '-perm', '/6000', ...ofOthers, ...strip], options);
  } catch (error) {
    await removeTree(run, draft);
    throw error;
  }
  return draft;
}

/**
 * Moves what was unpacked to its place; nobody else may change accounts meanwhile. Each move is one rename, and what
 * stood there before is put aside, not overwritten. Returns where it is now.
 */
export function moveIntoPlace(
  { entry, home, top, target }: Restoration,
  draft: string,
  workshop: RestoreWorkshop,
): string {
  const unpacked = join(draft, top);
  const stat = statIfThere(unpacked);
  if (!stat?.isDirectory() || stat.uid !== entry.uid) {
    throw new AgentError('failed', `the archive does not hold ${top} as a directory of uid ${entry.uid}`);
  }
  if (target.kind === 'inside') {
    if (statIfThere(target.path)) throw new AgentError('refused', `${target.path} exists`, 'try again in a second');
    renameSync(unpacked, target.path);
    syncDirectory(home);
    return target.path;
  }
  const former = join(draft, FORMER);
  if (statIfThere(home)) renameSync(home, former);
  try {
    renameSync(unpacked, home);
  } catch (error) {
    // A login may have made another home in between; whatever is in ours, removeDraft keeps.
    if (statIfThere(former) && !statIfThere(home)) renameSync(former, home);
    throw error;
  }
  // Somebody may have logged in at the last moment.
  if (statIfThere(former) && !isSurelyUntouched(former, workshop.paths.skeleton)) {
    renameSync(former, join(home, `before-restore-${stamp(workshop.now)}`));
  }
  syncDirectory(dirname(home));
  return home;
}

/**
 * Removes what was unpacked and not moved. Throws AgentError `failed`, and removes nothing, while the home that was put
 * aside is still there and holds anything of its own.
 */
export async function removeDraft(draft: string, skeleton: string, run: Run): Promise<void> {
  const former = join(draft, FORMER);
  if (statIfThere(former) && !isSurelyUntouched(former, skeleton)) {
    const why = `the home that a restoration put aside is still at ${former}, and holds files`;
    throw new AgentError('failed', why, 'move it to where it belongs by hand');
  }
  await removeTree(run, draft);
}

// No account can have a name with a dot: neither an archive nor the draft of anybody's new home is called like these.
const FORMER = '.former-home';

function draftOf({ homeBase }: Policy, uid: number): string {
  return join(homeBase, `.entramox-restore.${uid}`);
}

/** Recorded ones, and for records of older releases those that have the name which the agent gives, oldest first. */
function archivesOf({ name, formerNames, uid, archives = [] }: Entry, { archiveDir }: Policy): string[] {
  const found = listIfThere(archiveDir).flatMap((file) => {
    const made = parseArchiveName(file);
    return made?.uid === uid && [name, ...formerNames].includes(made.top) ? [join(archiveDir, file)] : [];
  });
  const all = new Set([...archives.filter((path) => statIfThere(path)), ...found]);
  return [...all].sort((a, b) =>
    (parseArchiveName(basename(a))?.time ?? '') < (parseArchiveName(basename(b))?.time ?? '') ? -1 : 1,
  );
}

function parseArchiveName(file: string): { top: string; uid: number; time: string } | undefined {
  const [, top, uid, time] = /^([a-z][a-z0-9_-]*)-(\d+)-(\d{8}T\d{6}Z)\.tar$/.exec(file) ?? [];
  return top === undefined || time === undefined ? undefined : { top, uid: Number(uid), time };
}

/** An archive is believed only where nobody but root can have written it, and it is of this very uid. */
function examineArchive(archive: string, entry: Entry, policy: Policy): { top: string; size: number; time: string } {
  const made = parseArchiveName(basename(archive));
  if (!archivesOf(entry, policy).includes(archive) || made?.uid !== entry.uid) {
    const why = `${archive} is no archive that the agent made of the home of ${entry.name} (uid ${entry.uid})`;
    throw new AgentError('refused', why, 'give one of those that are shown without --archive');
  }
  requireRootOnly(dirname(archive));
  const stat = lstatSync(archive);
  if (!stat.isFile() || stat.uid !== 0 || (stat.mode & 0o077) !== 0 || stat.nlink !== 1) {
    throw new AgentError('refused', `${archive} is not a plain file of root's alone, as the agent makes it`);
  }
  return { top: made.top, size: stat.size, time: stat.mtime.toISOString() };
}

/** The same of a home that somebody may be at work in: what changes while it is looked at is in use. */
function isSurelyUntouched(home: string, skeleton: string): boolean {
  try {
    return isUntouched(home, skeleton);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return false;
  }
}

/** Whether a home holds nothing but what came from the skeleton, unchanged. */
function isUntouched(home: string, skeleton: string): boolean {
  const names = readdirSync(home);
  const given = listIfThere(skeleton);
  if (names.length !== given.length) return false;
  return names.every((name) => given.includes(name) && isSame(join(home, name), join(skeleton, name)));
}

function isSame(path: string, original: string): boolean {
  const [stat, given] = [lstatSync(path), lstatSync(original)];
  if (stat.isDirectory() && given.isDirectory()) return isUntouched(path, original);
  if (!stat.isFile() || !given.isFile() || stat.size !== given.size) return false;
  return readPlain(path).equals(readPlain(original));
}

function readPlain(path: string): Buffer {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** `20261122T090000Z` */
function stamp(now: number): string {
  return new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, '');
}
