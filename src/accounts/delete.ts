import { existsSync, readFileSync, realpathSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { archiveHome } from './archive.js';
import { checkCeiling } from './ceiling.js';
import { AgentError } from './errors.js';
import { readEtc } from './etc.js';
import { homeOf, homeState, removeTree } from './home.js';
import { listIfThere, statIfThere } from './if-there.js';
import type { Entry } from './ledger.js';
import { lockAccount } from './lock.js';
import type { DeleteResult } from './protocol.js';
import { sweepAway } from './remains.js';
import { revokeSudo } from './sudoers.js';
import { checkWaited } from './waited.js';
import { isLockedByUs, openOwn, type Workshop } from './workshop.js';

/** Runs work while no other request changes anything; archiving happens between two such turns. */
export type Turn = <T>(work: (workshop: Workshop) => Promise<T>) => Promise<T>;

/**
 * Deletes an account of ours that the agent itself has seen locked for long enough: archives the home, removes what
 * is keyed by name, the account and its home, and keeps a tombstone. Throws `too-early`, `ceiling` and `refused`
 * before anything is changed. A repeated call goes on where a crash stopped the first; a finished one is repeated
 * without effect. Archiving and removing a home may take long, so other requests, above all locks, are served
 * meanwhile, and everything is checked again afterwards.
 */
export async function deleteAccount(turn: Turn, oid: string): Promise<DeleteResult> {
  const plan = await turn((workshop) => prepare(workshop, oid));
  if (plan === 'done') return { archive: null, leftovers: [] };
  const { entry, workshop } = plan;
  const archive = entry.archive !== undefined ? entry.archive : await archiveHome(plan);
  const grave = join(workshop.policy.homeBase, `.entramox-${entry.uid}`);
  // What a killed run left.
  await removeTree(workshop.run, grave);
  await turn((current) => bury(current, entry, { archive, grave }));
  await removeTree(workshop.run, grave);
  await turn(async (current) => finish(current, entry));
  return { archive, leftovers: await leftovers(workshop, entry.uid) };
}

async function prepare(workshop: Workshop, oid: string): Promise<'done' | { entry: Entry; workshop: Workshop }> {
  const known = workshop.ledger.get(oid);
  if (known?.state === 'deleted') return 'done';
  const { entry, etc } = openOwn(workshop, oid);
  if (!isLockedByUs(entry, etc)) {
    throw new AgentError(
      'too-early',
      `${entry.name} is not locked, so its waiting time has not begun`,
      'lock it first',
    );
  }
  checkWaited(entry, workshop.policy.deleteAfterSeconds, workshop.clock);
  if (entry.state === 'deleting') return { entry, workshop };
  checkCeiling(workshop, 'deletes');
  checkHome(workshop, entry);
  const deleting: Entry = { ...entry, state: 'deleting' };
  workshop.ledger.putCounted(deleting, 'deletes', workshop.clock.now());
  return { entry: deleting, workshop };
}

/** Takes the account away for good and its home out of reach. */
async function bury(workshop: Workshop, planned: Entry, to: { archive: string | null; grave: string }): Promise<void> {
  const { ledger, policy } = workshop;
  const { entry, etc } = openOwn(workshop, planned.oid);
  if (entry.state !== 'deleting' || !isLockedByUs(entry, etc)) {
    throw new AgentError(
      'refused',
      `${entry.name} was opened again while its home was archived`,
      'nothing was deleted',
    );
  }
  await lockAccount(workshop, entry.oid);
  ledger.put({ ...entry, archive: to.archive });
  checkHome(workshop, entry);
  removeKeyedByName(workshop, entry);
  // The account first: where that fails, the person can still get everything back.
  await sweepAway(workshop, entry);
  const home = homeOf(policy.homeBase, entry.name);
  if (homeState(home, entry.uid) === 'whole') renameSync(home, to.grave);
}

function finish({ ledger }: Workshop, { oid, name }: Entry): void {
  const entry = ledger.get(oid);
  if (entry?.state !== 'deleting') {
    throw new AgentError('refused', `${name} was made anew while its former home was removed`);
  }
  const { lock: _, archive, archives = [], ...rest } = entry;
  ledger.put({ ...rest, state: 'deleted', archives: archive ? [...archives, archive] : archives });
}

/** Whatever is below the home goes, so nothing of anybody else may be there. */
function checkHome({ paths, policy }: Workshop, { name, uid }: Entry): void {
  const { passwd } = readEtc(paths.etc);
  const home = homeOf(policy.homeBase, name);
  const given = passwd.get(name)?.home ?? home;
  if (given !== home) {
    throw new AgentError('refused', `the home of ${name} is ${given}, outside ${policy.homeBase}`, 'delete it by hand');
  }
  if (homeState(home, uid) === 'missing') return;
  const real = realpathSync(home);
  if (real !== homeOf(realpathSync(policy.homeBase), name)) {
    throw new AgentError('refused', `${home} leads to ${real}`, 'delete it by hand');
  }
  const guest = [...passwd.values()].find((line) => line.name !== name && `${line.home}/`.startsWith(`${home}/`));
  if (guest) throw new AgentError('refused', `the home of ${guest.name} lies in ${home}`, `move ${guest.home} away`);
  const mount = readFileSync(join(paths.proc, 'self/mountinfo'), 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .find((point) => `${point}/`.startsWith(`${real}/`));
  if (mount) throw new AgentError('refused', `${mount} is a mount in the home of ${name}`, `umount ${mount}`);
}

/** What the shadow tools leave behind and the next account of that name or uid would inherit. */
function removeKeyedByName(workshop: Workshop, { name, uid }: Entry): void {
  const { paths } = workshop;
  revokeSudo(workshop, uid);
  const { crontabs, linger, sudoTimestamps, mail, atJobs } = paths;
  for (const place of [crontabs, linger, sudoTimestamps]) rmSync(join(place, name), { force: true });
  // Newer versions of sudo name it by uid.
  rmSync(join(sudoTimestamps, String(uid)), { force: true });
  for (const file of [join(mail, name), ...listIfThere(atJobs).map((job) => join(atJobs, job))]) {
    const stat = statIfThere(file);
    if (stat?.isFile() && stat.uid === uid) rmSync(file);
  }
}

/** Where people commonly may write. The whole disk would take minutes on a busy host. */
const SEARCHED = [
  '/home',
  '/tmp',
  '/var/tmp',
  '/var/spool',
  '/var/mail',
  '/srv',
  '/opt',
  '/usr/local',
  '/run',
  '/dev/shm',
];

/** Files that still belong to the uid in the places where people write, at most 100, searched for at most 30 s. */
async function leftovers({ run }: Workshop, uid: number): Promise<string[]> {
  // /var/mail may be a link to /var/spool/mail, so each real place counts once.
  const places = new Set(SEARCHED.filter((place) => existsSync(place)).map((place) => realpathSync(place)));
  try {
    const found = await run('find', [...places, '-xdev', '-uid', String(uid), '-print0'], { timeoutMs: 30_000 });
    return [...new Set(found.stdout.split('\0').filter(Boolean))].slice(0, 100);
  } catch (error) {
    if (error instanceof AgentError && error.code === 'busy')
      return ['(the search took longer than 30 s and was stopped)'];
    throw error;
  }
}
