import type { Settings } from '../../config/settings.js';
import type { Io } from '../io.js';
import { rootVerb } from './root-verb.js';

export interface ByRootOptions {
  json?: boolean | undefined;
  io: Io;
  /** Default: whether this process is root's. */
  isRoot?: boolean | undefined;
}

/** What came of a command that only root may give: `left` to do where this process is not root's, or it was only shown. */
export type ByRoot = 'done' | 'failed' | 'left';

/**
 * Gives one of the account agent's own commands with --yes where `apply` says so and we are root; otherwise tells which
 * it is. With --json nothing but errors is printed.
 */
export async function byRoot(
  settings: Pick<Settings, 'linux'>,
  args: readonly string[],
  apply: boolean,
  { json, io, isRoot }: ByRootOptions,
): Promise<ByRoot> {
  const verb = rootVerb(settings, [...args, ...(apply ? ['--yes'] : [])], isRoot);
  if (!apply) {
    if (!json)
      io.out(`the account itself is in root's hands, on its host: ${rootVerb(settings, [...args, '--yes']).shown}`);
    return 'left';
  }
  if (!verb.allowed) {
    io.err(`left to do, as root on the host of the account: ${verb.shown}`);
    return 'left';
  }
  const { code, stdout, stderr } = await verb.run();
  if (!json && stdout !== '') io.out(stdout.trimEnd());
  if (code === 0) return 'done';
  io.err(stderr.trim() || `the account agent's command ended with ${code}`);
  io.err(`left to do, as root on the host of the account: ${verb.shown}`);
  return 'failed';
}
