import { join } from 'node:path';
import { createRun } from './exec.js';
import { createHealingRun, type HealingRun } from './healing-run.js';
import { createPasswdLock } from './passwd-lock.js';
import { openToolNote } from './tool-note.js';
import type { Paths } from './workshop.js';

export interface HostRunOptions {
  /** The agent's own, where it notes which tool was started last. */
  stateDirectory: string;
  paths: Pick<Paths, 'etc' | 'proc'>;
  /** Told what was healed. */
  say: (text: string) => void;
}

/** The run for the real host. */
export function createHostRun({ stateDirectory, paths, say }: HostRunOptions): HealingRun {
  return createHealingRun({
    run: createRun(),
    passwdLock: createPasswdLock({ file: join(paths.etc, '.pwd.lock'), procDirectory: paths.proc }),
    note: openToolNote(join(stateDirectory, 'last-tool')),
    etcDirectory: paths.etc,
    procDirectory: paths.proc,
    say,
  });
}
