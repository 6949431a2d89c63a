import { join } from 'node:path';
import { examineForAdoption } from './adopt.js';
import type { RootVerb } from './arguments.js';
import { readClaims } from './claims.js';
import { AgentError } from './errors.js';
import { readEtc } from './etc.js';
import type { Run } from './exec.js';
import { openLedger } from './ledger.js';
import { loadPolicy } from './policy.js';
import { examineForRelease } from './release.js';
import { examineForRepair } from './repair.js';
import { examineForRestore, moveIntoPlace, removeDraft, unpack } from './restore.js';
import { rootOnlyProblem } from './root-only.js';
import { borrowStateDirectory, holdAlone } from './single.js';
import type { AgentClock, Paths } from './workshop.js';

export interface RootVerbOptions {
  policyFile: string;
  stateDirectory: string;
  /** How long a running agent is waited for. */
  waitMs: number;
  paths: Paths;
  run: Run;
  clock: AgentClock;
  tell: (line: string) => void;
}

/** Does what root asked for on the command line, or shows it. Throws AgentError; nothing was changed then. */
export async function doRootVerb(verb: RootVerb, options: RootVerbOptions): Promise<void> {
  switch (verb.kind) {
    case 'adopt':
      return adopt(verb, options);
    case 'release':
      return release(verb, options);
    case 'restore':
      return restore(verb, options);
    case 'repair':
      return repair(verb, options);
    default:
      return verb satisfies never;
  }
}

const LATER = 'nothing was changed; the same with --yes does it';

function open({ policyFile, stateDirectory, paths, clock }: RootVerbOptions) {
  const policy = loadPolicy(policyFile);
  const ledger = openLedger(join(stateDirectory, 'accounts.json'));
  return { policy, ledger, paths, now: clock.now() };
}

function adopt({ oid, name, confirmed }: Extract<RootVerb, { kind: 'adopt' }>, options: RootVerbOptions): void {
  if (confirmed) borrowStateDirectory(options.stateDirectory, options.waitMs);
  const { policy, ledger, paths } = open(options);
  const { entry, lines } = examineForAdoption({ ledger, policy, etcDirectory: paths.etc }, { oid, name });
  for (const line of lines) options.tell(line);
  if (!confirmed) {
    options.tell(LATER);
    return;
  }
  ledger.put(entry);
  options.tell(`${entry.name} is adopted`);
}

function release({ oid, confirmed }: Extract<RootVerb, { kind: 'release' }>, options: RootVerbOptions): void {
  if (confirmed) borrowStateDirectory(options.stateDirectory, options.waitMs);
  const { ledger, paths, now } = open(options);
  const { entry, lines } = examineForRelease({ ledger, paths, now }, oid);
  for (const line of lines) options.tell(line);
  if (!entry) return;
  if (!confirmed) {
    options.tell(LATER);
    return;
  }
  ledger.put(entry);
  options.tell(`${entry.name} is given back`);
}

/**
 * What the reconciler's ledger names is examined before anything is taken from it. Done is only what root has seen: of
 * a file that the reconciler cannot change between the showing and the doing.
 */
function repair({ ledger: file, confirmed }: Extract<RootVerb, { kind: 'repair' }>, options: RootVerbOptions): void {
  const problem = rootOnlyProblem(file);
  if (confirmed && problem !== undefined && problem !== 'missing') {
    const why = `${file} could be another than the one that was shown: ${problem}`;
    throw new AgentError(
      'refused',
      why,
      'copy it to where only root can write, such as /root, and look at the copy first',
    );
  }
  if (confirmed) borrowStateDirectory(options.stateDirectory, options.waitMs);
  const { policy, ledger, paths } = open(options);
  const around = { ledger, policy, etc: readEtc(paths.etc), clock: options.clock };
  const { entries, lines, refused } = examineForRepair(around, readClaims(file));
  for (const line of lines) options.tell(line);
  const doing = problem === undefined ? LATER : 'nothing was changed; --yes is for a copy that only root can write';
  const later = lines.length === 0 ? 'the record knows every account that the ledger names' : doing;
  if (lines.length === 0 || !confirmed) {
    options.tell(later);
    return;
  }
  for (const entry of entries) ledger.put(entry);
  options.tell(`${entries.length} accounts are in the record again`);
  if (refused > 0)
    throw new AgentError('refused', `${refused} of the ledger's accounts were not taken over, see above`);
}

/** Unpacking may take long, so the agent works on meanwhile; only the last moves need it out of the way. */
async function restore(
  { oid, archive, confirmed }: Extract<RootVerb, { kind: 'restore' }>,
  options: RootVerbOptions,
): Promise<void> {
  const { stateDirectory, run, tell } = options;
  const before = open(options);
  const planned = examineForRestore(before, oid, archive);
  for (const line of planned.lines) tell(line);
  if (!confirmed) {
    tell(LATER);
    return;
  }
  holdAlone(stateDirectory, 'restore');
  const draft = await unpack(planned, before, run);
  try {
    borrowStateDirectory(stateDirectory, options.waitMs);
    const now = open(options);
    // Whatever happened to the account meanwhile, the place is chosen by what is there now.
    const place = moveIntoPlace(examineForRestore(now, oid, planned.archive), draft, now);
    tell(`the former home is now ${place}; the archive stays at ${planned.archive}`);
  } finally {
    await removeDraft(draft, options.paths.skeleton, run);
  }
}
