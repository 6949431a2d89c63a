import { syncDirectory } from './durable-file.js';
import { AgentError } from './errors.js';
import { readEtc, type ShadowLine } from './etc.js';
import { mustRun, type Run } from './exec.js';
import { type HomeState, homeOf, homeState, makeHome } from './home.js';
import type { Entry, LockRecord } from './ledger.js';
import { nameStanding, releasedStanding } from './name-standing.js';
import { gecosProblem, nameProblem } from './names.js';
import { setRandomPassword } from './password.js';
import type { CreateResult } from './protocol.js';
import { groupProblem, hasAllLines, NO_SUBIDS, sweepAway } from './remains.js';
import { requireRootOnly } from './root-only.js';
import { pinRemedy, uidStanding } from './uid-standing.js';
import { identityProblem, openOwn, type Workshop } from './workshop.js';

export interface Wanted {
  oid: string;
  name: string;
  gecos: string;
}

/**
 * Makes the account, completes a half-made one, or brings the full name of an existing one up to date; an identity
 * that was deleted gets its former uid again. The intent is in the ledger before the first change, so a crash at
 * any point is mended by asking again. Throws `invalid` for an unusable name, `conflict` where something of that
 * name, uid or home exists that is not ours; nothing is written then. A lock stays, unless
 * lines that nobody closed by hand have to be made anew.
 */
export async function createAccount(workshop: Workshop, wanted: Wanted): Promise<CreateResult> {
  const problem = nameProblem(wanted.name) ?? gecosProblem(wanted.gecos);
  if (problem) throw new AgentError('invalid', problem);
  const known = workshop.ledger.get(wanted.oid);
  if (known?.state === 'released') {
    const standing = releasedStanding(known);
    throw new AgentError('conflict', standing.why, standing.remedy);
  }
  const entry =
    known && known.state !== 'deleted' ? resume(workshop, known, wanted) : await begin(workshop, wanted, known);
  if (entry.state === 'creating') await makeAnew(workshop, entry, wanted.gecos);
  else await completeHome(workshop, entry);
  await setGecos(workshop, entry, wanted.gecos);
  readBack(workshop, entry, wanted.gecos);
  if (entry !== known || entry.state !== 'made') workshop.ledger.put({ ...entry, state: 'made' });
  return { name: entry.name, uid: entry.uid };
}

/** Checks that nobody else is in the way and writes the intent down. */
async function begin(workshop: Workshop, { oid, name }: Wanted, former: Entry | undefined): Promise<Entry> {
  const { ledger, policy, paths, run } = workshop;
  const etc = readEtc(paths.etc);
  const standing = nameStanding({ ledger, policy, etc }, { oid, name });
  if (standing.state !== 'free' && standing.state !== 'ours') {
    throw new AgentError('conflict', standing.why ?? `${name} is ${standing.state}`, standing.remedy);
  }
  if (!etc.group.has(name) && (await isKnownElsewhere(run, name))) {
    throw new AgentError('conflict', `${name} exists in another source than /etc (LDAP?)`, 'use another name');
  }
  const choice = uidStanding({ ledger, policy, etc }, oid);
  if (!choice.ok) throw new AgentError('conflict', choice.why, choice.remedy);
  const { uid } = choice;
  const [first, last] = policy.uidRange;
  if (uid < first || uid > last) {
    throw new AgentError('refused', `the former uid ${uid} of ${name} is outside uidRange ${first}-${last}`);
  }
  const problem = identityProblem(etc, { name, uid }) ?? groupProblem(etc, { name, uid });
  if (problem) throw new AgentError('conflict', problem, 'free the name and the number, or choose another name');
  if (await isKnownElsewhere(run, String(uid))) {
    const why = `uid ${uid} exists in another source than /etc (LDAP?)`;
    const free = 'free the number there';
    throw new AgentError('conflict', why, former ? free : `${free}, or ${pinRemedy(oid, undefined)}`);
  }
  requireRootOnly(policy.homeBase);
  const home = homeOf(policy.homeBase, name);
  if (homeState(home, uid) === 'foreign') {
    throw new AgentError('conflict', `${home} exists and is not the home of uid ${uid}`, `move ${home} away`);
  }
  const names = new Set(former ? [...former.formerNames, former.name] : []);
  names.delete(name);
  const { archives } = former ?? {};
  const kept = archives ? { archives } : {};
  const entry: Entry = { oid, name, uid, state: 'creating', adopted: false, formerNames: [...names], ...kept };
  ledger.put(entry);
  return entry;
}

/**
 * Whether a user or group of this name or number comes from any source that the C library asks, such as LDAP. The
 * shadow tools would refuse it too, but the intent would be in the ledger, and a lock would end the processes of
 * whoever has that number.
 */
async function isKnownElsewhere(run: Run, key: string): Promise<boolean> {
  for (const database of ['passwd', 'group']) {
    if ((await mustRun(run, 'getent', [database, '--', key], { codes: [0, 2] })).stdout !== '') return true;
  }
  return false;
}

