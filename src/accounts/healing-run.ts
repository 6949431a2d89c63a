import { join } from 'node:path';
import { diskTrouble } from './disk-trouble.js';
import { AgentError } from './errors.js';
import type { Outcome, Run, RunOptions, Tool } from './exec.js';
import { statIfThere } from './if-there.js';
import type { PasswdLock } from './passwd-lock.js';
import { type KilledTool, litterOf, lockTroubles, removeLitter, removeStaleLocks } from './stale-locks.js';
import type { ToolNote } from './tool-note.js';

/** Those that change the account files, and which of these they write. They lock passwd besides. */
const WRITTEN: { [T in Tool]?: readonly string[] } = {
  useradd: ['passwd', 'shadow', 'group', 'gshadow'],
  usermod: ['passwd', 'shadow'],
  userdel: ['passwd', 'shadow', 'group', 'gshadow', 'subuid', 'subgid'],
  // Whoever makes a group makes its account next: without room for both neither is begun.
  groupadd: ['passwd', 'shadow', 'group', 'gshadow'],
  groupdel: ['group', 'gshadow'],
  gpasswd: ['group', 'gshadow'],
  chpasswd: ['shadow'],
  chage: ['shadow'],
};

/** Their words for a lock that they did not get. */
const FAILED_LOCK = /cannot lock|lock file|already used by PID|lock busy/i;

/** And where a disk took nothing: often the lock file is what fails first, and PAM says nothing of the reason. */
const FAILED_WRITE =
  /cannot lock|cannot open|No space left|Read-only|quota|Input\/output error|write error|writing changes|token manipulation/i;

export interface HealingOptions {
  run: Run;
  passwdLock: PasswdLock;
  note: ToolNote;
  etcDirectory: string;
  procDirectory: string;
  /** Told what was removed. */
  say: (text: string) => void;
}

/** A run that heals what keeps the passwd tools from working, and cleans up after those that were killed. */
export interface HealingRun {
  run: Run;
  /** Removes what the last tool of a former agent left behind when both were killed. Never rejects. */
  cleanUpAfterFormer(): Promise<void>;
}

/**
 * Runs tools as `run` does. A passwd tool that failed over a lock file nobody holds is run once more after that file
 * was removed; one that failed over a lock that is held throws AgentError `busy` with the holder named. A failure
 * for the disk's sake carries the remedy; where there is too little room it is not even started. The tools themselves wait 15 s for each other, so once a lock was found
 * held, the next tool is not started before it is free.
 */
export function createHealingRun(options: HealingOptions): HealingRun {
  const { passwdLock, note, etcDirectory, procDirectory, say } = options;
  const killed: KilledTool[] = [];
  let wasHeld = false;

  /** Removes stale lock files; the remedy where that cannot be done here. Throws `busy` where somebody works. */
  async function heal(tool: Tool): Promise<string | undefined> {
    const answer = await passwdLock(() => ({
      done: removeStaleLocks(etcDirectory, procDirectory),
      held: lockTroubles(etcDirectory, procDirectory),
    }));
    wasHeld = answer.kind === 'held';
    switch (answer.kind) {
      case 'held':
        throw busy(tool, `${answer.by} holds the account files`, 'wait until it has ended');
      case 'impossible':
        return `make sure that no passwd tool runs, then rm ${etcDirectory}/*.lock (not done here: ${answer.why})`;
      case 'done':
        for (const text of answer.value.done) say(text);
        if (answer.value.held.length > 0) throw busy(tool, answer.value.held.join('; '), 'it is tried again');
        return undefined;
      default:
        return answer satisfies never;
    }
  }

  async function runLocking(tool: Tool, args: readonly string[], runOptions: RunOptions): Promise<Outcome> {
    const lack = diskTrouble(etcDirectory, roomFor(WRITTEN[tool] ?? [], etcDirectory));
    if (lack) return { code: 1, stdout: '', stderr: '', notStarted: lack.what, remedy: lack.remedy };
    if (wasHeld) await heal(tool);
    const first = await attempt(tool, args, runOptions);
    if (first.code === 0) return first;
    const trouble = FAILED_WRITE.test(first.stderr) ? diskTrouble(etcDirectory) : undefined;
    if (trouble) return { ...first, stderr: `${first.stderr}\n${trouble.what}`, remedy: trouble.remedy };
    if (!FAILED_LOCK.test(first.stderr)) return first;
    const remedy = await heal(tool);
    return remedy === undefined ? attempt(tool, args, runOptions) : { ...first, remedy };
  }

  /** Only a tool that was killed leaves something behind. */
  async function attempt(tool: Tool, args: readonly string[], runOptions: RunOptions): Promise<Outcome> {
    let started: KilledTool | undefined;
    const onStart = (pid: number): void => {
      started = { tool, pid };
      note.write(started);
    };
    try {
      return await options.run(tool, args, { ...runOptions, onStart });
    } catch (error) {
      if (started) killed.push(started);
      await cleanUp();
      throw error;
    }
  }

  async function cleanUp(): Promise<void> {
    for (const tool of killed.splice(0)) {
      try {
        if (litterOf(tool, etcDirectory).length === 0) continue;
        const answer = await passwdLock(() => removeLitter(tool, etcDirectory));
        if (answer.kind === 'done') for (const text of answer.value) say(text);
        // Somebody works on the files now, so it stays until the next tool is killed or the next agent starts.
        else killed.push(tool);
      } catch (error) {
        killed.push(tool);
        say(`what ${tool.tool} left in ${etcDirectory} stays: ${error instanceof Error ? error.message : error}`);
      }
    }
  }

  return {
    run: (tool, args, runOptions = {}) =>
      WRITTEN[tool] ? runLocking(tool, args, runOptions) : options.run(tool, args, runOptions),
    async cleanUpAfterFormer() {
      const former = note.read();
      if (former) killed.push(former);
      await cleanUp();
    },
  };
}

function busy(tool: Tool, why: string, remedy: string): AgentError {
  return new AgentError('busy', `${tool} could not begin: ${why}`, remedy);
}

/**
 * A new copy, a backup and a lock file of each, in blocks. Without that room a tool may write some of the files and not
 * the others, or leave a backup that is cut off and fills the rest of the disk.
 */
function roomFor(files: readonly string[], etcDirectory: string): number {
  const size = (name: string) => statIfThere(join(etcDirectory, name))?.size ?? 0;
  const blocks = (bytes: number) => Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
  // The old backup makes room for the new one.
  const needs = files.map((name) => 2 * blocks(size(name)) - blocks(size(`${name}-`)) + BLOCK_BYTES);
  return needs.reduce((sum, bytes) => sum + Math.max(bytes, BLOCK_BYTES), 2 * BLOCK_BYTES);
}

const BLOCK_BYTES = 4096;
