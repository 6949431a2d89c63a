import type { CheckName } from './catalogue.js';

/**
 * How a check ended. `remark`: well, with something to know. `unreachable`: nothing is known to be wrong, and what was
 * to be looked at gave no answer. `skipped`: not looked at, since something else must be mended first or we may not.
 */
export type CheckState = 'fine' | 'remark' | 'wrong' | 'unreachable' | 'skipped';

/** One thing that was looked at: what was seen and, where there is something to do, what mends it. */
export interface Check<Name extends string = CheckName> {
  name: Name;
  state: CheckState;
  /** Without secrets. */
  saw: string;
  /** The command, or the portal page. */
  mend?: string | undefined;
}

export function fine(name: CheckName, saw: string): Check {
  return { name, state: 'fine', saw };
}

export function remark(name: CheckName, saw: string, mend?: string): Check {
  return { name, state: 'remark', saw, mend };
}

export function wrong(name: CheckName, saw: string, mend: string): Check {
  return { name, state: 'wrong', saw, mend };
}

export function unreachable(name: CheckName, saw: string, mend: string): Check {
  return { name, state: 'unreachable', saw: `cannot be reached: ${saw}`, mend };
}

/** `because` completes "not looked at: …", and by default is what to mend first. */
export function skipped(name: CheckName, because: string, mend = 'mend that first'): Check {
  return { name, state: 'skipped', saw: `not looked at: ${because}`, mend };
}

/** Whether the check counts as good in `--json`. */
export function isOk({ state }: Pick<Check, 'state'>): boolean {
  return state === 'fine' || state === 'remark';
}