/**
 * Whether the password or the account was closed by somebody else than us, which making the lines anew would undo.
 * Without a hash it is only what a killed useradd left.
 */
function isClosedByHand(lock: LockRecord | undefined, shadow: ShadowLine | undefined): boolean {
  if (!shadow?.password.includes('$')) return false;
  if (lock) return lock.passwordWasLocked || lock.previousExpiry !== '';
  return shadow.password.startsWith('!') || shadow.expiry !== '';
}

/** An account of ours: as it is when all its lines are there, else to be made again from the beginning. */
function resume(workshop: Workshop, known: Entry, { oid, name }: Wanted): Entry {
  if (known.name !== name) {
    throw new AgentError('conflict', `${oid} has the account ${known.name} already`, `use ${known.name}`);
  }
  const { etc, shadow } = openOwn(workshop, oid);
  const hasLines = hasAllLines(etc, known, known.adopted);
  if (known.state === 'made' && hasLines) return known;
  const { lock, archive: _, ...rest } = known;
  // A deletion that had not touched the account files yet: the person, the password and the lock are still there.
  if (known.state !== 'creating' && hasLines) return lock ? { ...rest, lock } : rest;
  if (known.adopted) {
    throw new AgentError('refused', `the adopted account ${name} is damaged`, 'repair it by hand with pwck and grpck');
  }
  if (isClosedByHand(known.lock, shadow)) {
    throw new AgentError(
      'refused',
      `${name} is damaged, and somebody locked it by hand`,
      'repair it with pwck and grpck',
    );
  }
  const problem = groupProblem(etc, known);
  if (problem) throw new AgentError('conflict', problem, 'free the group name and number');
  // A lock of lines that are made anew describes nothing any more.
  const entry: Entry = { ...rest, state: 'creating' };
  workshop.ledger.put(entry);
  return entry;
}

/**
 * The lines in the four files, the password and the home. Whatever a killed run left is swept away first, and what a
 * full disk let be made, in part only, afterwards; where not even that is possible the next attempt does it.
 */
async function makeAnew(workshop: Workshop, entry: Entry, gecos: string): Promise<void> {
  await sweepAway(workshop, entry);
  try {
    await makeLines(workshop, entry, gecos);
    await completeHome(workshop, entry);
  } catch (error) {
    await sweepAway(workshop, entry).catch((second: unknown) => {
      if (!(second instanceof AgentError)) throw second;
    });
    throw error;
  }
}

async function makeLines(workshop: Workshop, entry: Entry, gecos: string): Promise<void> {
  const { policy, paths, run } = workshop;
  const { name, uid } = entry;
  const numbers = ['-u', String(uid), '-g', String(uid)];
  // The group by itself: useradd would search for a free number, which is quadratic in the number of accounts.
  await mustRun(run, 'groupadd', ['-g', String(uid), name]);
  const place = ['-M', '-d', homeOf(policy.homeBase, name), '-s', policy.shell];
  await mustRun(run, 'useradd', [...place, ...numbers, '-c', gecos, ...NO_SUBIDS, name]);
  await setRandomPassword(run, name);
  // No shadow tool does it.
  syncDirectory(paths.etc);
}

/** A home that an administrator gave to somebody else, for sftp in a chroot perhaps, is left as it is. */
async function completeHome({ policy, paths, run }: Workshop, { name, uid, adopted }: Entry): Promise<void> {
  const home = homeOf(policy.homeBase, name);
  if (adopted || homeState(home, uid) !== 'missing') return;
  requireRootOnly(policy.homeBase);
  await makeHome(home, uid, { skeleton: paths.skeleton, run });
}

async function setGecos({ run, paths }: Workshop, { name }: Entry, gecos: string): Promise<void> {
  if (readEtc(paths.etc).passwd.get(name)?.gecos === gecos) return;
  await mustRun(run, 'usermod', ['-c', gecos, name]);
  syncDirectory(paths.etc);
}

function readBack({ paths, policy }: Workshop, entry: Entry, gecos: string): void {
  const { name, uid, state, adopted } = entry;
  const etc = readEtc(paths.etc);
  const shadow = etc.shadow.get(name);
  const home = homeOf(policy.homeBase, name);
  const isUsable = (found: HomeState) => found === 'whole' || (found === 'foreign' && state !== 'creating');
  const problems = [
    ...(hasAllLines(etc, entry, adopted) ? [] : ['a line in passwd, shadow, group or gshadow is missing']),
    ...(etc.passwd.get(name)?.gecos === gecos ? [] : ['the full name was not taken over']),
    ...(adopted || isUsable(homeState(home, uid)) ? [] : [`${home} is not there or does not belong to uid ${uid}`]),
    ...(state !== 'creating' || (shadow?.password.startsWith('$') && shadow.changed === '0')
      ? []
      : ['the initial password was not set or is not expired']),
  ];
  if (problems.length > 0) throw new AgentError('failed', `${name} is not complete: ${problems.join('; ')}`);
}
