import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Entry } from './ledger.js';
import { killProcesses, type Owner, type OwnProcess, ownProcesses } from './processes.js';
import { subordinateRanges } from './subordinate.js';
import type { Workshop } from './workshop.js';

/** What became of somebody's logins and processes. */
export interface Ending {
  /** What whoever asked should know although everything of theirs is ended. */
  notes: string[];
  /** What is still there; empty where everything is ended. */
  problems: string[];
}

/** Longer than systemd waits before it starts a service again (RestartSec=, 100 ms unless set otherwise). */
const RESTART_WAIT_MS = 400;
/** A logind that hangs must not keep anybody's processes alive; what it does is only more orderly. */
const LOGIND_LIMIT_MS = 4_000;

/**
 * Ends the logins and processes of an account: through logind, so that it knows, and by signals, which need nobody. A
 * logind that cannot be asked is a note. Whatever is alive at the end, or is started again, is a problem that names it.
 */
export async function endProcesses(workshop: Workshop, { name, uid }: Pick<Entry, 'name' | 'uid'>): Promise<Ending> {
  const { run, paths } = workshop;
  const owner: Owner = { uid, subordinate: subordinateRanges(paths.etc, { name, uid }) };
  const trouble = await askLogind(workshop, ['terminate-user', name]);
  const met = await killProcesses(owner, run, paths.proc);
  const abroad = [...new Set(met.flatMap(({ elsewhere }) => elsewhere ?? []))].sort();
  if (abroad.length > 0) await sleep(RESTART_WAIT_MS);
  const left = ownProcesses(owner, paths.proc);
  return {
    notes: [
      ...(trouble ? [`${trouble}; the processes of ${name} were ended one by one`] : []),
      ...(abroad.length > 0
        ? [
            `processes of ${name} were ended in ${abroad.slice(0, 5).join(', ')}; root has to stop what starts them again`,
          ]
        : []),
      ...(met.some(({ nested }) => nested)
        ? [`some processes of ${name} ran in a name space of their own, as in a container; its other uids run on`]
        : []),
    ],
    problems: left.length > 0 ? [survivors(left)] : [],
  };
}

/** Asks logind for something. Returns why that did not work, in words; nothing to do is no trouble. */
export async function askLogind({ run }: Pick<Workshop, 'run'>, args: readonly string[]): Promise<string | undefined> {
  if (!existsSync('/run/systemd/system')) return 'this host has no logind (it was not booted with systemd)';
  try {
    const { code, stderr } = await run('loginctl', args, { timeoutMs: LOGIND_LIMIT_MS });
    if (code === 0 || stderr.includes('not logged in or lingering')) return undefined;
    return `loginctl ${args[0]} did not work: ${stderr.trim().slice(0, 200) || `it ended with ${code}`}`;
  } catch (error) {
    return `loginctl ${args[0]} did not work: ${error instanceof Error ? error.message : error}`;
  }
}

/** The file by which logind keeps a person's services running without a login. */
export function lingerFlag({ paths }: Pick<Workshop, 'paths'>, name: string): string {
  return join(paths.linger, name);
}

function survivors(left: readonly OwnProcess[]): string {
  const named = left
    .slice(0, 10)
    .map(({ pid, command, elsewhere }) => `${pid} (${command}${elsewhere ? ` in ${elsewhere}` : ''})`);
  return `processes survived being killed or were started again: ${named.join(', ')}`;
}
